import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeKeytab } from "@dex/testing";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { type KerberosPackage, openAcceptor } from "./kerberos-acceptor.ts";
import { parseKeytab } from "./keytab.ts";

const directory = mkdtempSync(join(tmpdir(), "dex-keytab-"));
const keytabPath = join(directory, "http.keytab");
writeFileSync(keytabPath, makeKeytab(["HTTP/localhost@EXAMPLE.COM", "HTTP/sso.example@EXAMPLE.COM"]));
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => {
  delete process.env.KRB5_KTNAME;
});

/** The package, with a server that takes any ticket and says what is given here. */
function kerberosWith(says: Partial<Awaited<ReturnType<KerberosPackage["initializeServer"]>>>) {
  const services: string[] = [];
  const kerberos: KerberosPackage = {
    async initializeServer(service) {
      services.push(service);
      return {
        step: async () => undefined,
        username: "jdoe@EXAMPLE.COM",
        targetName: "HTTP/localhost@EXAMPLE.COM",
        response: Buffer.from("reply").toString("base64"),
        contextComplete: true,
        ...says,
      };
    },
  };
  return { services, load: () => kerberos };
}
const settings = { keytabPath, servicePrincipal: undefined };
const ticket = Buffer.from("ticket");

describe("Kerberos is off, and the reason is told, (C 80)", () => {
  const other = join(directory, "other");
  writeFileSync(other, "no keytab");
  test.each([
    { when: "there is no such file", path: "/nowhere.keytab", why: /cannot be read \(ENOENT\)/ },
    { when: "it is a directory", path: directory, why: /cannot be read \(EISDIR\)/ },
    { when: "it is something else", path: other, why: /not a keytab/ },
    { when: "nothing is installed", path: keytabPath, why: /npm install kerberos/ },
    { when: "it has no key of the service", path: keytabPath, spn: "HTTP/else.example", why: /no key of the service/ },
  ])("when $when", ({ path, why, spn }) => {
    const opened = openAcceptor({ keytabPath: path, servicePrincipal: spn }, () => undefined);
    expect(opened).toMatchObject({ kind: "off", why: expect.stringMatching(why) });
    expect(process.env.KRB5_KTNAME).toBeUndefined();
  });

  test("when the process has another keytab", () => {
    process.env.KRB5_KTNAME = "/etc/krb5.keytab";
    const opened = openAcceptor(settings, kerberosWith({}).load);
    expect(opened).toMatchObject({ kind: "off", why: expect.stringContaining("another keytab") });
  });
});

test("of two keytabs the one whose tickets come first stays; a dry run takes none", async () => {
  const second = join(directory, "second.keytab");
  writeFileSync(second, makeKeytab(["HTTP/localhost@EXAMPLE.COM"]));
  const { load } = kerberosWith({});
  const [dryRun, used] = [openAcceptor({ ...settings, keytabPath: second }, load), openAcceptor(settings, load)];
  if (dryRun.kind === "off" || used.kind === "off") throw new Error("expected two acceptors");
  expect(await used.acceptor.accept(ticket)).toMatchObject({ kind: "accepted" });
  expect(await dryRun.acceptor.accept(ticket)).toMatchObject({
    kind: "rejected",
    why: expect.stringContaining("another keytab"),
  });
});

async function accept(says: Parameters<typeof kerberosWith>[0], given = ticket) {
  const opened = openAcceptor(settings, kerberosWith(says).load);
  if (opened.kind === "off") throw new Error(opened.why);
  return opened.acceptor.accept(given);
}

test("a ticket's principal is taken apart at its last @; its realms are those of the keytab", async () => {
  const reply = Buffer.from("reply");
  expect(await accept({})).toEqual({ kind: "accepted", name: "jdoe", realm: "EXAMPLE.COM", reply });
  const enterprise = await accept({ username: "jdoe\\@mail.example@EXAMPLE.COM" });
  expect(enterprise).toMatchObject({ name: "jdoe@mail.example", realm: "EXAMPLE.COM" });
  const { services, load } = kerberosWith({});
  const opened = openAcceptor({ keytabPath, servicePrincipal: "HTTP/sso.example@EXAMPLE.COM" }, load);
  expect(opened).toMatchObject({ kind: "acceptor", acceptor: { realms: ["EXAMPLE.COM"] } });
  if (opened.kind === "acceptor") await opened.acceptor.accept(ticket);
  expect(services).toEqual(["HTTP@sso.example"]);
});

test.each([
  { what: "a failure of the library", says: { step: () => Promise.reject(new Error("clock skew too great")) } },
  { what: "an exchange of several legs", says: { contextComplete: false } },
  { what: "a ticket for another service", says: { targetName: "host/localhost@EXAMPLE.COM" } },
  { what: "nobody's name", says: { username: null } },
  { what: "a name without a realm", says: { username: "jdoe" } },
])("$what is a rejection, not an error", async ({ says }) => {
  expect(await accept(says)).toMatchObject({ kind: "rejected" });
});

test("nothing, and too much, is not shown to the library", async () => {
  const step = () => Promise.reject(new Error("shown"));
  for (const given of [Buffer.alloc(0), Buffer.alloc(65_537)]) {
    expect(await accept({ step }, given)).toMatchObject({ kind: "rejected", why: "it is empty or too large" });
  }
});

test("a keytab is read entry by entry, holes left out, and a broken one is none", () => {
  const keytab = makeKeytab(["HTTP/localhost@EXAMPLE.COM"]);
  const hole = Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xfc]), Buffer.alloc(4)]);
  const withHole = Buffer.concat([keytab.subarray(0, 2), hole, keytab.subarray(2)]);
  expect(parseKeytab(withHole)).toEqual([{ name: "HTTP/localhost", realm: "EXAMPLE.COM" }]);
  for (let length = 3; length < keytab.length; length += 1) {
    expect(parseKeytab(keytab.subarray(0, length)) ?? []).toEqual([]);
  }
  expect(parseKeytab(Buffer.from([5, 2, 0, 0, 0, 0]))).toBeUndefined();
});
