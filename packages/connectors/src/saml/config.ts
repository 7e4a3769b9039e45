// The configuration of a `saml` connector: the names and meanings of dex v2, and what that did without.
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { isLoopback } from "@dex/runtime";
import * as z from "zod";
import { configText, maybeEmpty } from "../connector-kind.ts";
import { readConfiguredFile } from "../root-ca.ts";

const MIN_RSA_BITS = 2048;
const CERTIFICATES = /^(?:-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+$/;

const NAME_ID_FORMATS: ReadonlyMap<string, string> = new Map([
  ...["emailAddress", "unspecified", "X509SubjectName", "WindowsDomainQualifiedName"].map(
    (name) => [name, `urn:oasis:names:tc:SAML:1.1:nameid-format:${name}`] as const,
  ),
  ...["encrypted", "entity", "kerberos", "persistent", "transient"].map(
    (name) => [name, `urn:oasis:names:tc:SAML:2.0:nameid-format:${name}`] as const,
  ),
]);

const samlUrl = z
  .string()
  .max(2048)
  .refine(isSamlUrl, "expected an absolute https URL (http on loopback only) without fragment");
const pem = z.string().max(65_536);

export const samlConfigSchema = z
  .object({
    name: configText(100).optional(),
    ssoURL: samlUrl,
    /** Where people are signed out: the single logout service, HTTP-Redirect binding. */
    sloURL: maybeEmpty(samlUrl),
    /** The entity id of the identity provider. */
    ssoIssuer: maybeEmpty(configText(1024)),
    /** Our entity id; our callback when left out. */
    entityIssuer: maybeEmpty(configText(1024)),
    redirectURI: maybeEmpty(configText(2048)),
    /** The certificates that the identity provider signs with, not an authority that issued them: a file, or base64 of PEM. */
    ca: maybeEmpty(configText(4096)),
    caData: maybeEmpty(z.string().max(131_072)),
    insecureSkipSignatureValidation: z
      .boolean()
      .refine((skip) => !skip, "is not supported: without signatures anybody could sign in as anybody")
      .optional(),
    usernameAttr: configText(255),
    emailAttr: configText(255),
    groupsAttr: maybeEmpty(configText(255)),
    groupsDelim: maybeEmpty(z.string().max(16)),
    allowedGroups: z.array(configText(255)).max(1000).optional(),
    filterGroups: z.boolean().optional(),
    nameIDPolicyFormat: z
      .string()
      .refine((format) => nameIdFormat(format) !== undefined, "expected a NameID format, such as persistent")
      .refine(
        (format) => nameIdFormat(format) !== NAME_ID_FORMATS.get("transient"),
        "transient names nobody a second time",
      )
      .optional(),
    /** On by default: the operator named the certificate that vouches for them. */
    trustedEmailProvider: z.boolean().optional(),
    /** Answers refreshes with what the last sign-in said. Nobody asks the identity provider again. */
    enableCachedRefresh: z.boolean().optional(),
    /** Signs our requests and decrypts assertions. `certificate` is its public half, for metadata. */
    privateKey: maybeEmpty(pem),
    certificate: maybeEmpty(pem),
  })
  .superRefine((config, context) => {
    const refuse = (member: string, message: string) => context.addIssue({ code: "custom", path: [member], message });
    if ((config.ca === undefined) === (config.caData === undefined))
      refuse("ca", "expected exactly one of ca and caData");
    if (config.allowedGroups?.length && config.groupsAttr === undefined) refuse("allowedGroups", "needs groupsAttr");
    if (config.caData !== undefined) refuseUnless(() => decodeCaData(config.caData ?? ""), "caData", refuse);
    if (config.certificate !== undefined) {
      refuseUnless(() => readCertificates("certificate", config.certificate ?? ""), "certificate", refuse);
    }
  });

type SamlConfig = z.infer<typeof samlConfigSchema>;

export interface SamlSettings {
  readonly ssoUrl: string;
  readonly sloUrl: string | undefined;
  readonly ssoIssuer: string | undefined;
  readonly entityIssuer: string | undefined;
  readonly redirectUri: string | undefined;
  /** What the identity provider signs with. Only those within their dates count. */
  readonly certificates: readonly X509Certificate[];
  readonly nameIdFormat: string;
  readonly usernameAttribute: string;
  readonly emailAttribute: string;
  readonly groups: GroupSettings;
  readonly trustedEmailProvider: boolean;
  readonly cachedRefresh: boolean;
  readonly privateKey: KeyObject | undefined;
  /** PEM */
  readonly certificate: string | undefined;
}

export interface GroupSettings {
  readonly attribute: string | undefined;
  readonly delimiter: string | undefined;
  /** Empty: everybody. */
  readonly allowed: readonly string[];
  readonly filter: boolean;
}

/** Throws an Error that names the member it cannot use, and holds nothing of its value. */
export function toSamlSettings(config: SamlConfig): SamlSettings {
  const certificates =
    config.caData === undefined
      ? readCertificates("ca", readConfiguredFile("ca", config.ca ?? ""))
      : decodeCaData(config.caData);
  return {
    ssoUrl: config.ssoURL,
    sloUrl: config.sloURL,
    ssoIssuer: config.ssoIssuer,
    entityIssuer: config.entityIssuer,
    redirectUri: config.redirectURI,
    certificates,
    nameIdFormat: nameIdFormat(config.nameIDPolicyFormat ?? "persistent") ?? "",
    usernameAttribute: config.usernameAttr,
    emailAttribute: config.emailAttr,
    groups: {
      attribute: config.groupsAttr,
      delimiter: config.groupsDelim,
      allowed: config.allowedGroups ?? [],
      filter: config.filterGroups ?? false,
    },
    trustedEmailProvider: config.trustedEmailProvider ?? true,
    cachedRefresh: config.enableCachedRefresh ?? false,
    privateKey: config.privateKey ? readPrivateKey(config.privateKey) : undefined,
    certificate: config.certificate,
  };
}

/** The whole URN, from that or from its last part. */
function nameIdFormat(text: string): string | undefined {
  if (text === "") return NAME_ID_FORMATS.get("persistent");
  return NAME_ID_FORMATS.get(text) ?? [...NAME_ID_FORMATS.values()].find((urn) => urn === text);
}

function decodeCaData(base64: string): X509Certificate[] {
  return readCertificates("caData", Buffer.from(base64, "base64").toString("latin1"));
}

/** Nothing may stand beside the certificates: a second one that is misspelt must not be missing quietly. */
function readCertificates(member: string, text: string): X509Certificate[] {
  const pems = CERTIFICATES.test(text) ? (text.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []) : [];
  if (pems.length === 0) throw new Error(`${member}: expected PEM certificates and nothing else`);
  return pems.map((one) => {
    const certificate = parseCertificate(member, one);
    const { asymmetricKeyType: type, asymmetricKeyDetails } = certificate.publicKey;
    const bits = asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS;
    if ((type !== "rsa" && type !== "ec") || bits < MIN_RSA_BITS) {
      throw new Error(
        `${member}: expected certificates with an EC key, or an RSA key of at least ${MIN_RSA_BITS} bits`,
      );
    }
    return certificate;
  });
}

function parseCertificate(member: string, text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    throw new Error(`${member}: expected PEM certificates and nothing else`);
  }
}

function readPrivateKey(text: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(text);
  } catch {
    // Told below, without what the library says of the key.
  }
  if (key?.asymmetricKeyType !== "rsa") throw new Error("privateKey: expected an RSA key in PEM, without a passphrase");
  return key;
}

function refuseUnless(read: () => unknown, member: string, refuse: (member: string, message: string) => void): void {
  try {
    read();
  } catch (error) {
    refuse(member, error instanceof Error ? error.message.replace(`${member}: `, "") : "cannot be read");
  }
}

function isSamlUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || /[#\s]/.test(text) || url.username !== "" || url.password !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url));
}
