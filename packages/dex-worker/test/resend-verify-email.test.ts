// POST /resend-verify-email: the route over the real stores, and once over a whole worker.
import { openHttpServer } from "@dex/runtime";
import express from "express";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { resendVerifyEmailRoute } from "../src/accounts/resend-verify-email.ts";
import { addUser, openTestApi, REDIRECT_URI, type TestApi } from "./management-api-server.ts";
import { changePerson } from "./person.ts";
import { openTestWorker, REDIRECT_URI as WORKER_REDIRECT_URI } from "./worker-server.ts";

const CLIENT = "ordinary";
const REDIRECT = `${REDIRECT_URI}/ordinary`;

let api: TestApi;
let route: { url: URL; close(seconds: number): Promise<void> };
beforeAll(async () => {
  api = await openTestApi();
  const { POST } = resendVerifyEmailRoute({
    issuer: api.parts.issuer,
    verifier: api.parts.verifier,
    clients: api.storage.clients,
    accessTokens: api.storage.revocations,
    users: api.storage.userDirectory,
    links: api.storage.accountLinks,
  });
  const app = express().post("/resend-verify-email", (request, response) =>
    POST?.({ request, response, now: api.clock.now() }),
  );
  route = await openHttpServer({ handler: app, listen: new URL("http://127.0.0.1:0") });
});
afterAll(async () => {
  await route.close(0);
  await api.close();
});
beforeEach(() => api.reset());

async function post(bearer: string | undefined, body: unknown, type = "application/json") {
  const response = await fetch(new URL("/resend-verify-email", route.url), {
    method: "POST",
    headers: { "Content-Type": type, ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }) },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}
const mails = () =>
  api.query<{ user_id: string; client_id: string; redirect_uri: string }>(
    "SELECT user_id, client_id, redirect_uri FROM outbox WHERE kind = 'verify-email'",
  );

test("a client has the mail sent again to a user who signed in to it (v1 V05, v1 V08)", async () => {
  const ada = await addUser(api, "ada");
  const body = { token: await api.idToken(ada.id, CLIENT), redirectURI: REDIRECT };
  expect(await post(await api.token(CLIENT), body)).toEqual({ status: 200, body: {} });
  expect(await mails()).toEqual([{ user_id: ada.id, client_id: CLIENT, redirect_uri: REDIRECT }]);
});

