// Programs on people's machines, and clients that ask for tokens of others: what a browser and the token endpoint see.
import { createHash } from "node:crypto";
import { openFormBrowser } from "@dex/testing";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestWorker, PERSON, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

const OOB = "urn:ietf:wg:oauth:2.0:oob";
const verifier = "v".repeat(43);
const pkce = {
  code_challenge: createHash("sha256").update(verifier).digest("base64url"),
  code_challenge_method: "S256",
};
const credentials = { login: PERSON.email, password: PERSON.password };

let worker: TestWorker;
let cli: string;
beforeAll(async () => {
  worker = await openTestWorker();
  cli = (await worker.addClient({ public: true, clientName: "CLI", redirectURIs: [] })).id;
});
afterAll(() => worker.close());

async function redeem(code: string, more: Readonly<Record<string, string>> = {}) {
  const body = { grant_type: "authorization_code", client_id: cli, code, redirect_uri: OOB, code_verifier: verifier };
  const response = await fetch(`${worker.issuer}/token`, {
    method: "POST",
    body: new URLSearchParams({ ...body, ...more }),
  });
  return { status: response.status, body: (await response.json()) as { id_token?: string; error?: string } };
}

describe("a code that a person carries over by hand", () => {
  const request = () => ({ client_id: cli, redirect_uri: OOB, state: "s", ...pkce });

  async function consentPage() {
    const browser = worker.browser();
    const form = await browser.open(worker.authorizationUrl({ ...request(), prompt: "consent" }));
    return { browser, page: await browser.submit(form, credentials) };
  }

  test("is shown once, in no address, and exchanges once (v1 L11)", async () => {
    const { browser, page } = await consentPage();
    expect(page.text).toContain("you are shown a code to copy");
    const end = await browser.submit(page, { decision: "approve" });
    expect(end.url.href).toBe(`${worker.issuer}/oob`);
    expect(end.status).toBe(200);
    const [, code = ""] = /id="oob-code"[^>]* value="(dxc_[\w-]{43})"/.exec(end.text) ?? [];
    expect(/<input id="oob-code"[^>]*>/.exec(end.text)?.[0]).toContain("readonly");

    const again = await browser.open(`${worker.issuer}/oob`);
    expect(again.status).toBe(400);
    expect(again.text).not.toContain("dxc_");

    expect(await redeem(code, { code_verifier: "w".repeat(43) })).toMatchObject({ body: { error: "invalid_grant" } });
    const { status, body } = await redeem(code);
    expect(status).toBe(200);
    expect(decodeJwt(body.id_token ?? "").aud).toBe(cli);
    expect(await redeem(code)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
  });

  test("is not given when the person says no: a page says so (RED-10)", async () => {
    const { browser, page } = await consentPage();
    const end = await browser.submit(page, { decision: "deny" });
    expect(end.status).toBe(403);
    expect(end.text).toContain("consent was not given");
  });

  test("an error is told on a page, not to the URN (RED-10, PKC-1)", async () => {
    for (const more of [{ code_challenge: undefined, code_challenge_method: undefined }, { prompt: "none" }]) {
      const response = await fetch(worker.authorizationUrl({ ...request(), ...more }), { redirect: "manual" });
      expect(response.status).toBe(400);
      expect(response.headers.get("location")).toBeNull();
      expect(response.headers.get("content-type")).toMatch(/^text\/html/);
    }
  });

  test("the page shows nothing that is no code of ours (BRO-11)", async () => {
    const name = `dex-oob-${createHash("sha256").update(worker.issuer).digest("hex").slice(0, 8)}`;
    for (const value of ["hello", "dxr_abc", "dxc_", "dxc_<b>"]) {
      const response = await fetch(`${worker.issuer}/oob`, { headers: { Cookie: `${name}=${value}` } });
      expect(response.status).toBe(400);
    }
  });
});

test("a program on this machine gets its code at a port of its choice (v1 A03, v1 C09)", async () => {
  const redirect_uri = "http://localhost:8765";
  const browser = openFormBrowser({ stopAt: [redirect_uri] });
  const form = await browser.open(
    worker.authorizationUrl({ client_id: cli, redirect_uri, prompt: "consent", ...pkce }),
  );
  const page = await browser.submit(form, credentials);
  expect(page.text).toContain('<bdi class="host">localhost:8765</bdi>');
  const end = await browser.submit(page, { decision: "approve" });
  const { status, body } = await redeem(end.url.searchParams.get("code") ?? "", { redirect_uri });
  expect(status).toBe(200);
  expect(decodeJwt(body.id_token ?? "").aud).toBe(cli);
});

describe("tokens for another client", () => {
  test("consent names it; exchange and refresh carry it; trust taken back ends it (TOK-19, v1 T09, v1 T19)", async () => {
    const requester = await worker.addClient({ clientName: "Dashboard" });
    const peer = await worker.addClient({ clientName: "Cluster <b>", trustedPeers: [requester.id] });
    const scope = `openid offline_access audience:server:client_id:${peer.id}`;
    const browser = worker.browser();
    const form = await browser.open(worker.authorizationUrl({ client_id: requester.id, scope }));
    const page = await browser.submit(form, credentials);
    expect(page.text).toContain("Act for you at");
    expect(page.text).toContain("Cluster &lt;b&gt;");
    expect(page.text).not.toContain("audience:server");
    const end = await browser.submit(page, { decision: "approve" });

    worker.takeStatements();
    const code = end.url.searchParams.get("code") ?? "";
    const first = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI }, requester);
    expect(decodeJwt(first.body.id_token ?? "")).toMatchObject({ aud: [peer.id, requester.id], azp: requester.id });
    const second = await worker.token(
      { grant_type: "refresh_token", refresh_token: first.body.refresh_token ?? "" },
      requester,
    );
    expect(decodeJwt(second.body.id_token ?? "").aud).toEqual([peer.id, requester.id]);
    expect(worker.takeStatements()).toEqual(["code.redeem", "family.rotate"]);

    await worker.storage.clients.delete(peer.id, { kind: "dexctl", id: undefined, address: undefined });
    await worker.addClient({ clientName: "Somebody else" }); // the worker has looked for changes since
    const third = await worker.token(
      { grant_type: "refresh_token", refresh_token: second.body.refresh_token ?? "" },
      requester,
    );
    expect(third).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    const { client_id: _, ...params } = { client_id: requester.id, scope };
    const refused = await fetch(worker.authorizationUrl({ ...params, client_id: requester.id }), {
      redirect: "manual",
    });
    expect(refused.headers.get("location")).toContain("error=invalid_scope");
  });

  test("remembered consent does not cover another audience (v1 A13)", async () => {
    const requester = await worker.addClient({ clientName: "Console" });
    const peers = [];
    for (const clientName of ["One", "Two"]) {
      peers.push(await worker.addClient({ clientName, trustedPeers: [requester.id] }));
    }
    const [one, two] = peers.map(({ id }) => `openid audience:server:client_id:${id}`);
    const browser = worker.browser();
    const form = await browser.open(worker.authorizationUrl({ client_id: requester.id, scope: one }));
    await browser.submit(await browser.submit(form, credentials), { decision: "approve" });
    const remembered = await browser.open(worker.authorizationUrl({ client_id: requester.id, scope: one }));
    expect(remembered.url.searchParams.get("code")).toMatch(/^dxc_/);
    const asked = await browser.open(worker.authorizationUrl({ client_id: requester.id, scope: two }));
    expect(asked.text).toContain('id="consent-form"');
    expect(asked.text).toContain("Two");
  });
});
