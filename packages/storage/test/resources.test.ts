import type { Resource } from "@dex/oidc";
import { queryDatabase } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { ACTOR } from "./rows.ts";

let opened: TestStorage;
beforeAll(async () => {
  opened = await openTestStorage({ maxConnections: 10 });
});
afterAll(() => opened.close());

const resource = (more: Partial<Resource> = {}): Resource => ({
  identifier: "https://api.example/",
  name: "API",
  scopes: ["read"],
  accessTokenSeconds: undefined,
  tokenFormat: "jwt",
  signingAlgorithm: "ES256",
  allowedClients: undefined,
  introspectedBy: [],
  authorizationDetailsTypes: [{ type: "payment", name: "Pay", members: ["amount"] }],
  ...more,
});

test("a resource comes back as it was stored, whatever it leaves out", async () => {
  const { resources } = opened.storage;
  const whole = resource({
    identifier: "urn:b",
    accessTokenSeconds: 60,
    allowedClients: ["app"],
    introspectedBy: ["rs"],
  });
  expect(await resources.add(resource(), ACTOR)).toBe("added");
  expect(await resources.add(whole, ACTOR)).toBe("added");
  expect(await resources.list()).toEqual([resource(), whole]);
  expect(await resources.add(resource({ name: "Another" }), ACTOR)).toBe("identifier taken");
});

test("of ten who add the same one does, and of ten who change what they have read one does", async () => {
  const { resources } = opened.storage;
  const mine = (n: number) => resource({ identifier: "urn:raced", name: `Writer ${n}` });
  const ten = Array.from({ length: 10 }, (_, n) => n);
  const added = await Promise.all(ten.map((n) => resources.add(mine(n), ACTOR)));
  expect(added.filter((outcome) => outcome === "added")).toHaveLength(1);
  const read = (await resources.list()).find(({ identifier }) => identifier === "urn:raced") ?? expect.fail("none");
  const changed = await Promise.all(
    ten.map((n) => resources.replace(read, { ...read, name: `Changed ${n}`, accessTokenSeconds: n + 1 }, ACTOR)),
  );
  expect(changed.filter((outcome) => outcome === "done")).toHaveLength(1);
});

test("each change moves the version that workers poll, and leaves an audit event; what changes nothing does neither (ADM-6)", async () => {
  const { resources, changes } = opened.storage;
  const version = async () => (await changes.read()).versions.resources;
  const events = async () => {
    const sql = "SELECT event FROM audit_event WHERE subject_id = 'urn:audited' ORDER BY event";
    return (await queryDatabase(opened.url.reveal(), sql)).map((row) => row.event);
  };
  const before = await version();
  await resources.add(resource({ identifier: "urn:audited" }), ACTOR);
  const read = resource({ identifier: "urn:audited" });
  expect(await resources.replace(read, { ...read, scopes: ["write"] }, ACTOR)).toBe("done");
  expect(await resources.replace(read, { ...read, name: "Stale" }, ACTOR)).toBe("changed");
  expect(await resources.remove("urn:audited", ACTOR)).toBe("removed");
  expect(await resources.remove("urn:audited", ACTOR)).toBe("unknown");
  expect(await resources.remove("urn:\0", ACTOR)).toBe("unknown");
  expect(await version()).toBeGreaterThanOrEqual(before + 3);
  expect(await events()).toEqual(["resource added", "resource changed", "resource removed"]);
});
