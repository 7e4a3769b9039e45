// The document of a sector is read before an administrator's client is of it, as when a client registers itself (OIDC Core §8.1).
import type { Client, ClientDetails } from "@dex/oidc";
import { OutboundFailure, systemRandom } from "@dex/runtime";
import type { Actor } from "@dex/users";
import { beforeEach, expect, test } from "vitest";
import { changeClient, makeClientAdministration } from "../src/clients.ts";

const ACTOR: Actor = { kind: "dexctl", id: undefined, address: undefined };
const SECTOR = "https://sector.example/uris.json";
const CALLBACK = "https://app.example/callback";
const wanted = { redirectURIs: [CALLBACK], details: { subject_type: "pairwise", sector_identifier_uri: SECTOR } };

/** What stands at SECTOR; undefined when nobody answers there. */
let document: string | undefined;
let fetched: string[];
let stored: Client[];
beforeEach(() => {
  document = undefined;
  fetched = [];
  stored = [];
});

const clients = {
  list: async () => stored,
  find: async (id: string) => stored.find((client) => client.id === id),
  delete: async () => false,
  async create(client: Client) {
    stored.push(client);
    return "created" as const;
  },
  async setDetails(id: string, { next: details }: { readonly next: ClientDetails }) {
    stored = stored.map((client) => (client.id === id ? { ...client, details } : client));
    return "done" as const;
  },
  setAllowedConnectors: async () => "done" as const,
  setGrantTypes: async () => "done" as const,
};

async function fetchDocument(url: string) {
  fetched.push(url);
  if (document === undefined) throw new OutboundFailure("connection refused at 10.0.0.7");
  return { status: 200, contentType: "application/json", cacheControl: undefined, body: Buffer.from(document) };
}

const parts = { clients, fetchDocument, adminClients: "allowed", httpKeys: "refused" } as const;
const administration = makeClientAdministration({
  ...{ ...parts, random: systemRandom },
  hashChosenSecret: () => Promise.reject(new Error("no secret is chosen here")),
});
const create = (client: object = wanted) => administration.create(client, ACTOR, new Date());
const change = (details: object) => changeClient(parts, stored[0]?.id ?? "", { details }, ACTOR, new Date());

test("a client whose redirect URIs the document lists is made; it is read once", async () => {
  document = JSON.stringify([CALLBACK, "https://other.example/callback"]);
  expect(await create()).toMatchObject({ kind: "created" });
  expect(fetched).toEqual([SECTOR]);
});

test("a client without a sector has nothing fetched", async () => {
  expect(await create({ redirectURIs: [CALLBACK] })).toMatchObject({ kind: "created" });
  expect(fetched).toEqual([]);
});

test.each([
  ["lists another redirect URI", JSON.stringify(["https://other.example/callback"])],
  ["is no list", JSON.stringify({ redirect_uris: [CALLBACK] })],
  ["cannot be had", undefined],
])("a client whose document %s is not made, and what is inside is not told (SSR-1)", async (_what, text) => {
  document = text;
  const reason = expect.stringMatching(/^sector_identifier_uri: (?!.*10\.0\.0\.7)/);
  expect(await create()).toMatchObject({ kind: "refused", code: "bad_request", reason });
  expect(stored).toEqual([]);
});

test("a client that is given another sector is of it, and one that keeps its own has nothing fetched", async () => {
  document = JSON.stringify([CALLBACK]);
  await create();
  expect(await change({ policy_uri: "https://app.example/policy" })).toEqual({ kind: "done" });
  expect(fetched).toHaveLength(1);
  document = "[]";
  const other = { sector_identifier_uri: "https://other.example/uris.json" };
  expect(await change(other)).toMatchObject({ kind: "refused" });
  expect(stored[0]?.details.sector_identifier_uri).toBe(SECTOR);
  expect(await change({ sector_identifier_uri: null })).toEqual({ kind: "done" });
  document = JSON.stringify([CALLBACK]);
  expect(await change(other)).toEqual({ kind: "done" });
});

test("a client without redirect URIs is of a sector by the address of its keys, also by another one (CIBA Core §4)", async () => {
  const [keys, others] = ["https://app.example/keys", "https://app.example/other-keys"];
  const device = {
    ...{ redirectURIs: [], grantTypes: ["urn:ietf:params:oauth:grant-type:device_code"] },
    details: { ...wanted.details, jwks_uri: keys, token_endpoint_auth_method: "private_key_jwt" },
  };
  document = JSON.stringify([CALLBACK]);
  expect(await create(device)).toMatchObject({ kind: "refused" });
  document = JSON.stringify([keys]);
  expect(await create(device)).toMatchObject({ kind: "created" });
  expect(await change({ jwks_uri: others })).toMatchObject({ kind: "refused" });
  document = JSON.stringify([keys, others]);
  expect(await change({ jwks_uri: others })).toEqual({ kind: "done" });
});

test("a client that may ask for people by name from now on is listed by the address of its keys (CIBA Core §4)", async () => {
  const keys = "https://app.example/keys";
  const details = { ...wanted.details, jwks_uri: keys, token_endpoint_auth_method: "private_key_jwt" };
  document = JSON.stringify([CALLBACK]);
  await create({ redirectURIs: [CALLBACK], grantTypes: ["authorization_code"], details });
  const grantTypes = ["authorization_code", "urn:openid:params:grant-type:ciba"];
  const ask = () => changeClient(parts, stored[0]?.id ?? "", { grantTypes }, ACTOR, new Date());
  expect(await ask()).toMatchObject({ kind: "refused", reason: expect.stringMatching(/^sector_identifier_uri: /) });
  document = JSON.stringify([CALLBACK, keys]);
  expect(await ask()).toEqual({ kind: "done" });
});
