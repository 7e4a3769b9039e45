import { sha256 } from "@dex/runtime";
import { expect, test } from "vitest";
import { base, decide } from "../../test/authorization-request.ts";
import { type Claims, encodePart, makeClientKey } from "../../test/client-jwts.ts";
import { client, clientsOf, issuer, now } from "../../test/fakes.ts";
import { makeClientKeySets } from "../client-jwts/client-key-sets.ts";
import { answeredBefore, nameForOneAnswer } from "./one-answer.ts";
import { makeRequestDocuments } from "./request-documents.ts";
import { makeReadRequestObject } from "./request-object.ts";

const key = makeClientKey("RS256", "one");
const seconds = Math.floor(now.getTime() / 1000);
const uri = "https://a.example/request";
const { client_id: _, ...parameters } = base;
const inside = (changes: Claims): Claims => ({ iss: "client-a", aud: issuer, ...parameters, ...changes });

interface Signer {
  readonly jwk: object;
}

async function decideOn(sent: Readonly<Record<string, string>>, id = "client-a", { jwk }: Signer = key) {
  const fetchDocument = async () => ({
    ...{ status: 200, contentType: "application/jwt", cacheControl: undefined },
    body: Buffer.from(key.sign(inside({ jti: "one", exp: seconds + 60 }))),
  });
  const details = { jwks: { keys: [jwk] as never }, request_uris: [uri] };
  const parts = { keySets: makeClientKeySets({ fetchDocument }), documents: makeRequestDocuments({ fetchDocument }) };
  return decide(new URLSearchParams({ client_id: id, response_type: "code", scope: "openid", ...sent }).toString(), {
    clients: clientsOf({ ...client, id, details }),
    readRequestObject: makeReadRequestObject({ issuer, ...parts }),
  });
}

async function singleUse(sent: Readonly<Record<string, string>>, id?: string, signer?: Signer) {
  const decision = await decideOn(sent, id, signer);
  if (decision.kind !== "login") return expect.fail(`expected login, found ${decision.kind}`);
  return decision.request.requestObject;
}

test("a signed request object with a jti goes by one name, whatever else it says; another jti, and another client's, by others", async () => {
  const names = await Promise.all([
    singleUse({ request: key.sign(inside({ jti: "one" })) }),
    singleUse({ request: key.sign(inside({ jti: "one", state: "another", exp: seconds + 60 })) }),
    singleUse({ request: key.sign(inside({ jti: "two" })) }),
    singleUse({ request: key.sign(inside({ jti: "one", iss: "b" })) }, "b"),
  ]);
  const [first, same, other, foreign] = names.map((one) => one?.name);
  expect(first).toMatch(/^[\w-]{43}$/);
  expect(same).toBe(first);
  expect(new Set([first, other, foreign]).size).toBe(3);
});

test("it is remembered until it has expired by each of our clocks, and for a day at most", async () => {
  const day = 86_400_000;
  for (const [exp, remembered] of [
    [seconds + 60, 70_000],
    [seconds + 1e9, day],
    [1e300, day],
    [undefined, day],
  ]) {
    const object = await singleUse({ request: key.sign(inside({ jti: "one", exp })) });
    const passed = (object?.until.getTime() ?? 0) - now.getTime();
    expect(Math.abs(passed - (remembered ?? 0))).toBeLessThan(1_000);
  }
});

test("one that expires and has no jti goes by what was signed, however it was signed (RFC 9101 §4)", async () => {
  const ecdsa = makeClientKey("ES256", "one");
  const claims = inside({ exp: seconds + 60, nonce: "n" });
  // Each ECDSA signature of the same text is another.
  const sent = [ecdsa.sign(claims), ecdsa.sign(claims), ecdsa.sign({ ...claims, state: "another" })];
  expect(new Set(sent).size).toBe(3);
  const options = { jwk: ecdsa.jwk };
  const [first, same, other] = await Promise.all(sent.map((request) => singleUse({ request }, undefined, options)));
  expect(first?.name).toMatch(/^[\w-]{43}$/);
  expect(same?.name).toBe(first?.name);
  expect(other?.name).not.toBe(first?.name);
  const passed = (first?.until.getTime() ?? 0) - now.getTime();
  expect(Math.abs(passed - 70_000)).toBeLessThan(1_000);
  // Nobody names another's object by writing its hash as a jti.
  const hash = sha256(sent[0]?.slice(0, sent[0].lastIndexOf(".")) ?? "").toString("base64url");
  const named = await singleUse({ request: ecdsa.sign({ ...claims, jti: hash }) }, undefined, options);
  expect(named?.name).not.toBe(first?.name);
  for (const other of [
    { jti: "" },
    { jti: 1 },
    { jti: null },
    { nonce: undefined, code_challenge: "c".repeat(43), code_challenge_method: "S256" },
  ]) {
    expect((await singleUse({ request: key.sign({ ...claims, ...other }) }))?.name).toMatch(/^[\w-]{43}$/);
  }
});

test.each<[string, Readonly<Record<string, string>>]>([
  ["neither jti nor exp", { request: key.sign(inside({})) }],
  ["no jti, and nothing that is another at each sign-in", { request: key.sign(inside({ exp: seconds + 60 })) }],
  ["a jti that is no text, and no exp", { request: key.sign(inside({ jti: 1 })) }],
  ["an address where its client keeps it", { request_uri: uri }],
])("one with %s may be sent again", async (_when, sent) => {
  expect(await singleUse(sent)).toBeUndefined();
});

test("a jti that nobody signed keeps no one's request from being answered", async () => {
  const text = `${encodePart({ alg: "none" })}.${encodePart(inside({ jti: "one", exp: seconds + 60 }))}.`;
  const details = { request_object_signing_alg: "none" as const };
  const decision = await decide(new URLSearchParams({ client_id: "client-a", request: text }).toString(), {
    clients: clientsOf({ ...client, details }),
    readRequestObject: makeReadRequestObject({
      issuer,
      keySets: makeClientKeySets({ fetchDocument: () => expect.fail("nothing is to be fetched") }),
      documents: makeRequestDocuments({ fetchDocument: () => expect.fail("nothing is to be fetched") }),
    }),
  });
  expect(decision).toMatchObject({ kind: "login" });
  expect(decision.kind === "login" && decision.request.requestObject).toBeUndefined();
});

test.each([{ jti: "one" }, { exp: seconds + 60, nonce: "n" }])(
  "after its answer it is said to have been used (%o)",
  async (claims) => {
    const requestObject = await singleUse({ request: key.sign(inside(claims)) });
    expect(nameForOneAnswer({ requestObject, pushedAs: "pushed" })).toBe(requestObject?.name);
    expect(answeredBefore({ requestObject })).toMatchObject({ code: "invalid_request_object" });
    // The client that pushed it hears of the address that it was given.
    expect(answeredBefore({ requestObject, pushedAs: "pushed" })).toMatchObject({ code: "invalid_request_uri" });
  },
);
