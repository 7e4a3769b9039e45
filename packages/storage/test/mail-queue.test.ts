import type { MailState, QueuedMail } from "@dex/email";
import { addSeconds } from "@dex/runtime";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { ACTOR, type Cast, freshUuid, makeCast, NOW } from "./rows.ts";

let opened: TestStorage;
let cast: Cast;
beforeAll(async () => {
  opened = await openTestStorage();
  cast = await makeCast(opened);
});
beforeEach(() => opened.query("DELETE FROM outbox"));
afterAll(() => opened.close());

const after = (seconds: number) => addSeconds(NOW, seconds);

/** One mail each of a second later than the one before. */
async function promise(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, freshUuid);
  await opened.query(
    `INSERT INTO outbox (id, kind, cause, email, occurred_at, due_at)
    SELECT id, 'password-reset', id, 'jane@example.com', $2::timestamptz + (n - $3::int) * interval '1 second', $2
    FROM unnest($1::uuid[]) WITH ORDINALITY AS t (id, n)`,
    [ids, NOW, count],
  );
  return ids;
}

/** Claims the mail and ends it. */
async function end(id: string, state: "sent" | "dead" | "discarded"): Promise<void> {
  const { outbox } = opened.storage;
  const { lease = "" } = (await outbox.claim(id, NOW, 600)) ?? {};
  if (state === "sent") await outbox.markSent(id, lease, after(1));
  if (state === "dead") await outbox.markFailed(id, lease, "EENVELOPE 550", { kind: "dead" }, after(1));
  if (state === "discarded") await outbox.markDiscarded(id, lease, "nobody has this address", after(1));
}

async function idsIn(state: MailState): Promise<string[]> {
  const page = await opened.storage.mailQueue.list({ state, limit: 100, after: undefined });
  return (page?.mails ?? []).map(({ id }) => id);
}

test("each mail is in one list, with what an operator needs to know", async () => {
  const [waiting = "", sent = "", dead = "", discarded = ""] = await promise(4);
  await end(sent, "sent");
  await end(dead, "dead");
  await end(discarded, "discarded");
  expect(await Promise.all((["waiting", "sent", "dead", "discarded"] as const).map(idsIn))).toEqual([
    [waiting],
    [sent],
    [dead],
    [discarded],
  ]);
  const page = await opened.storage.mailQueue.list({ state: "dead", limit: 1, after: undefined });
  expect(page).toEqual({
    mails: [
      {
        id: dead,
        kind: "password-reset",
        state: "dead",
        recipient: "jane@example.com",
        attempts: 1,
        lastError: "EENVELOPE 550",
        occurredAt: after(-1),
        dueAt: undefined,
        endedAt: after(1),
      },
    ],
    next: undefined,
  });
});

test("pages lead through all mails, the newest first, though new ones come in between", async () => {
  const ids = await promise(7);
  const seen: QueuedMail[] = [];
  let place: string | undefined;
  do {
    const page = await opened.storage.mailQueue.list({ state: "waiting", limit: 3, after: place });
    seen.push(...(page?.mails ?? []));
    place = page?.next;
    await opened.query(
      `INSERT INTO outbox (kind, cause, user_id, occurred_at, due_at) VALUES ('password-changed', $1, $2, $3, $3)`,
      [freshUuid(), cast.user.id, after(60)],
    );
  } while (place !== undefined);
  expect(seen.map(({ id }) => id)).toEqual(ids.toReversed());
});

test.each(["", "1", "1.x", "' OR true --", `9999999999999999.${"0".repeat(36)}`])(
  "a place %j that no page gave leads nowhere",
  async (place) => {
    expect(await opened.storage.mailQueue.list({ state: "sent", limit: 1, after: place })).toBeUndefined();
  },
);

test("a dead mail that is retried is due at once, with all its tries, and who did it is noted (ADM-6)", async () => {
  const [id = ""] = await promise(1);
  await end(id, "dead");
  opened.takeStatements();
  expect(await opened.storage.mailQueue.retry(id, ACTOR, after(5))).toBe("due");
  expect(opened.takeStatements()).toEqual(["mailQueue.retry"]);
  expect(await idsIn("dead")).toEqual([]);
  expect(await opened.storage.outbox.claim(id, after(5), 600)).toMatchObject({ id, attempt: 1 });
  expect(
    await opened.query("SELECT actor_kind, actor_id, detail FROM audit_event WHERE event = 'mail retried'"),
  ).toEqual([{ actor_kind: "dexctl", actor_id: "root", detail: { mail: id, kind: "password-reset" } }]);
});

test("of ten callers who retry one mail at once, one makes it due, and one event is noted (ADM-6)", async () => {
  const [id = ""] = await promise(1);
  await end(id, "dead");
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => opened.storage.mailQueue.retry(id, ACTOR, after(5))),
  );
  expect(answers.filter((answer) => answer === "due")).toHaveLength(1);
  expect(await opened.query("SELECT FROM audit_event WHERE detail ->> 'mail' = $1", [id])).toHaveLength(1);
});

test("only a dead mail is retried: what was sent is not sent again, what was discarded stays so", async () => {
  const [waiting = "", sent = "", discarded = ""] = await promise(3);
  await end(sent, "sent");
  await end(discarded, "discarded");
  const { mailQueue } = opened.storage;
  for (const id of [waiting, sent, discarded]) expect(await mailQueue.retry(id, ACTOR, after(5))).toBe("not dead");
  for (const id of [freshUuid(), "' OR true --"]) expect(await mailQueue.retry(id, ACTOR, after(5))).toBe("unknown");
});

test("whoever gave a mail up has no say over its next try", async () => {
  const [id = ""] = await promise(1);
  const { outbox, mailQueue } = opened.storage;
  const { lease = "" } = (await outbox.claim(id, NOW, 600)) ?? {};
  await outbox.markFailed(id, lease, "x", { kind: "dead" }, after(1));
  await mailQueue.retry(id, ACTOR, after(5));
  expect(await outbox.markSent(id, lease, after(6))).toBe(false);
  expect(await outbox.markFailed(id, lease, "x", { kind: "dead" }, after(6))).toBe(false);
});
