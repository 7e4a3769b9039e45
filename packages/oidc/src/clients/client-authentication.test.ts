import { expect, test } from "vitest";
import {
  chosenSecrets,
  client,
  clientsOf,
  later,
  makeFailureCounter,
  makeSecretUpgrades,
  now,
  publicClient,
  secretOfClient,
} from "../../test/fakes.ts";
import { OAuthError } from "../errors.ts";
import { makeClientAuthentication } from "./client-authentication.ts";

const odd = { ...client, id: "od:d %+\u00e4", secret: { kind: "argon2id", hash: "argon2id of p:w %+\u00e4" } as const };
const secretless = { ...client, id: "secretless", secret: undefined };
const oddPublic = { ...publicClient, id: "odd-public", secret: client.secret };

function make() {
  const failures = makeFailureCounter();
  const clients = clientsOf(client, publicClient, odd, secretless, oddPublic);
  const authentication = makeClientAuthentication({
    clients,
    failures,
    chosenSecrets,
    secretUpgrades: makeSecretUpgrades(),
  });
  const authenticate = (authorization: string | undefined, body = "", at = now, source = "192.0.2.1") =>
    authentication.authenticate({ authorization, body: new URLSearchParams(body), source }, at);
  return { authenticate, failures };
}

const base64 = (text: string, encoding: BufferEncoding = "utf8") => Buffer.from(text, encoding).toString("base64");
const basic = (id: string, secret: string) => `Basic ${base64(`${id}:${secret}`)}`;
const formEncode = (text: string) => encodeURIComponent(text).replaceAll("%20", "+");

async function refusalOf(attempt: Promise<unknown>): Promise<OAuthError> {
  const outcome: unknown = await attempt.catch((error: unknown) => error);
  return outcome instanceof OAuthError ? outcome : expect.fail(`expected a refusal, found ${String(outcome)}`);
}

const right = [
  { when: "client_secret_basic", authorization: basic("client-a", secretOfClient), id: "client-a" },
  {
    when: "another case of the scheme",
    authorization: basic("client-a", secretOfClient).replace("Basic", "bAsIc"),
    id: "client-a",
  },
  {
    when: "the same client_id in the body",
    authorization: basic("client-a", secretOfClient),
    body: "client_id=client-a",
    id: "client-a",
  },
  {
    when: "form-encoded id and secret",
    authorization: basic(formEncode(odd.id), formEncode("p:w %+\u00e4")),
    id: odd.id,
  },
  { when: "client_secret_post", body: `client_id=client-a&client_secret=${secretOfClient}`, id: "client-a" },
  { when: "none", body: "client_id=native", id: "native" },
];
test.each(right)(
  "$when authenticates and counts nothing (TOK-9, RFC 6749 §2.3.1)",
  async ({ authorization, body, id }) => {
    const { authenticate, failures } = make();
    expect(await authenticate(authorization, body)).toMatchObject({ id });
    expect(failures.keys.size).toBe(0);
  },
);

const wrong = [
  ...[
    secretOfClient.slice(1),
    secretOfClient.slice(0, -1),
    `${secretOfClient}A`,
    `A${secretOfClient}`,
    `${secretOfClient} `,
    ` ${secretOfClient}`,
    secretOfClient.toUpperCase(),
    secretOfClient.toLowerCase(),
    "",
    "undefined",
  ].map((secret) => ({
    when: `the secret is ${secret}`,
    authorization: basic("client-a", formEncode(secret)),
    body: "",
    by: "TOK-8",
  })),
  {
    when: "the secret is followed by NUL",
    authorization: undefined,
    body: `client_id=client-a&client_secret=${secretOfClient}%00`,
    by: "TOK-8",
  },
  {
    when: "the chosen secret is another",
    authorization: undefined,
    body: `client_id=${formEncode(odd.id)}&client_secret=other`,
    by: "TOK-8",
  },
  { when: "the client is unknown", authorization: basic("nobody", "secret"), body: "", by: "RFC 6749 §5.2" },
  {
    when: "the unknown client sends no secret",
    authorization: undefined,
    body: "client_id=nobody",
    by: "RFC 6749 §5.2",
  },
  {
    when: "a confidential client sends no secret",
    authorization: undefined,
    body: "client_id=client-a",
    by: "RFC 6749 §2.3",
  },
  {
    when: "a confidential client sends an empty secret",
    authorization: undefined,
    body: "client_id=client-a&client_secret=",
    by: "TOK-8",
  },
  {
    when: "a confidential client has no secret",
    authorization: undefined,
    body: "client_id=secretless",
    by: "RFC 6749 §2.3",
  },
  {
    when: "a public client sends a secret",
    authorization: undefined,
    body: "client_id=native&client_secret=x",
    by: "RFC 6749 §2.1",
  },
  {
    when: "a public client sends an empty secret in the header",
    authorization: basic("native", ""),
    body: "",
    by: "RFC 6749 §2.1",
  },
  {
    when: "a public client has a secret and sends it",
    authorization: basic("odd-public", secretOfClient),
    body: "",
    by: "RFC 6749 §2.1",
  },
  { when: "nothing is sent", authorization: undefined, body: "", by: "RFC 6749 §5.2" },
  {
    when: "the secret is endless",
    authorization: undefined,
    body: `client_id=client-a&client_secret=${"a".repeat(5000)}`,
    by: "TOK-8",
  },
  {
    when: "an assertion is sent",
    authorization: undefined,
    body: "client_assertion=a.b.c&client_assertion_type=x",
    by: "TOK-11",
  },
];
test.each(wrong)("401 invalid_client when $when ($by)", async ({ authorization, body }) => {
  const error = await refusalOf(make().authenticate(authorization, body));
  expect(error).toMatchObject({ code: "invalid_client", status: 401 });
  expect(`${error.message} ${error.detail}`).not.toContain(secretOfClient.slice(1, -1));
});

