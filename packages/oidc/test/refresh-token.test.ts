import { expect, test } from "vitest";
import { jane, later, readJwtPart } from "./fakes.ts";
import { refusalOf, setUp } from "./token-endpoint.ts";

const DAY = 86_400;

/** A token endpoint that has issued a first refresh token for openid, email and offline_access. */
async function signedIn(settings: Parameters<typeof setUp>[0] = {}) {
  const parts = setUp(settings);
  const first = await parts.redeem(parts.issueCode({ scope: "openid email offline_access", nonce: "n-1" }));
  parts.store.takeRoundTrips();
  parts.signer.signatures = 0;
  return { ...parts, first, token: String(first.refresh_token) };
}

test("each use gives a new refresh token with one round trip and one signature (REF-1, RFC 9700 §4.14.2, v1 T14)", async () => {
  const { refresh, token, store, signer } = await signedIn();
  const answer = await refresh(token, {}, later(100));
  expect(answer).toMatchObject({ token_type: "Bearer", expires_in: 600, scope: "openid email offline_access" });
  expect(answer.refresh_token).toMatch(/^dxr_[\w-]{100,}$/);
  expect(answer.refresh_token).not.toBe(token);
  expect([store.takeRoundTrips(), signer.signatures]).toEqual([1, 1]);
  expect(await refresh(answer.refresh_token, {}, later(200))).toHaveProperty("access_token");
});

test("a refreshed ID token keeps iss, sub, aud and auth_time and has no nonce (REF-10, OIDC Core §12.2)", async () => {
  const { refresh, first, token } = await signedIn();
  const before = readJwtPart(String(first.id_token).split(".")[1]);
  const after = readJwtPart(String((await refresh(token, {}, later(100))).id_token).split(".")[1]);
  for (const claim of ["iss", "sub", "aud", "auth_time", "sid"]) expect(after[claim]).toBe(before[claim]);
  expect(after.iat).toBe(Number(before.iat) + 100);
  expect(after).not.toHaveProperty("nonce");
});

test("a used token after the grace interval ends the family with its access tokens (REF-2, v1 T23)", async () => {
  const { refresh, askUserinfo, token, store } = await signedIn();
  const next = await refresh(token);
  expect(await refusalOf(refresh(token, {}, later(10)))).toMatchObject({ code: "invalid_grant" });
  expect(store.revocations).toMatchObject([{ reason: "refresh token replayed" }]);
  expect(await refusalOf(refresh(next.refresh_token, {}, later(11)))).toMatchObject({ code: "invalid_grant" });
  expect(await refusalOf(askUserinfo(next.access_token, later(11)))).toMatchObject({ code: "invalid_token" });
});

test("a used token inside the grace interval gets the same successor again (REF-3)", async () => {
  const { refresh, token, store } = await signedIn();
  const next = await refresh(token);
  const again = await refresh(token, {}, later(9));
  expect(again.refresh_token).toBe(next.refresh_token);
  expect(again.access_token).not.toBe(next.access_token);
  expect(store.revocations).toEqual([]);
});

test.each([
  { graceSeconds: 10, successes: 20, by: "REF-3, REF-4" },
  { graceSeconds: 0, successes: 1, by: "REF-4" },
])("of 20 simultaneous refreshes with a grace of $graceSeconds s, $successes succeed ($by)", async (row) => {
  const { refresh, token } = await signedIn({ graceSeconds: row.graceSeconds });
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => refresh(token)));
  const answers = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  expect(answers).toHaveLength(row.successes);
  expect(new Set(answers.map((answer) => answer.refresh_token)).size).toBe(1);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "invalid_grant" });
  }
});

test("an older generation ends the family, grace or not (REF-5)", async () => {
  const { refresh, token, store } = await signedIn();
  const second = await refresh(token);
  const third = await refresh(second.refresh_token);
  expect(await refusalOf(refresh(token))).toMatchObject({ code: "invalid_grant" });
  expect(store.revocations).toHaveLength(1);
  expect(await refusalOf(refresh(third.refresh_token))).toMatchObject({ code: "invalid_grant" });
});

