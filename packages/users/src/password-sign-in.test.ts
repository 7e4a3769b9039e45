import { silentLogger } from "@dex/runtime";
import { makeHandSetClock } from "@dex/testing";
import { bcrypt } from "hash-wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { THROTTLE_POLICY } from "./attempt-throttle.ts";
import { DUMMY_HASH, needsUpgrade } from "./password-hash.ts";
import { makePasswordHasher, type PasswordHasher } from "./password-hasher.ts";
import { makePasswordSignIn } from "./password-sign-in.ts";
import type { Passwords, User } from "./user.ts";

const real = makePasswordHasher({ threads: 1, maxQueue: 200 });
const bcrypt4 = (password: string) => bcrypt({ password, salt: Buffer.alloc(16, 7), costFactor: 4 });
afterAll(() => real.close());

const jane: User = {
  id: "5d0c4b0a-2f8e-4c53-9d0b-7a8f3f1e2d10",
  email: "jane@example.com",
  emailVerified: true,
  displayName: "Jane",
  admin: false,
  disabled: false,
  createdAt: new Date("2029-01-01T00:00:00Z"),
};
const password = "seventeen letters";
let strongHash: string;
beforeAll(async () => {
  strongHash = await real.hash(password);
});

interface Person {
  readonly user: User;
  passwordHash: string;
  wrongGuesses?: number;
}

/** The port's contract, in memory: counts first, then reads. */
function makeStore(people: Person[]) {
  const counted: string[] = [];
  const counts = new Map<string, number>();
  const asked: string[] = [];
  const windowStart = makeHandSetClock().now().getTime();
  const count = (key: string) => {
    counts.set(key, (counts.get(key) ?? 0) + 1);
    return counts.get(key) ?? 0;
  };
  const store: Passwords = {
    async beginAttempt(email, source, windowSeconds) {
      asked.push(email);
      return {
        accountAttempts: count(`account ${email}`),
        sourceAttempts: count(`source ${source}`),
        windowEndsAt: new Date(windowStart + windowSeconds * 1000),
        candidate: people
          .filter(({ user }) => user.email === email)
          .map((person) => ({ wrongGuesses: 0, ...person }))
          .at(0),
      };
    },
    async countWrongGuess(userId) {
      counted.push(userId);
      const person = people.find(({ user }) => user.id === userId);
      if (person !== undefined) person.wrongGuesses = (person.wrongGuesses ?? 0) + 1;
    },
    async upgradeHash(userId, oldHash, newHash) {
      const person = people.find(({ user, passwordHash }) => user.id === userId && passwordHash === oldHash);
      if (person !== undefined) person.passwordHash = newHash;
    },
  };
  return { store, asked, counted };
}

function setUp(people: Person[]) {
  const clock = makeHandSetClock();
  const { store, asked, counted } = makeStore(people);
  const verified: string[] = [];
  const pending: Promise<unknown>[] = [];
  const hasher: PasswordHasher = {
    ...real,
    verify(given, hash) {
      verified.push(hash);
      return real.verify(given, hash);
    },
    hash(given) {
      const hash = real.hash(given);
      pending.push(hash);
      return hash;
    },
  };
  const check = makePasswordSignIn({ passwords: store, hasher, logger: silentLogger, policy: THROTTLE_POLICY });
  const attempt = (login: string, given: string, source = "192.0.2.1") =>
    check({ connectorId: "local", login, password: given, source, now: clock.now() });
  return { attempt, asked, counted, verified, pending, clock };
}

test("the right password gives the identity of our own user", async () => {
  const { attempt, clock } = setUp([{ user: jane, passwordHash: strongHash }]);
  expect(await attempt(" JANE@Example.com ", password)).toEqual({
    kind: "identity",
    identity: {
      connectorId: "local",
      remoteId: jane.id,
      email: jane.email,
      emailVerified: true,
      displayName: "Jane",
      preferredUsername: undefined,
      groups: undefined,
      authTime: clock.now(),
      amr: ["pwd"],
    },
  });
});

