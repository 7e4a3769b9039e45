// Everything that a grant produced dies with it within a second on every worker: whatever ends it, and however it was got.
import { type FormBrowser, runDexctl } from "@dex/testing";
import { beforeAll, describe, expect, inject, test } from "vitest";
import {
  addResource,
  type EveryGrant,
  type Granted,
  ONLINE,
  openEveryGrant,
  PERSONAL_GRANTS,
  stillWorking,
} from "./every-grant.ts";
import { basic, post } from "./fleet-requests.ts";

const { facts, workerOrigins } = inject("sharedFleet");
const env = { DEXCTL_DB_URL: facts.databaseUrl };
const [, second = ""] = workerOrigins;
const SECOND = 1_000;
beforeAll(addResource);

/** Does what ends them, and asks until no worker takes any of it. Fails where one does when it is asked a second later. */
async function expectEnd(world: EveryGrant, granted: readonly Granted[], end: () => Promise<unknown>): Promise<void> {
  // Refresh tokens are not tried before: they would be replaced.
  const before = await stillWorking(
    world.client,
    granted.map((one) => ({ ...one, refreshToken: undefined })),
  );
  const introspected = granted.flatMap(({ accessTokens }) => accessTokens).length * workerOrigins.length;
  expect(before.filter((line) => line.startsWith("introspection"))).toHaveLength(introspected);
  await end();
  const ended = performance.now();
  for (let left = ["not asked yet"], asked = 0; left.length > 0 && asked < SECOND; ) {
    asked = performance.now() - ended;
    left = [...(await stillWorking(world.client, granted))];
    // Whoever asks a second later is refused, and so is everybody after the first sweep in which nothing worked.
    if (asked >= SECOND) expect(left).toEqual([]);
  }
}

const dexctl = async (...args: readonly string[]) =>
  expect(await runDexctl(args, { env })).toMatchObject({ status: 0 });

async function obtainAll(world: EveryGrant, scope?: string): Promise<Granted[]> {
  const all: Granted[] = [];
  for (const grant of PERSONAL_GRANTS) all.push(await world.obtain[grant](scope));
  return all;
}

test("when a person is disabled (P5, TOK-16)", async () => {
  const world = await openEveryGrant();
  const granted = [...(await obtainAll(world)), ...(await obtainAll(world, ONLINE))];
  await expectEnd(world, granted, () => dexctl("users", "disable", world.person.email));
});

test("when a client is deleted, with what it got for itself (P5, TOK-16)", async () => {
  const world = await openEveryGrant();
  const own = [await world.obtain["jwt-bearer"](), await world.obtain.client_credentials()];
  await expectEnd(world, [...(await obtainAll(world)), ...own], () => dexctl("clients", "delete", world.client.id));
});

test("when the person takes the access of the client back on the account page (P5)", async () => {
  const world = await openEveryGrant();
  const granted = [...(await obtainAll(world)), ...(await obtainAll(world, ONLINE))];
  const page = await world.browser.open(`${facts.issuer}/account`);
  const formId = `revoke-application-${world.client.id}`;
  await expectEnd(world, granted, () => world.browser.submit(page, {}, { formId }));
});

async function signOut(browser: FormBrowser, idToken: string | undefined): Promise<void> {
  const page = await browser.open(`${facts.issuer}/logout?${new URLSearchParams({ id_token_hint: idToken ?? "" })}`);
  if (page.text.includes("<form")) await browser.submit(page);
}

test("when the session ends, where it was not to outlive it (P5)", async () => {
  const world = await openEveryGrant();
  const granted: Granted[] = [];
  for (const grant of ["code", "code, JWT", "device", "ciba", "exchange"] as const) {
    granted.push(await world.obtain[grant](ONLINE));
  }
  const stays = await world.obtain.code();
  await expectEnd(world, granted, () => signOut(world.browser, granted[0]?.idToken));
  expect(await stillWorking(world.client, [{ ...stays, refreshToken: undefined }])).toHaveLength(
    2 * workerOrigins.length,
  );
});

test("when the code that it came of is presented again (TOK-1)", async () => {
  const world = await openEveryGrant();
  const { granted, again } = await world.redeemable();
  await expectEnd(world, [granted], async () => expect(await again()).toBe(400));
});

describe("when its client gives it back at another worker (REV-1, RFC 7009 §2.1)", () => {
  let world: EveryGrant;
  beforeAll(async () => {
    world = await openEveryGrant();
  });
  const giveBack = (token: string | undefined) => post(second, "/revoke", { token }, basic(world.client));

  test.each(PERSONAL_GRANTS)("by the refresh token of: %s", async (grant) => {
    const granted = await world.obtain[grant]();
    await expectEnd(world, [granted], () => giveBack(granted.refreshToken));
  });

  test.each([...PERSONAL_GRANTS, "jwt-bearer", "client_credentials"] as const)(
    "by the access token of: %s",
    async (grant) => {
      const granted = await world.obtain[grant](ONLINE);
      const [token] = granted.accessTokens;
      // Where there are more, they are exchanged from the first; an earlier one of the same family goes on.
      const ends = grant === "refresh" ? [token ?? ""] : granted.accessTokens;
      await expectEnd(world, [{ ...granted, accessTokens: ends, refreshToken: undefined }], () => giveBack(token));
    },
  );
});