test("asked for again at once it promises no second mail", async () => {
  const ada = await addUser(api, "ada");
  const body = { token: await api.idToken(ada.id, CLIENT), redirectURI: REDIRECT };
  const bearer = await api.token(CLIENT);
  const answers = await Promise.all(Array.from({ length: 5 }, () => post(bearer, body)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect(await mails()).toHaveLength(1);
});

const bearers: { when: string; make: () => Promise<string> | undefined }[] = [
  { when: "there is none", make: () => undefined },
  { when: "it is garbage", make: async () => "garbage" },
  { when: "it is an ID token", make: () => api.idToken(CLIENT, CLIENT) },
  { when: "it has expired", make: () => api.token(CLIENT, { exp: 1 }) },
  { when: "it speaks for somebody else than its client", make: () => api.token(CLIENT, { sub: "admin" }) },
  { when: "it names no subject", make: () => api.token(CLIENT, { sub: "" }) },
  { when: "its client is unknown", make: () => api.token("gone") },
];
test.each(bearers)("the client's token is refused when $when (v1 V07, v1 V08, AUT-15)", async ({ make }) => {
  const ada = await addUser(api, "ada");
  const body = { token: await api.idToken(ada.id, CLIENT), redirectURI: REDIRECT };
  expect(await post(await make(), body)).toMatchObject({ status: 401, body: { error: "access_denied" } });
  expect(await mails()).toEqual([]);
});

type Body = (userId: string) => Promise<unknown>;
const withToken =
  (token: (userId: string) => Promise<string>, redirectURI: unknown = REDIRECT): Body =>
  async (userId) => ({ token: await token(userId), redirectURI });
const own = (userId: string) => api.idToken(userId, CLIENT);
const refusals: { when: string; body: Body; status: number; verified?: boolean; disabled?: boolean }[] = [
  { when: "the body is no JSON", body: async () => "{", status: 400 },
  { when: "the body is no object", body: async () => [], status: 400 },
  { when: "token is missing", body: async () => ({ redirectURI: REDIRECT }), status: 400 },
  { when: "token is a number", body: async () => ({ token: 1, redirectURI: REDIRECT }), status: 400 },
  { when: "token is no JWT", body: withToken(async () => "a.b"), status: 400 },
  { when: "token is signed by nobody", body: withToken(async () => "e30.e30.e30"), status: 401 },
  { when: "token has expired", body: withToken((id) => api.idToken(id, CLIENT, { exp: 1 })), status: 401 },
  { when: "token was issued to another client", body: withToken((id) => api.idToken(id, "console")), status: 401 },
  { when: "token is an access token", body: withToken(() => api.token(CLIENT)), status: 401 },
  { when: "token names no user", body: withToken(() => own("")), status: 400 },
  { when: "the user is unknown", body: withToken(() => own("nobody")), status: 400 },
  { when: "the user's id cannot be stored", body: withToken(() => own("no\0body")), status: 400 },
  { when: "the user is disabled", body: withToken(own), status: 400, disabled: true },
  { when: "the address is verified already", body: withToken(own), status: 400, verified: true },
  { when: "others have the token too", body: withToken((id) => api.idToken(id, [CLIENT, "console"])), status: 403 },
  { when: "the audience is a list", body: withToken((id) => api.idToken(id, [CLIENT])), status: 403 },
  { when: "redirectURI is missing", body: async (id) => ({ token: await own(id) }), status: 400 },
  { when: "redirectURI is no URI", body: withToken(own, "nowhere"), status: 400 },
  { when: "redirectURI is another client's", body: withToken(own, REDIRECT_URI), status: 400 },
];
test.each(refusals)("nothing is mailed when $when: $status (v1 V06, JWT-3)", async ({ body, status, ...more }) => {
  const { verified: emailVerified = false, disabled = false } = more;
  const ada = await addUser(api, "ada", { emailVerified, disabled });
  const error = status === 400 ? "invalid_request" : "access_denied";
  const answer = await post(await api.token(CLIENT), await body(ada.id));
  expect(answer).toMatchObject({ status, body: { error, error_description: expect.any(String) } });
  expect(await mails()).toEqual([]);
});

test("a body that is not declared as JSON is refused", async () => {
  expect(await post(await api.token(CLIENT), "{}", "text/plain")).toMatchObject({
    status: 415,
    body: { error: "invalid_request" },
  });
});

test("a worker serves it to a client with the tokens that it issued itself (v1 V05)", async () => {
  const worker = await openTestWorker();
  try {
    const client = await worker.addClient({
      trusted: true,
      grantTypes: ["authorization_code", "client_credentials"],
    });
    await changePerson(worker, { emailVerified: false });
    const back = await worker.signIn(worker.browser(), { client_id: client.id });
    const code = back.searchParams.get("code") ?? "";
    const redeemed = await worker.token(
      { grant_type: "authorization_code", code, redirect_uri: WORKER_REDIRECT_URI },
      client,
    );
    const own = await worker.token({ grant_type: "client_credentials" }, client);
    const send = (method: string) =>
      fetch(`${worker.issuer}/resend-verify-email`, {
        method,
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${own.body.access_token}` },
        ...(method === "POST" && {
          body: JSON.stringify({ token: redeemed.body.id_token, redirectURI: WORKER_REDIRECT_URI }),
        }),
      });
    const answer = await send("POST");
    expect([answer.status, await answer.json()]).toEqual([200, {}]);
    expect((await send("GET")).status).toBe(405);
  } finally {
    await worker.close();
  }
});
