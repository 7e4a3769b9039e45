// A client of dex made of openid-client, which knows nothing of us, and a browser of forms.
import { type FleetFacts, type FormBrowser, openFormBrowser, signInWithForms } from "@dex/testing";
import * as openid from "openid-client";

export interface RelyingParty {
  readonly configuration: openid.Configuration;
  readonly redirectUri: string;
  /** An authorization request with PKCE, state and nonce, and what is needed to redeem its answer. */
  begin(scope?: string): Promise<{ readonly url: URL; readonly checks: Checks }>;
  /** Signs the fleet's user in and returns the address dex sent the browser back to. */
  signIn(url: URL, browser?: FormBrowser): Promise<URL>;
  redeem(answer: URL, checks: Checks): Promise<Tokens>;
}
export interface Checks {
  readonly pkceCodeVerifier: string;
  readonly expectedState: string;
  readonly expectedNonce: string;
}
export type Tokens = Awaited<ReturnType<typeof openid.authorizationCodeGrant>>;

/** Reads the issuer's discovery document and becomes the fleet's client, or the one given. */
export async function makeRelyingParty(
  facts: FleetFacts,
  client: { id: string; secret: string; redirectUri: string } = {
    ...facts.client,
    redirectUri: facts.client.redirectUris[0] ?? "",
  },
): Promise<RelyingParty> {
  const configuration = await openid.discovery(new URL(facts.issuer), client.id, client.secret, undefined, {
    execute: [openid.allowInsecureRequests],
  });
  const { redirectUri } = client;
  return {
    configuration,
    redirectUri,
    async begin(scope = "openid email profile offline_access") {
      const checks = {
        pkceCodeVerifier: openid.randomPKCECodeVerifier(),
        expectedState: openid.randomState(),
        expectedNonce: openid.randomNonce(),
      };
      const url = openid.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope,
        code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
        code_challenge_method: "S256",
        state: checks.expectedState,
        nonce: checks.expectedNonce,
      });
      return { url, checks };
    },
    signIn: (url, browser = openFormBrowser({ stopAt: [redirectUri] })) => signInWithForms(browser, url, facts.user),
    redeem: (answer, checks) =>
      openid.authorizationCodeGrant(configuration, answer, { idTokenExpected: true, ...checks }),
  };
}

/** A sign-in from beginning to end. */
export async function obtainTokens(party: RelyingParty, scope?: string): Promise<Tokens> {
  const { url, checks } = await party.begin(scope);
  return party.redeem(await party.signIn(url), checks);
}

/** A POST to the token endpoint as it stands, for what openid-client would never send. */
export function postToken(
  facts: Pick<FleetFacts, "client">,
  tokenEndpoint: string,
  parameters: Readonly<Record<string, string>>,
): Promise<Response> {
  const credentials = [facts.client.id, facts.client.secret].map(encodeURIComponent).join(":");
  return fetch(tokenEndpoint, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` },
    body: new URLSearchParams(parameters),
  });
}
