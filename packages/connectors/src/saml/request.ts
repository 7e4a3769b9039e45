// What we send: AuthnRequest and metadata, as @node-saml/node-saml writes them. Its other half is not used: it reads the
// clock itself, reads claims with another parser than it verifies with, and takes weak ciphers.
import { generateServiceProviderMetadata, SAML } from "@node-saml/node-saml";
import type { UpstreamWish } from "../connector.ts";
import type { SamlSettings } from "./config.ts";

/** `id` comes back as InResponseTo. Base64, without deflate: SAML bindings §3.5. */
export async function makeAuthnRequest(
  settings: SamlSettings,
  request: { readonly id: string; readonly callbackUrl: string; readonly wish: UpstreamWish },
): Promise<string> {
  const { reauthenticate, selectAccount, maxAgeSeconds } = request.wish;
  const saml = new SAML({
    ...commonOptions(settings, request.callbackUrl),
    entryPoint: settings.ssoUrl,
    generateUniqueId: () => request.id,
    disableRequestedAuthnContext: true,
    skipRequestCompression: true,
    authnRequestBinding: "HTTP-POST",
    // SAML can only ask for a new sign-in: that also shows who is asked for, and how long ago it was.
    forceAuthn: reauthenticate || selectAccount || maxAgeSeconds !== undefined,
  });
  const { SAMLRequest: message } = await saml.getAuthorizeMessageAsync("", undefined, {});
  return String(message);
}

/** Describes us to the identity provider: SAML metadata §2.4.4. */
export function makeMetadata(settings: SamlSettings, callbackUrl: string, signedOutUrl: string): string {
  const { certificate, sloUrl } = settings;
  const common = commonOptions(settings, callbackUrl);
  const document = generateServiceProviderMetadata({
    ...(sloUrl === undefined ? {} : { logoutCallbackUrl: signedOutUrl }),
    issuer: common.issuer,
    callbackUrl,
    identifierFormat: settings.nameIdFormat,
    wantAssertionsSigned: true,
    generateUniqueId: () => "dex",
    ...(common.privateKey === undefined || certificate === undefined
      ? {}
      : {
          privateKey: common.privateKey,
          publicCerts: certificate,
          decryptionPvk: common.privateKey,
          decryptionCert: certificate,
          signatureAlgorithm: "sha256",
        }),
  });
  // The other binding than node-saml writes: our cookies only come with a GET.
  return document.replace(/(<SingleLogoutService Binding="[^"]*:)HTTP-POST"/, '$1HTTP-Redirect"');
}

/** Our entity id. */
export function audienceOf({ entityIssuer }: SamlSettings, callbackUrl: string): string {
  return entityIssuer ?? callbackUrl;
}

function commonOptions(settings: SamlSettings, callbackUrl: string) {
  const { privateKey } = settings;
  const [certificate] = settings.certificates;
  return {
    callbackUrl,
    issuer: audienceOf(settings, callbackUrl),
    identifierFormat: settings.nameIdFormat,
    idpCert: certificate?.toString() ?? "",
    ...(privateKey === undefined
      ? {}
      : {
          privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
          signatureAlgorithm: "sha256" as const,
          digestAlgorithm: "sha256",
        }),
  };
}
