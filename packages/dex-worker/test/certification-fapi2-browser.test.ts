// What FAPI 2.0 demands of the endpoints that a person's browser goes to, and of the redirects on which it carries something.
import { readForm } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { browserOfTester, type FapiWorld, openFapiWorld, requestOf } from "./fapi2-world.ts";
import { openTestWorker, PERSON } from "./worker-server.ts";

let world: FapiWorld;
beforeAll(async () => {
  world = await openFapiWorld("fapi2");
});
afterAll(() => world?.close());

async function pushedUrl(): Promise<string> {
  const { first, worker } = world;
  const { body } = await world.push(first, requestOf(first));
  return `${worker.issuer}/auth?${new URLSearchParams({ client_id: first.id, request_uri: String(body.request_uri) })}`;
}

test("a form with a password, or with a yes, is answered by 303: no browser sends it on to the client (FAPI 2.0 Security Profile §5.3.2.2, RFC 9700 §4.12)", async () => {
  const browser = browserOfTester();
  const login = await browser.open(await pushedUrl());
  const post = (page: typeof login, formId: string, typed: Readonly<Record<string, string>>) => {
    const { action, fields } = readForm(page, formId);
    const headers = { Origin: action.origin, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate" };
    const body = new URLSearchParams({ ...Object.fromEntries(fields), ...typed });
    return browser.request(action, { method: "POST", headers, body });
  };
  const signedIn = await post(login, "login-form", { login: PERSON.email, password: PERSON.password });
  expect(signedIn.status).toBe(303);
  const consent = await browser.open(new URL(signedIn.headers.get("location") ?? "", login.url));
  const allowed = await post(consent, "consent-form", { decision: "approve" });
  expect(allowed.status).toBe(303);
  expect(new URL(allowed.headers.get("location") ?? "", login.url).searchParams.get("code")).toMatch(/^dxc_/);
});

test("every answer over TLS forbids browsers to come back without it (FAPI 2.0 Security Profile §5.2.3, NET-4)", async () => {
  const { issuer } = world.worker;
  const addresses = [await pushedUrl(), `${issuer}/.well-known/openid-configuration`, `${issuer}/nothing`];
  for (const address of addresses) {
    const policy = (await fetch(address)).headers.get("strict-transport-security") ?? "";
    expect(Number(/^max-age=(\d+)/.exec(policy)?.[1]), address).toBeGreaterThanOrEqual(31_536_000);
  }
  const plain = await openTestWorker();
  const answer = await fetch(`${plain.issuer}/.well-known/openid-configuration`);
  expect(answer.headers.has("strict-transport-security")).toBe(false);
  await plain.close();
});

test("the authorization endpoint is for browsers that go there, and for no script of another page (FAPI 2.0 Security Profile §5.2.3, NET-7)", async () => {
  const { origin } = new URL(world.first.redirectUri);
  const url = await pushedUrl();
  for (const method of ["GET", "OPTIONS"]) {
    const headers = { Origin: origin, "Access-Control-Request-Method": "GET" };
    const answer = await fetch(url, { method, headers });
    const told = [...answer.headers.keys()].filter((name) => name.startsWith("access-control-"));
    expect([method, told]).toEqual([method, []]);
  }
});
