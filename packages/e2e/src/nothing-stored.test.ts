import { expect, inject, test } from "vitest";
import { countRows } from "./database-rows.ts";
import { makeRelyingParty } from "./relying-party.ts";

const { facts } = inject("sharedFleet");
const REQUESTS = 1_000;
const AT_ONCE = 20;

test("1,000 unauthenticated requests to the authorization endpoint add no row to any table", async () => {
  const party = await makeRelyingParty(facts);
  const { url } = await party.begin();
  const before = await countRows(facts.databaseUrl);
  expect(Object.keys(before).length).toBeGreaterThan(5);
  const statuses = new Set<number>();
  for (let sent = 0; sent < REQUESTS; sent += AT_ONCE) {
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => fetch(url, { redirect: "manual" })));
    for (const answer of answers) {
      statuses.add(answer.status);
      await answer.body?.cancel();
    }
  }
  expect([...statuses]).toEqual([303]);
  expect(await countRows(facts.databaseUrl)).toEqual(before);
});
