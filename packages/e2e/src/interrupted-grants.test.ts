// Workers die while somebody says yes on another device, and while tokens are asked for. A fleet of its own: these tests break it.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Fleet,
  type FormBrowser,
  finishSignIn,
  openAdminApi,
  openFormBrowser,
  queryDatabase,
  startFleet,
} from "@dex/testing";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { randomFrom } from "./faults-at-random.ts";

const CIBA = "urn:openid:params:grant-type:ciba";
const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const REDIRECT_URI = "http://127.0.0.1:9/interrupted";
const NOTIFICATION_TOKEN = "notify-0123456789abcdefghijklmnopqrstuv";
const WORKERS = [0, 1, 2];

type Form = Readonly<Record<string, string>>;
interface Answer {
  /** 0 where there was none. */
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

let fleet: Fleet;
let issuer: string;
let basic: string;
let listener: Awaited<ReturnType<typeof openListener>>;
beforeAll(async () => {
  [fleet, listener] = await Promise.all([
    startFleet({
      workerEnv: {
        DEX_WORKER_PASSWORD_GRANT_CONNECTORS: "local",
        // The client that is told listens on this machine.
        DEX_WORKER_INSECURE_PRIVATE_CLIENT_ADDRESSES: "true",
      },
    }),
    openListener(),
  ]);
  issuer = fleet.facts.issuer;
  const { id, secret } = await openAdminApi(fleet.facts.adminApi, fleet.facts.adminApiSecret).createClient({
    ...{ clientName: "Interrupted", redirectURIs: [REDIRECT_URI], trusted: true },
    grantTypes: ["authorization_code", "refresh_token", "client_credentials", "password", DEVICE_CODE, CIBA, EXCHANGE],
    details: {
      backchannel_token_delivery_mode: "ping",
      backchannel_client_notification_endpoint: listener.url,
    },
  });
  basic = `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}`;
  const knowIt = () => WORKERS.map((worker) => post("/token", { grant_type: "client_credentials" }, worker));
  await vi.waitFor(
    async () => expect((await Promise.all(knowIt())).map(({ status }) => status)).toEqual([200, 200, 200]),
    { timeout: 10_000 },
  );
});
afterAll(async () => {
  await Promise.all([fleet?.stop(), listener?.close()]);
});

/** Where the client is told that there is an answer: the ids of requests, as they come. */
async function openListener() {
  const told: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      told.push(String(JSON.parse(Buffer.concat(chunks).toString()).auth_req_id));
      response.writeHead(204).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { told, url: `http://127.0.0.1:${port}/told`, close: () => server[Symbol.asyncDispose]() };
}

/** At one worker, or wherever the load balancer sends it. */
async function post(path: string, form: Form, worker?: number): Promise<Answer> {
  const url = worker === undefined ? `${issuer}${path}` : atWorker(new URL(`${issuer}${path}`), worker);
  try {
    const body = new URLSearchParams(form);
    const response = await fetch(url, { method: "POST", headers: { authorization: basic }, body });
    const text = await response.text();
    return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : {} };
  } catch {
    return { status: 0, body: {} };
  }
}

function atWorker(url: URL, worker: number): URL {
  return new URL(url.pathname + url.search, fleet.workerOrigins[worker]);
}

async function addPerson() {
  const person = { email: `${crypto.randomUUID()}@interrupted.example`, password: crypto.randomUUID() };
  await openAdminApi(fleet.facts.adminApi, fleet.facts.adminApiSecret).createAdmin(person.email, person.password);
  const confirm = "UPDATE app_user SET email_verified = true WHERE email = $1";
  await queryDatabase(fleet.facts.databaseUrl, confirm, [person.email]);
  return person;
}
type Person = Awaited<ReturnType<typeof addPerson>>;

/** Somebody at the question, who has not answered yet, and what the client comes with. */
interface Asked {
  readonly form: Form;
  readonly approve: () => Promise<unknown>;
}