describe("a refusal", () => {
  const rows = [
    { when: "nobody has the address", people: () => [], login: jane.email, given: password },
    {
      when: "the password is wrong",
      people: () => [{ user: jane, passwordHash: strongHash }],
      login: jane.email,
      given: "x",
    },
    {
      when: "the user is disabled",
      people: () => [{ user: { ...jane, disabled: true }, passwordHash: strongHash }],
      login: jane.email,
      given: password,
    },
    {
      when: "the user has a record that no password fits",
      people: () => [{ user: jane, passwordHash: "cmFuZG9tIGJ5dGVz" }],
      login: jane.email,
      given: "cmFuZG9tIGJ5dGVz",
    },
    {
      when: "the account was guessed at too often and the password is right",
      people: () => [{ user: jane, passwordHash: strongHash, wrongGuesses: THROTTLE_POLICY.guesses }],
      login: jane.email,
      given: password,
    },
    {
      when: "the account was guessed at too often and the password is wrong",
      people: () => [{ user: jane, passwordHash: strongHash, wrongGuesses: THROTTLE_POLICY.guesses }],
      login: jane.email,
      given: "x",
    },
    { when: "the login is no address", people: () => [], login: "jane", given: password },
    { when: "the login is empty", people: () => [], login: "", given: "" },
    { when: "the login is huge", people: () => [], login: `${"j".repeat(100_000)}@example.com`, given: password },
  ];
  test.each(rows)("looks and costs the same when $when (ACC-1, C 221)", async ({ people, login, given }) => {
    const { attempt, asked, counted, verified, pending } = setUp(people());
    expect(await attempt(login, given)).toMatchObject({ kind: "refused", reason: "invalid credentials" });
    expect(asked).toHaveLength(1);
    expect(counted).toHaveLength(1);
    expect(verified).toHaveLength(1);
    expect(pending).toHaveLength(0);
  });

  test("for an unknown address checks a hash of the same parameters as a real one (ACC-1)", async () => {
    const { attempt, verified } = setUp([]);
    await attempt("nobody@example.com", password);
    expect(verified).toEqual([DUMMY_HASH]);
  });

  test("never shows what was typed (LOG-1)", async () => {
    const { attempt } = setUp([{ user: jane, passwordHash: strongHash }]);
    const outcome = JSON.stringify(await attempt(jane.email, "canary-password"));
    expect(outcome).not.toContain("canary");
  });
});

