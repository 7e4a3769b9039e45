// A `saml` connector with an identity provider made of hand-made documents.
import { addSeconds, type JsonObject, silentLogger, systemClock, systemRandom } from "@dex/runtime";
import { NOTHING_ASKED, openSamlSigner, PLAIN_CALLBACK, type SamlResponseValues, samlResponse } from "@dex/testing";
import type { AskedOfUpstream, Connector, LoginOutcome } from "../src/index.ts";
import { type ConnectorParts, openConnector } from "../src/index.ts";

export const CALLBACK = "https://dex.example/auth/corp/callback";
export const ISSUER = "https://idp.example/metadata";
export const ATTRIBUTES = { name: ["Grace Hopper"], email: ["grace@example.com"], groups: ["Admins", "Everyone"] };

export const signer = openSamlSigner();
export const otherSigner = openSamlSigner();
export const ecSigner = openSamlSigner("ec");
/** The certificates are valid from a moment ago. */
export const NOW = systemClock();
export const caData = (...certificates: string[]) => Buffer.from(certificates.join("")).toString("base64");

export const CONFIG: JsonObject = {
  ssoURL: "https://idp.example/sso",
  ssoIssuer: ISSUER,
  caData: caData(signer.certificate),
  usernameAttr: "name",
  emailAttr: "email",
  groupsAttr: "groups",
};

export function openSaml(more: JsonObject = {}, parts: Partial<ConnectorParts> = {}): Connector {
  const opened = openConnector(
    { id: "corp", type: "saml", config: { ...CONFIG, ...more } },
    {
      clock: () => NOW,
      random: systemRandom,
      logger: silentLogger,
      checkPassword: async () => ({ kind: "refused", reason: "invalid credentials", detail: "" }),
      ...parts,
    },
  );
  if (opened.kind === "refused") throw new Error(opened.reason);
  return opened.connector;
}

export interface BegunSaml {
  readonly requestId: string;
  /** What a careful provider would answer, with `more` over it; signed where it says so. */
  answer(more?: Partial<SamlResponseValues>): string;
  finish(xml: string | Buffer, more?: { asked?: Partial<AskedOfUpstream>; now?: Date }): Promise<LoginOutcome>;
}

export async function begin(connector: Connector, audience = CALLBACK): Promise<BegunSaml> {
  if (connector.login.kind !== "callback") throw new Error("not a callback connector");
  const { login } = connector;
  const wish = {
    reauthenticate: false,
    selectAccount: false,
    maxAgeSeconds: undefined,
    loginHint: undefined,
    asked: NOTHING_ASKED,
  };
  const departure = await login.begin({ callbackUrl: CALLBACK, state: "flow.handle", wish });
  if (departure.kind !== "form") throw new Error(`departs by ${departure.kind}`);
  const requestId = String(departure.data.requestId);
  return {
    requestId,
    answer(more = {}) {
      const values = {
        requestId,
        callbackUrl: CALLBACK,
        audience,
        issuer: ISSUER,
        now: NOW,
        attributes: ATTRIBUTES,
        ...more,
      };
      return sign(samlResponse(values), values);
    },
    finish: (xml, { asked = {}, now = NOW } = {}) =>
      login.finish({
        request: PLAIN_CALLBACK,
        callbackUrl: CALLBACK,
        query: new URLSearchParams({ SAMLResponse: Buffer.from(xml).toString("base64"), RelayState: "flow.handle" }),
        state: "flow.handle",
        data: departure.data,
        asked: { ...NOTHING_ASKED, ...asked },
        now,
      }),
  };
}

/** Fills in the templates, the inner one first: the outer signature covers it. */
export function sign(
  xml: string,
  { signed = ["assertion"], assertionId = "_assertion" }: Partial<SamlResponseValues>,
  by = signer,
): string {
  let done = xml;
  if (signed.includes("assertion")) done = by.sign(done, assertionId);
  if (signed.includes("response")) done = by.sign(done, "_response");
  return done;
}

export const later = (seconds: number) => addSeconds(NOW, seconds);
