// An authorization endpoint's decision on fakes, and the usual request to change a little.
import { expect } from "vitest";
import {
  type AuthorizationDecision,
  type AuthorizationParts,
  type Client,
  decideAuthorization,
  errorMembers,
  RESPONSE_TYPES,
  renderAuthorizationResponse,
} from "../src/index.ts";
import { client, clientsOf, issuer, makeSigner, now, publicClient } from "./fakes.ts";

export const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const strict = { ...client, id: "strict", requirePkce: true };
const limited = { ...client, id: "limited", scopes: ["openid", "email"] };
const noOpenid = { ...client, id: "no-openid", scopes: ["email"] };
const machine = { ...client, id: "machine", grantTypes: ["client_credentials"] as const };
const noRefresh = { ...client, id: "no-refresh", grantTypes: ["authorization_code"] as const };
export const signer = makeSigner();
const front: Client = { ...client, id: "front", details: { response_types: [...RESPONSE_TYPES] } };
const pairwise: Client = { ...client, id: "pairwise", details: { subject_type: "pairwise", default_max_age: 900 } };
const clients = clientsOf(pairwise, client, publicClient, strict, limited, noOpenid, machine, noRefresh, front);

export const base = {
  client_id: "client-a",
  redirect_uri: "https://a.example/cb",
  response_type: "code",
  scope: "openid",
  state: "s t/a+t&e=%41\u00e4",
};

const parts = { clients, issuer, idTokens: signer, requirePkce: false, responseTypes: ["code"] as const, now };

export function decide(query: string, more: Partial<AuthorizationParts> = {}) {
  return decideAuthorization(new URLSearchParams(query), { ...parts, ...more });
}

/** The parameters that reach the client, and the address without them. */
export function delivered(decision: AuthorizationDecision): { to: string; as: string; members: URLSearchParams } {
  if (decision.kind !== "deliver") return expect.fail(`expected deliver, found ${decision.kind}`);
  const response = renderAuthorizationResponse(decision.target, errorMembers(decision.error), issuer);
  if (response.kind === "form_post") {
    return { to: response.to, as: "form_post", members: new URLSearchParams(response.fields.map(([...pair]) => pair)) };
  }
  expect(response.to).toMatch(/^[\x21-\x7e]+$/);
  const { origin, pathname, protocol, search, hash } = new URL(response.to);
  const to = origin === "null" ? protocol + pathname : origin + pathname;
  if (hash === "") return { to, as: "query", members: new URLSearchParams(search) };
  expect(search).toBe("");
  return { to, as: "fragment", members: new URLSearchParams(hash.slice(1)) };
}

/** The usual request with some parameters changed or, where undefined, left out, and more text appended. */
export function query(changes: Readonly<Record<string, string | undefined>> = {}, appended = ""): string {
  const members = Object.entries({ ...base, ...changes }).filter(([, value]) => value !== undefined);
  return `${members.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value ?? "")}`).join("&")}${appended}`;
}

export async function login(text: string) {
  const decision = await decide(text);
  return decision.kind === "login" ? decision.request : expect.fail(`expected login, found ${decision.kind}`);
}

export const nativeChanges = { client_id: "native", redirect_uri: "http://127.0.0.1:4711/cb" };
export const pkce = { code_challenge: challenge, code_challenge_method: "S256" };
