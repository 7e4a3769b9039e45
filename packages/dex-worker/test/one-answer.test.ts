// Requests that are for one answer: what their second one is told, and what telling it costs.
import { queryDatabase } from "@dex/testing";
import { SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Key, makeKey } from "./dpop-world.ts";
import { openTestWorker, PERSON, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

type Members = Readonly<Record<string, string>>;

let worker: TestWorker;
let key: Key;
let client: TestClient;
beforeAll(async () => {
  worker = await openTestWorker();
  key = await makeKey();
  const jwks = { keys: [{ ...key.jwk, kid: "one", alg: "ES256", use: "sig" }] };
  client = await worker.addClient({ trusted: true, details: { jwks } });
});
afterAll(() => worker.close());

const asked = (more: Members) => ({ response_type: "code", redirect_uri: REDIRECT_URI, scope: "openid", ...more });

async function pushed(more: Members = {}): Promise<string> {
  const authorization = `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString("base64")}`;
  const body = new URLSearchParams(asked({ state: "s", ...more }));
  const response = await fetch(`${worker.issuer}/par`, { method: "POST", headers: { authorization }, body });
  const { request_uri } = (await response.json()) as { request_uri: string };
  return addressWith({ request_uri });
}

async function signed(more: Members = {}): Promise<string> {
  const claims = { ...asked({ state: "s", ...more }), iss: client.id, aud: worker.issuer, jti: crypto.randomUUID() };
  const jwt = new SignJWT(claims).setIssuedAt().setExpirationTime("5m");
  const request = await jwt.setProtectedHeader({ alg: "ES256", kid: "one" }).sign(key.privateKey);
  return addressWith({ request, response_type: "code", scope: "openid" });
}

const addressWith = (more: Members) =>
  `${worker.issuer}/auth?${new URLSearchParams({ client_id: client.id, ...more })}`;

async function signedIn() {
  const browser = worker.browser();
  await worker.signIn(browser, { client_id: client.id });
  return browser;
}

const codes = async () =>
  Number(
    (await queryDatabase<{ count: string }>(worker.databaseUrl, "SELECT count(*) FROM authorization_code"))[0]?.count,
  );

test.each([{ more: {} }, { more: { prompt: "none" } }])(
  "who is signed in is told of a request_uri that was used, in the statement that finds the session ($more; PAR-1)",
  async ({ more }) => {
    const browser = await signedIn();
    const address = await pushed(more);
    expect((await browser.open(address)).url.searchParams.get("code")).toBeTypeOf("string");
    worker.takeStatements();
    const again = await browser.open(address);
    expect(worker.takeStatements()).toEqual(["session.find"]);
    expect([again.status, again.url.pathname]).toEqual([400, "/dex/auth"]);
    expect(again.text).toContain("this request_uri was used");
  },
);

test("prompt=none beside a request_uri that was used changes nothing (PAR-1, PAR-2)", async () => {
  const browser = await signedIn();
  const address = await pushed();
  await browser.open(address);
  const again = await browser.open(`${address}&prompt=none`);
  expect([again.status, again.url.pathname]).toEqual([400, "/dex/auth"]);
});

test("a client is told of a signed request object that was used", async () => {
  const browser = await signedIn();
  const address = await signed();
  expect((await browser.open(address)).url.searchParams.get("code")).toBeTypeOf("string");
  worker.takeStatements();
  const { url } = await browser.open(address);
  expect(worker.takeStatements()).toEqual(["session.find"]);
  expect(url.href.startsWith(`${REDIRECT_URI}?`)).toBe(true);
  const { error, state, code } = Object.fromEntries(url.searchParams);
  expect({ error, state, code }).toEqual({ error: "invalid_request_object", state: "s", code: undefined });
});

test.each([
  { what: "a request_uri", make: pushed, told: "this request_uri was used" },
  { what: "a signed request object", make: signed, told: "the request object has been used" },
])(
  "$what that was used costs a stranger nothing to open, and ends on a page of ours (PAR-1)",
  async ({ make, told }) => {
    const address = await make();
    await (await signedIn()).open(address);
    const before = await codes();
    const stranger = worker.browser();
    worker.takeStatements();
    const page = await stranger.open(address);
    expect(worker.takeStatements()).toEqual([]);
    const answer = await stranger.submit(page, { login: PERSON.email, password: PERSON.password });
    expect([answer.status, answer.url.origin]).toEqual([400, new URL(worker.issuer).origin]);
    expect(answer.text).toContain(told);
    expect(await codes()).toBe(before);
  },
);

test("prompt=none of a stranger gets no code for a request_uri that was used (PAR-1)", async () => {
  const address = await pushed({ prompt: "none" });
  await (await signedIn()).open(address);
  const { url } = await worker.browser().open(address);
  expect([url.searchParams.get("error"), url.searchParams.has("code")]).toEqual(["login_required", false]);
});

test("of five strangers who sign in at once with one request_uri one gets a code (PAR-1)", async () => {
  const address = await pushed();
  const pages = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const browser = worker.browser();
      return { browser, page: await browser.open(address) };
    }),
  );
  const person = { login: PERSON.email, password: PERSON.password };
  const answers = await Promise.all(pages.map(({ browser, page }) => browser.submit(page, person)));
  const refused = answers.filter(({ url }) => !url.searchParams.has("code"));
  expect(refused).toHaveLength(4);
  for (const { status, url } of refused) {
    expect(url.origin).toBe(new URL(worker.issuer).origin);
    // Of five passwords at once a busy machine may send some away for a while.
    expect(status).toBeOneOf([400, 503]);
  }
});
