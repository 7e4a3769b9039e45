import type { Client } from "@dex/oidc";
import { makeFollowingClock, silentLogger } from "@dex/runtime";
import { describe, expect, test } from "vitest";
import { makeClientCache } from "./client-cache.ts";
import { makeConnectorSet } from "./connector-set.ts";
import { makeChangeWatcher } from "./watch-changes.ts";

const client = { id: "app" } as Client;

function countingSource() {
  let reads = 0;
  return {
    reads: () => reads,
    find: async (id: string) => {
      reads++;
      return id === client.id ? client : undefined;
    },
    originIsRegistered: async () => {
      reads++;
      return true;
    },
  };
}

describe("the client cache", () => {
  test("a client, and that an id is unknown, is read once until something changed", async () => {
    const source = countingSource();
    const cache = makeClientCache(source);
    await Promise.all([cache.find("app"), cache.find("app"), cache.find("no"), cache.find("no")]);
    expect(source.reads()).toBe(2);
    cache.clear();
    expect(await cache.find("app")).toBe(client);
    expect(source.reads()).toBe(3);
  });

  test("a flood of unknown ids does not grow it beyond its bound", async () => {
    const source = countingSource();
    const cache = makeClientCache(source);
    await cache.find("app");
    for (let n = 0; n < 10_001; n++) await cache.find(`x${n}`);
    await cache.find("app");
    expect(source.reads()).toBe(10_003);
  });

  test("an over-long id is unknown without a read", async () => {
    const source = countingSource();
    expect(await makeClientCache(source).find("x".repeat(300))).toBeUndefined();
    expect(source.reads()).toBe(0);
  });

  test("a failed read is not remembered", async () => {
    let fail = true;
    const cache = makeClientCache({
      find: async () => {
        if (fail) throw new Error("away");
        return client;
      },
      originIsRegistered: async () => false,
    });
    await expect(cache.find("app")).rejects.toThrow("away");
    fail = false;
    expect(await cache.find("app")).toBe(client);
  });
});

describe("the connector set", () => {
  const stored = (id: string, config = {}) => ({ id, type: "mock", config });
  const opened: string[] = [];
  const closed: string[] = [];
  const errors: unknown[] = [];
  const set = makeConnectorSet({
    unseal: (one) => {
      const { sealed, ...config } = one.config;
      return sealed === "unopenable"
        ? { kind: "unopenable", fields: ["sealed"] }
        : { kind: "unsealed", connector: { ...one, config } };
    },
    logger: { ...silentLogger, error: (_event, fields) => void errors.push(fields?.connectorId) },
    open: (one) => {
      opened.push(one.id);
      if (one.id === "broken") return { kind: "refused", id: one.id, reason: "no such upstream" };
      const login = {
        kind: "password",
        loginLabel: "user name",
        verify: () => Promise.reject(new Error("unused")),
      } as const;
      const close = () => void closed.push(one.id);
      const { id, type } = one;
      return { kind: "connector", connector: { id, type, displayName: `The ${id}`, login, close } };
    },
  });

  test("a broken connector is listed as unavailable and disturbs no other", () => {
    set.replace([stored("ok"), stored("broken")]);
    expect(set.all().map((one) => [one.id, one.connector !== undefined])).toEqual([
      ["broken", false],
      ["ok", true],
    ]);
  });

  test("a connector is found by its id, an unknown id finds none (v1 N03)", () => {
    set.replace([stored("ok"), stored("broken")]);
    expect(set.find("ok")?.connector?.displayName).toBe("The ok");
    expect(set.find("none")).toBeUndefined();
  });

  test("a connector whose configuration did not change is kept, another is opened again", () => {
    const before = set.find("ok")?.connector;
    opened.length = 0;
    set.replace([stored("ok"), stored("broken", { fixed: true })]);
    expect(set.find("ok")?.connector).toBe(before);
    expect(opened).toEqual(["broken"]);
    expect(closed).toEqual([]);
    set.replace([]);
    expect(set.all()).toEqual([]);
    expect(closed).toEqual(["ok"]);
  });

  test("a connector whose secrets were only sealed again is kept, with its caches", () => {
    set.replace([stored("ok", { sealed: "under the old secret" })]);
    const before = set.find("ok")?.connector;
    expect(before).toBeDefined();
    opened.length = 0;
    set.replace([stored("ok", { sealed: "under the new secret" })]);
    expect(set.find("ok")?.connector).toBe(before);
    expect(opened).toEqual([]);
  });

  test("one whose seals cannot be opened is unavailable, said once, until they can", () => {
    errors.length = 0;
    const broken = stored("ok", { sealed: "unopenable" });
    set.replace([broken]);
    set.replace([broken, stored("other")]);
    expect(set.find("ok")).toMatchObject({ displayName: "ok", connector: undefined });
    expect(set.find("other")?.connector).toBeDefined();
    expect(errors).toEqual(["ok"]);
    set.replace([stored("ok")]);
    expect(set.find("ok")?.connector).toBeDefined();
  });
});

describe("the change watcher", () => {
  const versions = { clients: 1, connectors: 1, keys: 1, resources: 1 };
  function watch(reads: () => Promise<{ now: Date; versions: typeof versions }>) {
    const reloaded: string[] = [];
    const clock = makeFollowingClock();
    const reload = {
      clients: async () => void reloaded.push("clients"),
      connectors: async () => void reloaded.push("connectors"),
      resources: async () => void reloaded.push("resources"),
      keys: async () => void reloaded.push("keys"),
    };
    const watcher = makeChangeWatcher({ changes: { read: reads }, reload, clock, logger: silentLogger });
    return { watcher, reloaded, clock, reload };
  }

  test("everything is loaded at first, then only what changed (v1 K14)", async () => {
    const current = { ...versions };
    const { watcher, reloaded } = watch(async () => ({ now: new Date(), versions: { ...current } }));
    await watcher.refresh();
    expect(reloaded).toEqual(["keys", "connectors", "resources", "clients"]);
    current.connectors = 2;
    await watcher.refresh();
    await watcher.refresh();
    expect(reloaded).toEqual(["keys", "connectors", "resources", "clients", "connectors"]);
  });

  test("the clock follows the database's", async () => {
    const { watcher, clock } = watch(async () => ({ now: new Date("2031-01-01T00:00:00Z"), versions }));
    await watcher.refresh();
    expect(Math.abs(clock.now().getTime() - Date.UTC(2031, 0, 1))).toBeLessThan(1000);
  });

  test("a reload that failed is tried again, and what was loaded stays (v1 K15, v1 K17)", async () => {
    let failures = 1;
    const { watcher, reload } = watch(async () => ({ now: new Date(), versions }));
    let loaded = 0;
    reload.keys = async () => {
      if (failures-- > 0) throw new Error("away");
      loaded++;
    };
    await expect(watcher.refresh()).rejects.toThrow("away");
    await watcher.refresh();
    expect(loaded).toBe(1);
  });
});
