import { expect, test } from "vitest";
import { client, jane } from "../../test/fakes.ts";
import type { Client } from "../clients/client.ts";
import { makeSubjects, sectorOf } from "./subject.ts";

const pairwiseKey = Buffer.alloc(32, 3);
const uuid = makeSubjects({ format: "uuid", pairwiseKey });
const dexV2 = makeSubjects({ format: "dex-v2", pairwiseKey });
const person = { user: jane, connectorId: "local" };
const pairwise = (more: Partial<Client> = {}): Client => ({
  ...client,
  details: { subject_type: "pairwise" },
  ...more,
});

test("the subject of a public client is the user's id (JWT-8, OIDC Core §8)", () => {
  expect(uuid.of(person, sectorOf(client))).toBe(jane.id);
  expect(uuid.of({ ...person, connectorId: "google" }, undefined)).toBe(jane.id);
  expect(uuid.of(person, sectorOf({ ...client, details: { subject_type: "public" } }))).toBe(jane.id);
});

const v2Subjects = [
  { remoteId: "1", connectorId: "test", sub: "CgExEgR0ZXN0" },
  { remoteId: "", connectorId: "test", sub: "EgR0ZXN0" },
  { remoteId: "1", connectorId: "", sub: "CgEx" },
  {
    remoteId: "a".repeat(200),
    connectorId: "c",
    sub: Buffer.from(`\n\u00c8\u0001${"a".repeat(200)}\u0012\u0001c`, "latin1"),
  },
];
test.each(v2Subjects)("dex v2 wrote user $remoteId of connector $connectorId as we do (dex v2 137)", (row) => {
  const sub = typeof row.sub === "string" ? row.sub : row.sub.toString("base64url");
  expect(dexV2.of({ user: { ...jane, remoteId: row.remoteId }, connectorId: row.connectorId }, undefined)).toBe(sub);
});

test("pairwise subjects are the same within a sector, differ between sectors, and do not tell who it is (JWT-8, OIDC Core §8.1)", () => {
  const a = uuid.of(person, sectorOf(pairwise()));
  const b = uuid.of(person, sectorOf(pairwise({ redirectUris: ["https://b.example/cb"] })));
  expect(a).not.toBe(b);
  expect(uuid.of(person, sectorOf(pairwise({ id: "another", redirectUris: ["https://a.example/other"] })))).toBe(a);
  expect(uuid.of({ ...person, user: { ...jane, id: "other" } }, "a.example")).not.toBe(a);
  expect(uuid.of({ ...person, connectorId: "google" }, "a.example")).toBe(a);
  expect(dexV2.of({ ...person, user: { ...jane, remoteId: "1" } }, "a.example")).toBe(a);
  expect(makeSubjects({ format: "uuid", pairwiseKey: Buffer.alloc(32, 4) }).of(person, "a.example")).not.toBe(a);
  expect(a).toMatch(/^[\w-]{43}$/);
});

const sectors = [
  { when: "its redirect URIs are on one host", client: pairwise(), sector: "a.example" },
  {
    when: "it registered a sector_identifier_uri",
    client: pairwise({
      redirectUris: ["https://a.example/cb", "https://b.example/cb"],
      details: { subject_type: "pairwise", sector_identifier_uri: "https://sector.example/uris.json" },
    }),
    sector: "sector.example",
  },
  { when: "it has no host", client: pairwise({ redirectUris: ["com.example.app:/cb"] }), sector: "client client-a" },
  {
    when: "its redirect URIs are on several hosts all the same",
    client: pairwise({ redirectUris: ["https://a.example/cb", "https://b.example/cb"] }),
    sector: "client client-a",
  },
  { when: "it has no redirect URI", client: pairwise({ redirectUris: [] }), sector: "client client-a" },
];
test.each(sectors)("the sector of a client is $sector when $when (OIDC Core §8.1)", ({ client: of, sector }) => {
  expect(sectorOf(of)).toBe(sector);
});