async function askDevice(person: Person, browser: FormBrowser): Promise<Asked> {
  const { body } = await post("/device/code", { scope: "openid offline_access" });
  const form = { grant_type: DEVICE_CODE, device_code: String(body.device_code) };
  let page = await browser.open(String(body.verification_uri_complete));
  page = await browser.submit(page, {}, { formId: "device-form" });
  if (page.text.includes('id="login-form"')) page = await signIn(browser, page, person);
  return { form, approve: () => browser.submit(page, { decision: "approve" }, { formId: "device-approval-form" }) };
}

async function askByName(person: Person, browser: FormBrowser): Promise<Asked> {
  const hint = { login_hint: person.email, client_notification_token: NOTIFICATION_TOKEN };
  const { body } = await post("/bc-authorize", { scope: "openid offline_access", ...hint });
  const sql = "SELECT request_id FROM device_request WHERE request_id IS NOT NULL ORDER BY created_at DESC LIMIT 1";
  const [row] = await queryDatabase(fleet.facts.databaseUrl, sql);
  let page = await browser.open(`${issuer}/backchannel?request=${row?.request_id}`);
  if (page.text.includes('id="login-form"')) page = await signIn(browser, page, person);
  return {
    form: { grant_type: CIBA, auth_req_id: String(body.auth_req_id) },
    approve: () => browser.submit(page, { decision: "approve" }, { formId: "backchannel-approval-form" }),
  };
}

const signIn = (browser: FormBrowser, page: Awaited<ReturnType<FormBrowser["open"]>>, { email, password }: Person) =>
  browser.submit(page, { login: email, password }, { formId: "login-form" });

async function codeForm(person: Person, browser: FormBrowser): Promise<Form> {
  const query = new URLSearchParams({
    ...{ client_id: clientId(), redirect_uri: REDIRECT_URI, response_type: "code", scope: "openid offline_access" },
  });
  const end = await finishSignIn(browser, await browser.open(`${issuer}/auth?${query}`), person);
  return {
    grant_type: "authorization_code",
    code: end.searchParams.get("code") ?? expect.fail(`no code in ${end}`),
    redirect_uri: REDIRECT_URI,
  };
}

const clientId = () => decodeURIComponent(Buffer.from(basic.slice(6), "base64").toString().split(":")[0] ?? "");

async function isBack(worker: number): Promise<void> {
  fleet.workers[worker]?.restart();
  await fleet.workerIsBack(worker);
}

/** Says yes at one worker, which dies as soon as it has said so. */
async function approveAndDie(worker: number, ask: typeof askDevice): Promise<Form> {
  const browser = openFormBrowser({ stopAt: [REDIRECT_URI], route: (url) => atWorker(url, worker) });
  const { form, approve } = await ask(await addPerson(), browser);
  expect(await approve()).toMatchObject({ status: 200 });
  await fleet.workers[worker]?.kill();
  return form;
}

test.each(WORKERS)(
  "worker %i dies right after somebody let a device in, and another gives it its tokens",
  async (worker) => {
    const form = await approveAndDie(worker, askDevice);
    const [answer, again] = [
      await post("/token", form, (worker + 1) % 3),
      await post("/token", form, (worker + 2) % 3),
    ];
    expect(answer).toMatchObject({ status: 200, body: { access_token: expect.any(String) } });
    expect(again).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    await isBack(worker);
  },
);

test.each(WORKERS)(
  "worker %i dies right after somebody said yes to a client, which is told nevertheless and gets its tokens",
  { timeout: 200_000 },
  async (worker) => {
    const form = await approveAndDie(worker, askByName);
    // Within seconds; where the worker was just about to tell the client, once its claim is over.
    await expect.poll(() => listener.told, { timeout: 150_000 }).toContain(form.auth_req_id);
    const answer = await post("/token", form, (worker + 1) % 3);
    expect(answer).toMatchObject({ status: 200, body: { access_token: expect.any(String) } });
    await isBack(worker);
  },
);

