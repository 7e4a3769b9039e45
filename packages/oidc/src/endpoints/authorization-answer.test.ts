import { systemRandom } from "@dex/runtime";
import { describe, expect, test } from "vitest";
import { decide, query } from "../../test/authorization-request.ts";
import {
  client,
  clientsOf,
  issuer,
  jane,
  later,
  makeSigner,
  now,
  otherClient,
  readJwtPart,
  sealers,
  subjects,
} from "../../test/fakes.ts";
import type { Client } from "../clients/client.ts";
import { RESPONSE_TYPES } from "../clients/client-details.ts";
import { makeLoginStates } from "../login-state/seal-login-state.ts";
import { makeAccessTokenOpener } from "../tokens/access-token.ts";
import { DEFAULT_TOKEN_LIFETIMES } from "../tokens/lifetimes.ts";
import { makeAuthorizationAnswers } from "./authorization-answer.ts";

const all = sealers();
const front: Client = { ...client, details: { response_types: [...RESPONSE_TYPES] } };
const peer: Client = { ...otherClient, trustedPeers: [front.id] };
const session = {
  hash: Buffer.alloc(32, 1),
  user: jane,
  connectorId: "local",
  authTime: later(-300),
  amr: ["pwd"],
  asked: [],
  expiresAt: later(3600),
  consentedScope: undefined,
};

function setUp(clients = clientsOf(front, peer)) {
  const signer = makeSigner();
  const answers = makeAuthorizationAnswers({
    ...{ issuer, clients, signer, sealers: all, random: systemRandom, lifetimes: DEFAULT_TOKEN_LIFETIMES },
    subjects,
    encryptToClient: async (_client, { text }) => `sealed ${text}`,
  });
  return { signer, answers };
}

async function stateFor(response_type: string, scope = "openid email profile groups") {
  const decision = await decide(query({ response_type, nonce: "n", scope }), {
    clients: clientsOf(front, peer),
    responseTypes: RESPONSE_TYPES,
  });
  if (decision.kind !== "login") return expect.fail(`expected login, found ${decision.kind}`);
  return makeLoginStates({ sealer: all.loginState, random: systemRandom }).begin(decision.request, now);
}

describe.each(RESPONSE_TYPES)("the answer to %s", (type) => {
  const words = type.split(" ");

  test("costs one signature where an ID token is in it and none otherwise", async () => {
    const { signer, answers } = setUp();
    const prepared = answers.prepare({ state: await stateFor(type), session, client: front, now });
    expect(signer.signatures).toBe(0);
    await answers.complete(prepared, front, now);
    expect(signer.signatures).toBe(words.includes("id_token") ? 1 : 0);
  });

  test("is stored with a code that can be spent, or with one that is spent already (BRO-6)", async () => {
    const { answers } = setUp();
    const state = await stateFor(type);
    const { stored, code } = answers.prepare({ state, session, client: front, now });
    expect(stored).toMatchObject({ loginStateId: state.id, userId: jane.id, sessionHash: session.hash });
    expect(stored.spentAt).toEqual(words.includes("code") ? undefined : now);
    expect(code === undefined).toBe(!words.includes("code"));
  });

  test("has an access token only of a family that is stored, for as long as that lives", async () => {
    const { answers } = setUp();
    const prepared = answers.prepare({ state: await stateFor(type), session, client: front, now });
    const members = new Map(await answers.complete(prepared, front, now));
    const family = prepared.stored.frontChannelFamily;
    expect(family === undefined).toBe(!words.includes("token"));
    const opener = makeAccessTokenOpener(all.accessToken);
    const opened = opener.open(members.get("access_token") ?? "", now);
    expect(opened?.familyId).toBe(family?.id);
    expect(opened?.expiresAt).toEqual(family?.expiresAt);
  });

  test("says of the user what the scope asks for where nothing else could (OIDC Core §5.4, JWT-7)", async () => {
    const { answers } = setUp();
    const prepared = answers.prepare({ state: await stateFor(type), session, client: front, now });
    const members = new Map(await answers.complete(prepared, front, now));
    const idToken = members.get("id_token");
    expect(idToken !== undefined).toBe(words.includes("id_token"));
    if (idToken === undefined) return;
    const claims = readJwtPart(idToken.split(".")[1]);
    expect(claims).toMatchObject({ iss: issuer, sub: jane.id, aud: front.id, nonce: "n" });
    const told = ["email", "email_verified", "name", "preferred_username", "groups"].filter((name) => name in claims);
    expect(told).toHaveLength(type === "id_token" ? 5 : 0);
  });
});

test("a client that has lost its response type since the request gets no token by the browser (AUT-13)", async () => {
  const { request } = await stateFor("code id_token");
  const { answers } = setUp();
  expect(await answers.refusalOf(request, front)).toBeUndefined();
  expect(await answers.refusalOf(request, client)).toMatchObject({ code: "unauthorized_client" });
});

test("an audience that has ceased to trust the client since the request gets no token by the browser (TOK-19)", async () => {
  const { request } = await stateFor("id_token token", `openid audience:server:client_id:${peer.id}`);
  expect(await setUp().answers.refusalOf(request, front)).toBeUndefined();
  const { answers } = setUp(clientsOf(front, otherClient));
  expect(await answers.refusalOf(request, front)).toMatchObject({ code: "invalid_scope" });
  // The token endpoint asks again before it hands out anything for a code.
  expect(await answers.refusalOf({ ...request, responseType: "code" }, front)).toBeUndefined();
});
