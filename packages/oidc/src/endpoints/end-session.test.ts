import { expect, test } from "vitest";
import { client, jane, later, now, otherClient } from "../../test/fakes.ts";
import type { Session } from "../ports.ts";
import { sidOf } from "../sessions/session-id.ts";
import { makeSubjects } from "../tokens/subject.ts";
import { decideEndSession, mustConfirmLogout } from "./end-session.ts";

const issuer = "https://id.example/dex";
const BACK = "https://a.example/signed-out?keep=1";
const clients = [
  { ...client, details: { post_logout_redirect_uris: [BACK] } },
  { ...otherClient, details: { subject_type: "pairwise" as const, post_logout_redirect_uris: [BACK] } },
];
const subjects = makeSubjects({ format: "uuid", pairwiseKey: Buffer.alloc(32) });
const seconds = (instant: Date) => instant.getTime() / 1000;
const claims = { iss: issuer, sub: jane.id, aud: client.id, iat: seconds(now), exp: seconds(later(-3600)), sid: "s" };

/** The hint is the JSON of its claims; what is signed by others does not parse. */
function decide(parameters: Readonly<Record<string, string>>, hint?: Readonly<Record<string, unknown>>) {
  const params = new URLSearchParams(parameters);
  if (hint !== undefined) params.set("id_token_hint", JSON.stringify(hint));
  return decideEndSession(params, {
    issuer,
    now,
    clients: { find: async (id) => clients.find((one) => one.id === id) },
    idTokens: { verify: async (jwt, typ) => (jwt.startsWith("{") && typ === "JWT" ? JSON.parse(jwt) : undefined) },
  });
}

const read = [
  { when: "nothing is said", parameters: {}, hint: undefined, clientId: undefined, returnTo: undefined },
  { when: "an expired token comes along", parameters: {}, hint: claims, clientId: client.id, returnTo: undefined },
  {
    when: "the token says which of its audiences it is for",
    parameters: { post_logout_redirect_uri: BACK },
    hint: { ...claims, aud: ["somebody", client.id], azp: client.id },
    clientId: client.id,
    returnTo: BACK,
  },
  {
    when: "the client says so of a token for several",
    parameters: { post_logout_redirect_uri: BACK, client_id: client.id },
    hint: { ...claims, aud: ["somebody", client.id] },
    clientId: client.id,
    returnTo: BACK,
  },
  {
    when: "a state comes along, given back byte for byte",
    parameters: { post_logout_redirect_uri: BACK, state: "a b&c=ä+%" },
    hint: claims,
    clientId: client.id,
    returnTo: `${BACK}&state=a%20b%26c%3D%C3%A4%2B%25`,
  },
];
test.each(read)("a request is read when $when (OIDC RP-Initiated Logout §2)", async (row) => {
  expect(await decide(row.parameters, row.hint)).toMatchObject({
    kind: "read",
    request: { clientId: row.clientId, returnTo: row.returnTo },
  });
});

const back = { post_logout_redirect_uri: BACK };
const refused = [
  { when: "its hint was signed by others", parameters: { id_token_hint: "x.y.z" }, hint: undefined, by: "§4" },
  { when: "its hint is of another issuer", parameters: {}, hint: { ...claims, iss: "https://other" }, by: "§4" },
  { when: "its hint comes from the future", parameters: {}, hint: { ...claims, iat: seconds(later(61)) }, by: "§4" },
  { when: "its hint names nobody", parameters: {}, hint: { ...claims, sub: "" }, by: "§4" },
  { when: "its hint is for nobody", parameters: {}, hint: { ...claims, aud: undefined }, by: "§4" },
  { when: "its hint is for another client", parameters: { client_id: otherClient.id }, hint: claims, by: "§2" },
  { when: "nobody says whose address it is", parameters: back, hint: undefined, by: "§3" },
  {
    when: "its hint is for several and none says which",
    parameters: back,
    hint: { ...claims, aud: ["a", "b"] },
    by: "§3",
  },
  { when: "its client is unknown", parameters: { ...back, client_id: "x".repeat(600) }, hint: undefined, by: "§3" },
  {
    when: "its address is a part of the registered one",
    parameters: { post_logout_redirect_uri: BACK.slice(0, -1) },
    hint: claims,
    by: "§3",
  },
  {
    when: "its address goes on after the registered one",
    parameters: { post_logout_redirect_uri: `${BACK}&a=b` },
    hint: claims,
    by: "§3",
  },
  {
    when: "its address is a redirect_uri only",
    parameters: { post_logout_redirect_uri: client.redirectUris[0] ?? "" },
    hint: claims,
    by: "§3",
  },
  {
    when: "its state is too long to travel",
    parameters: { ...back, state: "s".repeat(1025) },
    hint: claims,
    by: "RED-6",
  },
  { when: "a parameter holds a line break", parameters: { ...back, state: "a\nb" }, hint: claims, by: "AUT-10" },
];
test.each(refused)("a request is refused when $when ($by)", async ({ parameters, hint }) => {
  expect(await decide(parameters, hint)).toMatchObject({ kind: "refused", error: { code: "invalid_request" } });
});

const session: Session = {
  hash: Buffer.alloc(32, 1),
  user: jane,
  connectorId: "local",
  authTime: now,
  amr: [],
  expiresAt: later(60),
  asked: [],
  consentedScope: undefined,
};
const pairwiseName = subjects.of(session, new URL(otherClient.redirectUris[0] ?? "").host);
const hints = [
  { whose: "nobody's", hint: undefined, asked: true },
  { whose: "the person's own", hint: claims, asked: false },
  { whose: "another's", hint: { ...claims, sub: "somebody" }, asked: true },
  {
    whose: "the person's, by their name at the client",
    hint: { ...claims, aud: otherClient.id, sub: pairwiseName },
    asked: false,
  },
  {
    whose: "another's, who has the person's id as a name elsewhere",
    hint: { ...claims, aud: otherClient.id },
    asked: true,
  },
  {
    whose: "this very session's, by whatever name",
    hint: { ...claims, sub: "old name", sid: sidOf(session.hash) },
    asked: false,
  },
];
test.each(hints)("with a hint that is $whose the person is asked: $asked (BRO-9)", async ({ hint, asked }) => {
  const decision = await decide({}, hint);
  if (decision.kind !== "read") throw decision.error;
  expect(mustConfirmLogout(decision.request, session, subjects)).toBe(asked);
});