/** Asks until there is an answer of dex: neither a lost connection nor one that says to come back. */
async function redeem(form: Form): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (let tries = 0; tries < 60; tries++) {
    const answer = await post("/token", form);
    answers.push(answer);
    const waits = answer.body.error === "slow_down";
    if (answer.status !== 0 && answer.status < 500 && !waits) return answers;
    await sleep(waits ? 6_000 : 100);
  }
  return expect.fail("there was never an answer");
}

test("while workers die at random nothing is redeemed twice, and what is lost is lost with an honest error", {
  timeout: 240_000,
}, async () => {
  const draw = randomFrom(23);
  const lost: string[] = [];
  let redeemed = 0;
  for (let round = 0; round < 6; round++) {
    const person = await addPerson();
    // Codes of devices are typed a few times in a minute from one address (DEV-1).
    const browser = openFormBrowser({ stopAt: [REDIRECT_URI], sourceAddress: `127.0.7.${round + 1}` });
    const forms: Form[] = [];
    for (let count = 0; count < 4; count++) forms.push(await codeForm(person, browser));
    for (const ask of [askDevice, askByName, askDevice, askByName]) {
      const asked = await ask(person, browser);
      await asked.approve();
      forms.push(asked.form);
    }
    const worker = Math.floor(draw() * 3);
    const [answers] = await Promise.all([
      Promise.all(forms.map(redeem)),
      sleep(draw() * 25).then(() => fleet.workers[worker]?.kill()),
    ]);
    for (const [index, tried] of answers.entries()) {
      const last = tried.at(-1);
      const tokens = tried.filter(({ status }) => status === 200);
      if (tokens.length === 0) {
        expect(last).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
        // Only of a worker that died in between, never of one that answered.
        expect(tried.length, JSON.stringify(tried)).toBeGreaterThan(1);
        lost.push(String(forms[index]?.grant_type));
      } else {
        redeemed += 1;
        const refreshed = { grant_type: "refresh_token", refresh_token: String(tokens[0]?.body.refresh_token) };
        expect((await redeem(refreshed)).at(-1)?.status).toBe(200);
      }
    }
    await isBack(worker);
  }
  expect(redeemed + lost.length).toBe(48);
  expect(redeemed).toBeGreaterThan(24);
  // Of each grant there is one family at most, also of those whose answer was lost with its worker.
  const sql = "SELECT count(*)::int AS alive FROM token_family WHERE client_id = $1 AND revoked_at IS NULL";
  const [row] = await queryDatabase<{ alive: number }>(fleet.facts.databaseUrl, sql, [clientId()]);
  expect(row?.alive).toBeLessThanOrEqual(48 + WORKERS.length * 2);
});

test("without Redis every grant goes on: limits are kept in the database", async () => {
  await fleet.redis.kill();
  const person = await addPerson();
  const browser = openFormBrowser({ stopAt: [REDIRECT_URI] });
  const forms: Form[] = [await codeForm(person, browser)];
  for (const ask of [askDevice, askByName]) {
    const asked = await ask(person, browser);
    await asked.approve();
    forms.push(asked.form);
  }
  forms.push({ grant_type: "password", username: person.email, password: person.password, scope: "openid" });
  forms.push({ grant_type: "client_credentials" });
  const answers = await Promise.all(forms.map((form) => post("/token", form)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  const accessToken = String(answers[0]?.body.access_token);
  const more = [
    await post("/token", { grant_type: EXCHANGE, subject_token: accessToken, subject_token_type: ACCESS_TOKEN }),
    await post("/introspect", { token: accessToken }),
    await post("/par", { redirect_uri: REDIRECT_URI, response_type: "code", scope: "openid" }),
    await post("/revoke", { token: accessToken }),
  ];
  expect(more.map(({ status }) => status)).toEqual([200, 200, 201, 200]);
  await expect.poll(() => listener.told, { timeout: 30_000 }).toContain(forms[2]?.auth_req_id);
  fleet.redis.restart();
});
