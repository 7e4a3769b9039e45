import type { Client, Clients } from "@dex/oidc";
import { supportedWith } from "@dex/oidc";
import type { FetchedDocument } from "@dex/runtime";
import { makeHandSetClock } from "@dex/testing";
import { expect, test } from "vitest";
import { makeClientDocuments, withoutRefusedDocuments } from "./client-documents.ts";

const ID = "https://agent.example/client.json";
const POLICY = { documents: "any", hosts: [], blockedHosts: [], schemes: "https" } as const;

/** A site that serves documents, and how often each was asked for. */
function openSite() {
  const clock = makeHandSetClock();
  const visits: string[] = [];
  const site = {
    clock,
    visits,
    name: "Agent",
    cacheControl: undefined as string | undefined,
    status: 200,
    stored: new Map<string, Client>(),
    warnings: 0,
  };
  const find: Clients["find"] = async (id) => site.stored.get(id);
  const noted = () => {
    site.warnings += 1;
  };
  const documents = makeClientDocuments({
    policy: POLICY,
    stored: { find },
    async fetchDocument(url): Promise<FetchedDocument> {
      visits.push(url);
      const document = { client_id: url, client_name: site.name, redirect_uris: ["http://127.0.0.1/cb"] };
      const body = Buffer.from(JSON.stringify(document));
      await Promise.resolve();
      return { status: site.status, contentType: "application/json", cacheControl: site.cacheControl, body };
    },
    supported: supportedWith(["code"], "none"),
    store: async (client) => {
      site.stored.set(client.id, client);
    },
    clock: clock.now,
    logger: { debug: noted, info: noted, warn: noted, error: noted },
  });
  return { ...documents, site };
}

test("whoever asks for a document at the same time waits for one answer", async () => {
  const { clients, site } = openSite();
  const found = await Promise.all(Array.from({ length: 20 }, () => clients.find(ID)));
  expect(new Set(found).size).toBe(1);
  expect(found[0]).toMatchObject({ id: ID, name: "Agent", dynamic: true });
  expect(site.visits).toEqual([ID]);
});

test.each([
  ["nothing", undefined, 60],
  ["max-age=5", "max-age=5", 60],
  ["max-age=600", "public, max-age=600", 600],
  ["max-age=604800", "max-age=604800", 3600],
  ["no-store", "no-store, max-age=600", 60],
  ["no-cache", "max-age=600, no-cache", 60],
  ["s-maxage alone", "s-maxage=600", 60],
])(
  "a document that says %s is good for that long, within bounds (RFC 9111 §5.2.2)",
  async (_words, cacheControl, seconds) => {
    const { clients, site } = openSite();
    site.cacheControl = cacheControl;
    await clients.find(ID);
    site.name = "Renamed";
    site.clock.advance(seconds - 1);
    expect((await clients.find(ID))?.name).toBe("Agent");
    site.clock.advance(1);
    expect((await clients.find(ID))?.name).toBe("Renamed");
    expect(site.visits).toHaveLength(2);
  },
);

test("what could not be had is asked for again after ten seconds, and an old document does not stand in for it", async () => {
  const { clients, site } = openSite();
  await clients.find(ID);
  site.status = 500;
  site.clock.advance(3600);
  expect(await clients.find(ID)).toBeUndefined();
  site.status = 200;
  site.clock.advance(9);
  expect(await clients.find(ID)).toBeUndefined();
  site.clock.advance(1);
  expect(await clients.find(ID)).toBeDefined();
  expect(site.visits).toHaveLength(3);
});

test("one address makes a worker fetch 30 documents in a minute, and what is remembered costs nothing", async () => {
  const { clients, admit, site } = openSite();
  const look = async (id: string, source: string) => {
    admit(id, source, site.clock.now());
    return clients.find(id);
  };
  for (let n = 0; n < 30; n += 1) await look(`https://agent.example/${n}.json`, "192.0.2.1");
  await expect(look(ID, "192.0.2.1")).rejects.toMatchObject({ code: "too_many_requests", retryAfterSeconds: 60 });
  expect(await look("https://agent.example/7.json", "192.0.2.1")).toBeDefined();
  expect(await look("registered@agent.example", "192.0.2.1")).toBeUndefined();
  expect(await look(ID, "192.0.2.2")).toBeDefined();
  site.clock.advance(60);
  expect(await look("https://agent.example/new.json", "192.0.2.1")).toBeDefined();
});

test("a flood of addresses without a document drives out none of the good ones", async () => {
  const { clients, site } = openSite();
  site.cacheControl = "max-age=3600";
  await clients.find(ID);
  site.status = 404;
  for (let n = 0; n < 1100; n += 1) await clients.find(`https://agent.example/${n}.json`);
  expect(await clients.find(ID)).toBeDefined();
  expect(site.visits.filter((url) => url === ID)).toHaveLength(1);
});

test("a client is stored once, and again when something of it has changed", async () => {
  const { clients, keep, site } = openSite();
  const first = (await clients.find(ID)) ?? expect.fail("no client");
  await keep(first);
  expect(site.stored.get(ID)).toBe(first);
  await keep({ ...first, createdAt: new Date(0) });
  expect(site.stored.get(ID)).toBe(first);
  await keep({ ...first, name: "Renamed" });
  expect(site.stored.get(ID)?.name).toBe("Renamed");
  const byHand = { ...first, id: "https://by.example/hand", dynamic: false };
  await keep(byHand);
  expect(site.stored.has(byHand.id)).toBe(false);
});

test("what an administrator set of a client stays when its document is read", async () => {
  const { clients, keep, site } = openSite();
  const first = (await clients.find(ID)) ?? expect.fail("no client");
  await keep(first);
  const details = { ...first.details, access_token_lifetime: 60 };
  site.stored.set(ID, { ...first, details, allowedConnectors: ["ldap"] });
  expect(await clients.find(ID)).toMatchObject({ details, allowedConnectors: ["ldap"] });
});

test.each([
  [{ ...POLICY }, true],
  [{ ...POLICY, blockedHosts: ["agent.example"] }, false],
  [{ ...POLICY, documents: "listed" as const }, false],
  [{ ...POLICY, documents: "off" as const }, false],
])("a stored client is none where its host is not allowed any more: %j", async (policy, found) => {
  const { clients, site } = openSite();
  const client = (await clients.find(ID)) ?? expect.fail("no client");
  const source: Clients = { find: async (id) => (id === ID ? client : undefined) };
  const byHand = { ...client, dynamic: false };
  expect(site.visits).toHaveLength(1);
  const nothing: Clients = { find: async () => undefined };
  expect((await withoutRefusedDocuments(nothing, source, policy).find(ID)) !== undefined).toBe(found);
  const stays = await withoutRefusedDocuments({ find: async () => byHand }, nothing, policy).find(ID);
  expect(stays).toBe(byHand);
});