describe("repeated attempts", () => {
  test("of a hundred at the same moment no more than five are evaluated (ACC-5)", async () => {
    const { attempt, verified } = setUp([{ user: jane, passwordHash: await bcrypt4(password) }]);
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, n) => attempt(jane.email, `guess ${n}`, `192.0.2.${n}`)),
    );
    expect(verified).toHaveLength(5);
    expect(outcomes.filter(({ kind }) => kind === "throttled")).toHaveLength(95);
  });

  test("count as wrong guesses when they were evaluated, and not when they were throttled (ACC-3, ACC-5)", async () => {
    const person: Person = { user: jane, passwordHash: await bcrypt4(password) };
    const { attempt, counted, verified } = setUp([person]);
    await Promise.all(Array.from({ length: 300 }, (_, n) => attempt(jane.email, `guess ${n}`, `192.0.2.${n}`)));
    expect([verified.length, counted.length, person.wrongGuesses]).toEqual([5, 5, 5]);
    await attempt("nobody@example.com", "x");
    expect(person.wrongGuesses).toBe(5);
  });

  test("with the right password count as no wrong guess", async () => {
    const { attempt, counted } = setUp([{ user: jane, passwordHash: strongHash }]);
    await attempt(jane.email, password);
    expect(counted).toEqual([]);
  });

  test("stop an account for good when they go on for days, and it is counted no further (ACC-3, NIST SP 800-63B-4 §3.2.2)", async () => {
    const person: Person = { user: jane, passwordHash: await bcrypt4(password) };
    for (let day = 0; day < 30; day++) {
      const { attempt } = setUp([person]); // whose windows have all begun afresh
      await Promise.all(Array.from({ length: 20 }, (_, n) => attempt(jane.email, `guess ${n}`)));
    }
    expect(person.wrongGuesses).toBe(THROTTLE_POLICY.guesses);
    expect(await setUp([person]).attempt(jane.email, password)).toMatchObject({ kind: "refused" });
    person.wrongGuesses = 0; // the owner has set a password by mail
    expect(await setUp([person]).attempt(jane.email, password)).toMatchObject({ kind: "identity" });
  });

  test("share one counter in every spelling of the address (ACC-3, C 215)", async () => {
    const { attempt, asked } = setUp([]);
    const spellings = ["jane@example.com", "JANE@EXAMPLE.COM", " jane@example.com\t", "ｊａｎｅ＠example.com"];
    for (const spelling of spellings) await attempt(spelling, "x");
    expect(new Set(asked)).toEqual(new Set(["jane@example.com"]));
  });

  test("by text that is no address are counted too, apart from every account and without the text (ACC-3)", async () => {
    const { attempt, asked } = setUp([]);
    await attempt("jane\0", "x");
    expect(asked[0]).toMatch(/^no address [0-9a-f]{64}$/);
  });

  test("are refused although the password is right, until the wait is over; then it works (ACC-3)", async () => {
    const { attempt, clock } = setUp([{ user: jane, passwordHash: strongHash }]);
    for (let guess = 0; guess < 5; guess += 1) await attempt(jane.email, "x".repeat(2000));
    const throttled = await attempt(jane.email, password);
    expect(throttled).toEqual({ kind: "throttled", retryAfterSeconds: 10 });
    clock.advance(10);
    expect(await attempt(jane.email, password)).toMatchObject({ kind: "identity" });
  });
});

test("a full hashing queue is busy with a time to come back, not a wrong password (ACC-7)", async () => {
  const small = makePasswordHasher({ threads: 1, maxQueue: 0 });
  const { store, counted } = makeStore([{ user: jane, passwordHash: strongHash }]);
  const check = makePasswordSignIn({ passwords: store, hasher: small, logger: silentLogger, policy: THROTTLE_POLICY });
  const now = makeHandSetClock().now();
  const input = { connectorId: "local", login: jane.email, password, source: "192.0.2.1", now };
  const outcomes = await Promise.all([check(input), check(input)]);
  await small.close();
  expect(outcomes.map(({ kind }) => kind)).toEqual(["identity", "busy"]);
  expect(outcomes[1]).toMatchObject({ retryAfterSeconds: expect.any(Number) });
  expect(counted).toEqual([]); // nothing was evaluated
});

describe("a hash that is weaker than what we make", () => {
  test("is replaced after a sign-in, behind the answer, by one for the same password (ACC-7)", async () => {
    const person = { user: jane, passwordHash: await bcrypt4(password) };
    const { attempt, pending } = setUp([person]);
    expect(await attempt(jane.email, password)).toMatchObject({ kind: "identity" });
    await Promise.all(pending);
    await expect.poll(() => needsUpgrade(person.passwordHash)).toBe(false);
    expect(await real.verify(password, person.passwordHash)).toBe(true);
  });

  test("does not undo a change of password made meanwhile (ACC-7)", async () => {
    const person = { user: jane, passwordHash: await bcrypt4(password) };
    const { attempt, pending } = setUp([person]);
    await attempt(jane.email, password);
    person.passwordHash = strongHash;
    await Promise.all(pending);
    await new Promise((resolve) => setImmediate(resolve));
    expect(person.passwordHash).toBe(strongHash);
  });

  test("stays after a wrong password", async () => {
    const person = { user: jane, passwordHash: await bcrypt4(password) };
    const { attempt, pending } = setUp([person]);
    await attempt(jane.email, "wrong");
    expect(pending).toEqual([]);
  });
});
