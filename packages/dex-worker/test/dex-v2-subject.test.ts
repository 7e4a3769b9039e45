import { decodeJwt } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findPerson } from "./person.ts";
import { openTestWorker, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker(["--subject-format=dex-v2"]);
});
afterAll(() => worker.close());

test("in the dex-v2 format people are called what dex v2 called them, everywhere (dex v2 137)", async () => {
  const browser = worker.browser();
  const end = await worker.signIn(browser);
  const code = end.searchParams.get("code") ?? "";
  const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
  const { sub = "" } = decodeJwt(body.id_token ?? "");
  const id = await findPerson(worker);
  expect(Buffer.from(sub, "base64url").toString("latin1")).toBe(`\n\x24${id}\x12\x05local`);
  const userinfo = await fetch(`${worker.issuer}/userinfo`, {
    headers: { Authorization: `Bearer ${body.access_token}` },
  });
  expect(await userinfo.json()).toEqual({ sub });
  const hint = { id_token_hint: body.id_token, prompt: "none" };
  const silent = await browser.open(worker.authorizationUrl(hint));
  expect(silent.url.searchParams.get("code")).toBeTruthy();
});
