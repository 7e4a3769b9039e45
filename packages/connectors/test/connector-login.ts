// A person's way through a connector of any type that signs in by callback, for tests.
import { createHash } from "node:crypto";
import { type JsonObject, silentLogger, systemClock, systemRandom } from "@dex/runtime";
import { NOTHING_ASKED, PLAIN_CALLBACK } from "@dex/testing";
import * as z from "zod";
import type {
  AskedOfUpstream,
  CallbackLogin,
  Connector,
  LoginOutcome,
  ProvedIdentity,
  UpstreamGrant,
  UpstreamWish,
} from "../src/connector.ts";
import type { ConnectorParts } from "../src/connector-kind.ts";
import { openConnector, parseConnectorConfigs } from "../src/registry.ts";

export const callbackUrl = "https://dex.example/auth/corp/callback";
const state = "state-of-the-browser-1";

/** Opens a configuration that the registry takes; anything else is an error of the test. */
export function openFor(type: string, config: JsonObject, parts: Partial<ConnectorParts> = {}): Connector {
  const parsed = parseConnectorConfigs([{ id: "corp", type, ...config }]);
  if (parsed.kind === "refused") throw new Error(parsed.reason);
  const [stored] = parsed.connectors;
  if (stored === undefined) throw new Error("expected a connector");
  const opened = openConnector(stored, {
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    checkPassword: async () => ({ kind: "unavailable", detail: "not used here" }),
    ...parts,
  });
  if (opened.kind === "refused") throw new Error(opened.reason);
  return opened.connector;
}

export function callbackLoginOf({ login }: Connector): CallbackLogin {
  if (login.kind !== "callback") throw new Error("expected a callback login");
  return login;
}

export interface Visitor extends Partial<Omit<UpstreamWish, "asked">> {
  readonly asked?: AskedOfUpstream;
  /** Brings the browser from the upstream's address to our callback: what it carries there. */
  readonly visit: (to: string) => Promise<URLSearchParams>;
}

export async function beginFor(connector: Connector, { asked = NOTHING_ASKED, visit: _visit, ...wish }: Visitor) {
  const none = { reauthenticate: false, selectAccount: false, maxAgeSeconds: undefined, loginHint: undefined };
  const begun = await callbackLoginOf(connector).begin({ callbackUrl, state, wish: { ...none, ...wish, asked } });
  if (begun.kind !== "redirect") throw new Error(`begin: ${JSON.stringify(begun)}`);
  return begun;
}

export async function signInFor(connector: Connector, visitor: Visitor): Promise<LoginOutcome> {
  const { to, data } = await beginFor(connector, visitor);
  const query = await visitor.visit(to);
  const { asked = NOTHING_ASKED } = visitor;
  const given = { callbackUrl, query, state, data, asked, request: PLAIN_CALLBACK, now: systemClock() };
  return callbackLoginOf(connector).finish(given);
}

/** An identity, or the end of the test. */
export async function proved(outcome: Promise<LoginOutcome>): Promise<ProvedIdentity & { grant: UpstreamGrant }> {
  const found = await outcome;
  if (found.kind !== "identity") throw new Error(JSON.stringify(found));
  return { ...found, grant: found.grant ?? {} };
}

/** Follows a redirect to our callback. */
export async function visitByRedirect(to: string): Promise<URLSearchParams> {
  const response = await fetch(to, { redirect: "manual" });
  const location = response.headers.get("location");
  if (location === null) throw new Error(`the provider refused: ${await response.text()}`);
  return new URL(location).searchParams;
}

/** Reads the form that a provider's page would post to our callback. */
export async function visitByForm(to: string): Promise<URLSearchParams> {
  const response = await fetch(to, { redirect: "manual" });
  const text = await response.text();
  const inputs = [...text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
  if (inputs.length === 0) throw new Error(`the provider refused: ${text}`);
  const read = (value = "") => value.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&");
  const answer = new URLSearchParams();
  for (const [, name, value] of inputs) answer.append(read(name), read(value));
  return answer;
}

/** Tokens as an application gets them that signs people in at the upstream itself: an ID token and an access token. */
export async function tokensOfApplication(application: {
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly visit: Visitor["visit"];
}): Promise<{ readonly idToken: string; readonly accessToken: string }> {
  const { clientId, clientSecret } = application;
  const verifier = "v".repeat(43);
  const request = {
    ...{ client_id: clientId, redirect_uri: callbackUrl, response_type: "code", scope: "openid profile" },
    ...{ state: "state-of-the-application", nonce: "nonce-of-the-application" },
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  };
  const left = await application.visit(`${application.authorizationEndpoint}?${new URLSearchParams(request)}`);
  const credentials = Buffer.from([clientId, clientSecret].map(encodeURIComponent).join(":")).toString("base64");
  const response = await fetch(application.tokenEndpoint, {
    method: "POST",
    headers: { authorization: `Basic ${credentials}` },
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code: left.get("code") ?? "",
      redirect_uri: callbackUrl,
      code_verifier: verifier,
    }),
  });
  const answer = z.object({ id_token: z.string(), access_token: z.string() }).parse(await response.json());
  return { idToken: answer.id_token, accessToken: answer.access_token };
}