test("another client, or none, is refused and consumes nothing (REF-7, v1 T17, v1 R02)", async () => {
  const { refresh, token, store } = await signedIn();
  expect(await refusalOf(refresh(token, { client_id: "client-b" }))).toMatchObject({ code: "invalid_grant" });
  expect(await refusalOf(refresh(token, { client_secret: undefined }))).toMatchObject({ code: "invalid_client" });
  expect(await refusalOf(refresh(token, { client_id: "native", client_secret: undefined }))).toMatchObject({
    code: "invalid_grant",
  });
  const next = await refresh(token);
  await refresh(next.refresh_token);
  expect(await refusalOf(refresh(token, { client_id: "client-b" }, later(60)))).toMatchObject({
    code: "invalid_grant",
  });
  expect(store.revocations).toEqual([]);
});

test("a refresh token altered in any place is refused without a round trip and harms no family (REF-8, v1 T16, v1 R03)", async () => {
  const { refresh, token, store } = await signedIn();
  const altered = [
    token.toUpperCase(),
    token.toLowerCase(),
    token.slice(4),
    `${token}A`,
    `${token}=`,
    `dxr_${token}`,
    "dxr_",
    "x",
  ];
  for (let position = 0; position < token.length; position += 1) {
    altered.push(token.slice(0, position) + (token[position] === "A" ? "B" : "A") + token.slice(position + 1));
    altered.push(token.slice(0, position));
  }
  for (const text of altered.filter((one) => one !== "")) {
    expect(await refusalOf(refresh(text))).toMatchObject({ code: "invalid_grant" });
  }
  expect([store.takeRoundTrips(), store.revocations.length]).toEqual([0, 0]);
  expect(await refresh(token)).toHaveProperty("access_token");
});

test("access and ID tokens are no refresh tokens (TOK-13, AUT-15)", async () => {
  const { refresh, first, issueCode } = await signedIn();
  for (const text of [first.access_token, first.id_token, issueCode()]) {
    expect(await refusalOf(refresh(text))).toMatchObject({ code: "invalid_grant" });
  }
  expect(await refusalOf(refresh(""))).toMatchObject({ code: "invalid_request" });
});

test("less scope is honoured and all of it kept for later; more is refused (REF-9, RFC 6749 §6, v1 T15)", async () => {
  const { refresh, askUserinfo, token } = await signedIn();
  expect(await refusalOf(refresh(token, { scope: "openid groups" }))).toMatchObject({ code: "invalid_scope" });
  const less = await refresh(token, { scope: "openid" });
  expect(less).toMatchObject({ scope: "openid" });
  expect(await askUserinfo(less.access_token)).toEqual({ sub: jane.id });
  expect(await refresh(less.refresh_token)).toMatchObject({ scope: "openid email offline_access" });
  expect(await refresh(token, { scope: "email" }, later(20)).catch((error: unknown) => error)).toMatchObject({
    code: "invalid_grant",
  });
});

test.each(["", " ", "   "])("the scope %j asks for all of it (RFC 6749 §3.2, §6)", async (scope) => {
  const { refresh, token } = await signedIn();
  expect(await refresh(token, { scope })).toMatchObject({ scope: "openid email offline_access" });
});

test("without openid in the scope no ID token is signed", async () => {
  const { refresh, token, signer } = await signedIn();
  expect(await refresh(token, { scope: "email" })).not.toHaveProperty("id_token");
  expect(signer.signatures).toBe(0);
});

test("a token that is not used for 30 days is dead (RFC 9700 §4.14.2)", async () => {
  const { refresh, token } = await signedIn();
  expect(await refusalOf(refresh(token, {}, later(30 * DAY)))).toMatchObject({ code: "invalid_grant" });
});

test("after 90 days a family ends, whatever its use (REF-14)", async () => {
  const { refresh, token } = await signedIn();
  let current: unknown = token;
  for (let day = 20; day < 90; day += 20) current = (await refresh(current, {}, later(day * DAY))).refresh_token;
  expect(await refresh(current, {}, later(90 * DAY - 1))).toHaveProperty("access_token");
  const { refresh: other, token: second } = await signedIn();
  const used = await other(second, {}, later(29 * DAY));
  const usedAgain = await other(used.refresh_token, {}, later(58 * DAY));
  const last = await other(usedAgain.refresh_token, {}, later(87 * DAY));
  expect(await refusalOf(other(last.refresh_token, {}, later(90 * DAY)))).toMatchObject({ code: "invalid_grant" });
});

test("a disabled user cannot refresh; nothing is consumed (TOK-16, v1 T24)", async () => {
  const { refresh, token, store } = await signedIn();
  store.disable(jane.id);
  expect(await refusalOf(refresh(token))).toMatchObject({ code: "invalid_grant" });
  store.enable(jane.id);
  expect(await refresh(token)).toHaveProperty("access_token");
});
