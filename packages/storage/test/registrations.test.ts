import { addSeconds, sha256, systemRandom } from "@dex/runtime";
import { newUserId, type PendingRegistration } from "@dex/users";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestStorage, type TestStorage } from "./open-test-storage.ts";
import { ACTOR, type Cast, fresh, makeCast, NOW } from "./rows.ts";

let opened: TestStorage;
let cast: Cast;
beforeAll(async () => {
  opened = await openTestStorage();
  cast = await makeCast(opened);
});
afterAll(() => opened.close());

function makeRegistration(more: Partial<PendingRegistration> = {}): PendingRegistration {
  return {
    id: newUserId(systemRandom),
    email: `${fresh()}@example.com`.toLowerCase(),
    displayName: undefined,
    connectorId: "local",
    proof: { kind: "password", hash: "$argon2id$of-the-password" },
    browserHash: sha256("browser"),
    origin: { clientId: "app", redirectUri: "https://app.example/cb", flowId: "flow", locale: "de" },
    createdAt: NOW,
    expiresAt: addSeconds(NOW, 86_400),
    ...more,
  };
}
const remote = (more: Partial<PendingRegistration> = {}) =>
  makeRegistration({ connectorId: "corp", proof: { kind: "identity", remoteId: `r-${fresh()}` }, ...more });

async function begun(registration = makeRegistration()): Promise<PendingRegistration> {
  await opened.storage.registrations.begin(registration);
  return registration;
}

const confirm = ({ id, email, displayName }: PendingRegistration, now = addSeconds(NOW, 60)) => {
  const user = { id: newUserId(systemRandom), email, emailVerified: true, displayName, admin: false, createdAt: now };
  return opened.storage.registrations.confirm(id, user, ACTOR);
};
const rowsOf = (email: string) =>
  Promise.all([
    opened.query("SELECT id, email_verified, display_name FROM app_user WHERE email = $1", [email]),
    opened.query("SELECT 1 FROM registration WHERE email = $1", [email]),
    opened.query("SELECT link_id, user_id, locale FROM outbox WHERE email = $1", [email]),
  ]);

test("a registration is kept with the promise of its mail and makes no user (ACC-2)", async () => {
  const registration = await begun();
  const [users, kept, mails] = await rowsOf(registration.email);
  expect([users.length, kept.length]).toEqual([0, 1]);
  expect(mails).toEqual([{ link_id: registration.id, user_id: null, locale: "de" }]);
  const found = await opened.storage.registrations.find(registration.id, NOW);
  expect(found).toEqual({ ...registration, origin: { ...registration.origin, locale: undefined } });
});

test("the same form sent again, five times at once, is one registration with one mail; a minute later a mail may follow", async () => {
  const registration = await begun();
  const again = { ...registration, proof: { kind: "password", hash: "$argon2id$of-another" } } as const;
  const soon = addSeconds(NOW, 20);
  await Promise.all(Array.from({ length: 5 }, () => begun({ ...again, createdAt: soon })));
  const [, kept, mails] = await rowsOf(registration.email);
  expect([kept.length, mails.length]).toEqual([1, 1]);
  expect(await opened.storage.registrations.find(registration.id, soon)).toMatchObject({ proof: again.proof });
  await begun({ ...again, createdAt: addSeconds(NOW, 70) });
  expect((await rowsOf(registration.email))[2]).toHaveLength(2);
});

test("it takes the same statements for an address that belongs to somebody and for any other (ACC-2)", async () => {
  opened.takeStatements();
  await begun();
  const unknown = opened.takeStatements();
  await begun(makeRegistration({ email: cast.user.email }));
  expect(opened.takeStatements()).toEqual(unknown);
  expect(unknown).toEqual(["registration.begin"]);
});

test("confirming makes a verified user with password, identity and audit event (v1 P07, v1 U16, ADM-6)", async () => {
  const registration = await begun();
  expect(await confirm(registration)).toBe("confirmed");
  const [[user], kept] = await rowsOf(registration.email);
  const id = user?.id;
  expect(user).toMatchObject({ email_verified: true });
  expect(kept).toHaveLength(0);
  expect(await opened.query("SELECT hash FROM password WHERE user_id = $1", [id])).toEqual([
    { hash: "$argon2id$of-the-password" },
  ]);
  expect(await opened.query("SELECT connector_id, remote_id FROM remote_identity WHERE user_id = $1", [id])).toEqual([
    { connector_id: "local", remote_id: id },
  ]);
  expect(await opened.query("SELECT event FROM audit_event WHERE subject_id = $1", [id])).toEqual([
    { event: "user registered" },
  ]);
});

