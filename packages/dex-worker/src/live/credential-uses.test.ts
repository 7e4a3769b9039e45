import { silentLogger } from "@dex/runtime";
import { expect, test } from "vitest";
import { type CredentialUse, makeCredentialUses } from "./credential-uses.ts";

const morning = new Date("2030-06-01T08:00:00Z");
const evening = new Date("2030-06-01T23:59:59Z");
const tomorrow = new Date("2030-06-02T00:00:00Z");

function make() {
  const written: CredentialUse[][] = [];
  const state = { failing: false };
  const uses = makeCredentialUses({
    what: "client secrets",
    async record(batch) {
      if (state.failing) throw new Error("the database is away");
      written.push([...batch]);
    },
    logger: silentLogger,
  });
  return { uses, written, state };
}

test("a secret is written down once a day, however often it is used", async () => {
  const { uses, written } = make();
  for (let time = 0; time < 100; time++) uses.note("a", "first", morning);
  uses.note("a", "second", morning);
  await uses.flush();
  expect(written).toEqual([
    [
      { clientId: "a", credentialId: "first", day: "2030-06-01" },
      { clientId: "a", credentialId: "second", day: "2030-06-01" },
    ],
  ]);
  uses.note("a", "first", evening);
  await uses.flush();
  expect(written).toHaveLength(1);
  uses.note("a", "first", tomorrow);
  await uses.flush();
  expect(written[1]).toEqual([{ clientId: "a", credentialId: "first", day: "2030-06-02" }]);
});

test("what could not be written is written later, and a stop writes what is left", async () => {
  const { uses, written, state } = make();
  uses.note("a", "first", morning);
  state.failing = true;
  await expect(uses.flush()).rejects.toThrow("away");
  state.failing = false;
  uses.note("b", "first", morning);
  await uses.close();
  expect(written.flat().map(({ clientId }) => clientId)).toEqual(["a", "b"]);
});

test("a flood of clients is written in batches and costs bounded memory", async () => {
  const { uses, written } = make();
  for (let number = 0; number < 25_000; number++) uses.note(`client ${number}`, "first", morning);
  await uses.flush();
  expect(written.every((batch) => batch.length <= 1_000)).toBe(true);
  expect(written.flat()).toHaveLength(20_000);
});