const pair = `client-a:${secretOfClient}`;
const malformed = [
  "",
  "Basic",
  "Basic ",
  `Basic${base64(pair)}`,
  `Basic\t${base64(pair)}`,
  `Basic ${base64(pair)} x`,
  `Basic ${base64(pair).slice(0, -1)}`,
  `Basic ${base64(pair)}====`,
  `Basic ${pair}`,
  `Basic *${base64(pair)}`,
  `Basic ${base64("no colon")}`,
  `Basic ${base64(`:${secretOfClient}`)}`,
  `Basic ${base64(`client-a%zz:${secretOfClient}`)}`,
  `Basic ${base64(`client-a:${secretOfClient}%`)}`,
  `Basic ${base64("client-a%ff:x")}`,
  `Basic ${base64("\xff\xfe:x", "latin1")}`,
  `Basic ${base64("client-a\0:x")}`,
  `Basic ${base64("client-a%00:x")}`,
  `Basic ${base64("client-a%0d%0a:x")}`,
  `Basic ${base64(pair)},Basic ${base64(pair)}`,
  `Basic ${"A".repeat(100_000)}`,
  `Bearer ${base64(pair)}`,
  `Digest username=x`,
  "\u{1f600}",
];
test.each(malformed)("401 for the header %j (TOK-9, RFC 7617 §2)", async (authorization) => {
  expect(await refusalOf(make().authenticate(authorization))).toMatchObject({ code: "invalid_client", status: 401 });
});

const mixed = [
  {
    when: "header and client_secret",
    authorization: basic("client-a", secretOfClient),
    body: `client_id=client-a&client_secret=${secretOfClient}`,
  },
  { when: "header and another client_id", authorization: basic("client-a", secretOfClient), body: "client_id=native" },
  { when: "header and assertion", authorization: basic("client-a", secretOfClient), body: "client_assertion=a" },
  {
    when: "client_secret and assertion",
    authorization: undefined,
    body: "client_id=client-a&client_secret=x&client_assertion=a",
  },
];
test.each(mixed)("invalid_request for $when (TOK-6, RFC 6749 §2.3)", async ({ authorization, body }) => {
  expect(await refusalOf(make().authenticate(authorization, body))).toMatchObject({ code: "invalid_request" });
});

test("unknown client, wrong secret and public client read the same (RFC 6749 §5.2)", async () => {
  const { authenticate } = make();
  const attempts = [basic("nobody", "x"), basic("client-a", "x"), basic("native", "x")];
  const messages = await Promise.all(attempts.map(async (one) => (await refusalOf(authenticate(one))).message));
  expect(new Set(messages).size).toBe(1);
});

test("after 60 wrong secrets in a minute a client is refused from that source, right secret or not (TOK-18)", async () => {
  const { authenticate } = make();
  for (let attempt = 1; attempt <= 60; attempt += 1) {
    expect(await refusalOf(authenticate(basic("client-a", `guess-${attempt}`)))).toMatchObject({ status: 401 });
  }
  const good = basic("client-a", secretOfClient);
  expect(await refusalOf(authenticate(good, "", later(20)))).toMatchObject({
    code: "too_many_requests",
    status: 429,
    retryAfterSeconds: 40,
  });
  // Counted per client and per source: neither locks out anybody else.
  expect(await authenticate(good, "", now, "192.0.2.2")).toMatchObject({ id: "client-a" });
  expect(await authenticate(undefined, "client_id=native")).toMatchObject({ id: "native" });
  expect(await authenticate(good, "", later(60))).toMatchObject({ id: "client-a" });
});

test("what other workers counted is known with the next wrong secret (TOK-18)", async () => {
  const { authenticate, failures } = make();
  for (let attempt = 0; attempt < 60; attempt += 1) await failures.count("client secret client-a 192.0.2.1", 60, now);
  expect(await refusalOf(authenticate(basic("client-a", "x")))).toMatchObject({ status: 429, retryAfterSeconds: 60 });
});

test("guessed client ids make one counter for all of them (TOK-18)", async () => {
  const { authenticate, failures } = make();
  for (let attempt = 0; attempt < 5; attempt += 1) await refusalOf(authenticate(basic(`nobody-${attempt}`, "x")));
  expect(failures.keys.size).toBe(1);
});