test("a registration through a connector gets its identity and no password (v1 P09, v1 U15)", async () => {
  const registration = await begun(remote({ displayName: "Grace" }));
  expect(await confirm(registration)).toBe("confirmed");
  const [[user]] = await rowsOf(registration.email);
  expect(user).toMatchObject({ display_name: "Grace" });
  expect(await opened.query("SELECT 1 FROM password WHERE user_id = $1", [user?.id])).toHaveLength(0);
  expect(await opened.query("SELECT connector_id FROM remote_identity WHERE user_id = $1", [user?.id])).toEqual([
    { connector_id: "corp" },
  ]);
});

test("of five confirmations of one registration at once exactly one succeeds, and there is one user", async () => {
  const registration = await begun();
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => confirm(registration)));
  expect(outcomes.toSorted()).toEqual(["confirmed", "gone", "gone", "gone", "gone"]);
  const [users] = await rowsOf(registration.email);
  expect(users).toHaveLength(1);
});

test("of five registrations for one address confirmed at once one succeeds, and nothing is left of the others (ACC-13)", async () => {
  const email = `${fresh()}@example.com`.toLowerCase();
  const all = await Promise.all(Array.from({ length: 5 }, () => begun(makeRegistration({ email }))));
  const outcomes = await Promise.all(all.map((one) => confirm(one)));
  expect(outcomes.filter((outcome) => outcome === "confirmed")).toHaveLength(1);
  const [users, kept, mails] = await rowsOf(email);
  expect([users.length, kept.length, mails.length]).toEqual([1, 0, 0]);
});

test("mail that went out stays on record when the registration is confirmed", async () => {
  const registration = await begun();
  await opened.query("UPDATE outbox SET sent_at = $2 WHERE email = $1", [registration.email, NOW]);
  expect(await confirm(registration)).toBe("confirmed");
  const [, , mails] = await rowsOf(registration.email);
  expect(mails).toHaveLength(1);
});

test.each([
  { what: "the address", make: () => remote({ email: cast.user.email }) },
  {
    what: "the identity",
    make: () => remote({ proof: { kind: "identity", remoteId: "taken-already" } }),
  },
])("$what that belongs to a user by now is taken, and nothing changes", async ({ make }) => {
  await opened.query(
    "INSERT INTO remote_identity (connector_id, remote_id, user_id, created_at) VALUES ('corp', 'taken-already', $1, $2) ON CONFLICT DO NOTHING",
    [cast.user.id, NOW],
  );
  const registration = await begun(make());
  expect(await confirm(registration)).toBe("taken");
  const users = await opened.query("SELECT id FROM app_user WHERE email = $1", [registration.email]);
  expect(users).toEqual(registration.email === cast.user.email ? [{ id: cast.user.id }] : []);
});

test("what is expired, unknown or no id at all is gone (v1 V04)", async () => {
  const { registrations } = opened.storage;
  const registration = await begun();
  const late = registration.expiresAt;
  expect(await registrations.find(registration.id, late)).toBeUndefined();
  expect(await confirm(registration, late)).toBe("gone");
  expect(await confirm({ ...registration, id: newUserId(systemRandom) })).toBe("gone");
  expect(await confirm({ ...registration, id: "' OR 1=1" })).toBe("gone");
  expect(await registrations.find("' OR 1=1", NOW)).toBeUndefined();
});

test("a process that dies while it confirms leaves everything as it was", async () => {
  const registration = await begun();
  await opened.query(
    `CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'gone'; END $$`,
  );
  await opened.query("CREATE TRIGGER die BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION die()");
  await expect(confirm(registration)).rejects.toThrow();
  await opened.query("DROP TRIGGER die ON audit_event");
  const [users, kept, mails] = await rowsOf(registration.email);
  expect([users.length, kept.length, mails.length]).toEqual([0, 1, 1]);
  expect(await confirm(registration)).toBe("confirmed");
});
