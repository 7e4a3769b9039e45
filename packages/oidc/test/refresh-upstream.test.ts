import { expect, test } from "vitest";
import type { UpstreamAnswer } from "../src/index.ts";
import { jane, later, now } from "./fakes.ts";
import { refusalOf, setUp } from "./token-endpoint.ts";

/** A first refresh token of somebody whose upstream vouched for them at `checkedAt`, and answers `answer` when asked. */
async function signedIn(answer: (asked: number) => UpstreamAnswer, upstreamRefreshSeconds = 0) {
  const questions: { userId: string; connectorId: string; at: Date }[] = [];
  const parts = setUp({
    upstreamRefreshSeconds,
    async askUpstream(person, at) {
      questions.push({ ...person, at });
      const given = answer(questions.length);
      if (given.kind === "good") parts.store.upstream.set(jane.id, { outcome: "good", checkedAt: given.checkedAt });
      if (given.kind === "refused") parts.store.upstream.set(jane.id, { outcome: "refused", checkedAt: at });
      return given;
    },
  });
  parts.store.upstream.set(jane.id, { outcome: "good", checkedAt: now });
  const first = await parts.redeem(parts.issueCode({ scope: "openid offline_access" }));
  parts.store.takeRoundTrips();
  return { ...parts, token: String(first.refresh_token), questions };
}
const good = (checkedAt: Date): UpstreamAnswer => ({ kind: "good", checkedAt });
const away: UpstreamAnswer = { kind: "unavailable", detail: "no answer", retryAfterSeconds: 7 };
const refused: UpstreamAnswer = { kind: "refused", detail: "left the group" };

test("an upstream that vouched lately is not asked, and the refresh is one round trip", async () => {
  const { refresh, token, questions, store } = await signedIn(() => refused, 600);
  expect(await refresh(token, {}, later(600))).toHaveProperty("access_token");
  expect([questions, store.takeRoundTrips()]).toEqual([[], 1]);
});

test("one that is due is asked about this user, and then tokens are given (REF-13)", async () => {
  const { refresh, token, questions, store } = await signedIn(() => good(later(602)), 600);
  expect(await refresh(token, {}, later(601))).toHaveProperty("refresh_token");
  expect(questions).toEqual([{ userId: jane.id, connectorId: "local", at: later(601) }]);
  // Beside those of the question: refused, looked at, rotated.
  expect(store.takeRoundTrips()).toBe(3);
});

test("an answer that another worker's clock puts a little before this request counts", async () => {
  const { refresh, token } = await signedIn(() => good(later(99)));
  expect(await refresh(token, {}, later(100))).toHaveProperty("access_token");
});

test("a refused user gets no tokens, and the token is good again once they are welcome (REF-13, P5)", async () => {
  const { refresh, token, store } = await signedIn((asked) => (asked < 3 ? refused : good(later(102))));
  for (const second of [100, 101]) {
    const error = await refusalOf(refresh(token, {}, later(second)));
    expect(error).toMatchObject({ code: "invalid_grant", noteworthy: true, message: "the user must sign in again" });
    expect(error.detail).toContain("left the group");
  }
  expect(store.revocations).toEqual([]);
  expect(await refresh(token, {}, later(102))).toHaveProperty("access_token");
});

test("while the upstream cannot be asked the answer is temporarily_unavailable, and nothing is spent (REF-13)", async () => {
  const { refresh, token, store } = await signedIn((asked) => (asked === 1 ? away : good(later(101))));
  const error = await refusalOf(refresh(token, {}, later(100)));
  expect(error).toMatchObject({ code: "temporarily_unavailable", status: 503, retryAfterSeconds: 7, noteworthy: true });
  expect(store.revocations).toEqual([]);
  expect(await refresh(token, {}, later(101))).toHaveProperty("access_token");
});

test("an answer that is overtaken by a refusal gives no tokens, and the upstream is not asked for ever", async () => {
  const { refresh, token, questions, store } = await signedIn(() => {
    queueMicrotask(() => store.upstream.set(jane.id, { outcome: "refused", checkedAt: later(100) }));
    return good(later(100));
  });
  expect(await refusalOf(refresh(token, {}, later(100)))).toMatchObject({ code: "temporarily_unavailable" });
  expect(questions).toHaveLength(1);
});

test("an answer given again inside the grace interval is not given to who was refused since (REF-3, P5)", async () => {
  const { refresh, token, store, questions } = await signedIn((asked) => (asked === 1 ? good(later(100)) : refused));
  const next = await refresh(token, {}, later(100));
  expect((await refresh(token, {}, later(101))).refresh_token).toBe(next.refresh_token);
  expect(questions).toHaveLength(1);
  store.upstream.set(jane.id, { outcome: "refused", checkedAt: later(102) });
  expect(await refusalOf(refresh(token, {}, later(103)))).toMatchObject({ code: "invalid_grant" });
});

test("a replayed token ends its family without asking anybody (REF-2)", async () => {
  const { refresh, token, store, questions } = await signedIn(() => good(later(500)));
  await refresh(token, {}, later(100));
  const asked = questions.length;
  expect(await refusalOf(refresh(token, {}, later(200)))).toMatchObject({ code: "invalid_grant" });
  expect(store.revocations).toMatchObject([{ reason: "refresh token replayed" }]);
  expect(questions).toHaveLength(asked);
});

test("another client learns nothing and asks nobody (REF-7)", async () => {
  const { refresh, token, questions } = await signedIn(() => refused);
  const stranger = refresh(token, { client_id: "client-b" }, later(100));
  expect(await refusalOf(stranger)).toMatchObject({ code: "invalid_grant" });
  expect(questions).toEqual([]);
});
