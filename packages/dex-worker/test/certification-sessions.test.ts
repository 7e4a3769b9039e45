// The Basic, Implicit, Hybrid and Form Post plans of certification: who is asked to sign in, and when.
import { setTimeout as sleep } from "node:timers/promises";
import type { FormBrowser } from "@dex/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, errorOf, type Granted, type Parameters, requestOf, run } from "./certification-flow.ts";
import {
  type CertificationWorld,
  EVERY,
  openCertificationWorld,
  type Party,
  type Variant,
} from "./certification-world.ts";

/** Somebody who signed in two seconds ago or earlier, to one client. */
interface SignedIn {
  readonly party: Party;
  readonly browser: FormBrowser;
  readonly before: Granted;
}

let world: CertificationWorld;
const registered = new Map<Variant, SignedIn>();
const administrators = new Map<Variant, SignedIn>();
beforeAll(async () => {
  world = await openCertificationWorld();
  for (const variant of EVERY) {
    registered.set(variant, await signInTo(await world.register(variant)));
    administrators.set(variant, await signInTo(await world.addStatic(variant)));
  }
  await sleep(2100);
}, 60_000);
afterAll(() => world.close());

async function signInTo(party: Party): Promise<SignedIn> {
  const browser = world.browser();
  const before = await run(world, { party, browser, more: { max_age: "15000" } });
  expect(before.pages).toEqual(["login", "consent"]);
  return { party, browser, before };
}

async function runAgain(
  variant: Variant,
  clients: ReadonlyMap<Variant, SignedIn>,
  more: (before: Granted) => Parameters,
): Promise<readonly [before: Granted, after: Granted]> {
  const { before, ...of } = clients.get(variant) ?? expect.fail(`nobody for ${variant.variant}`);
  return [before, await run(world, { ...of, more: more(before) })];
}

/** The moment of the sign-in that every ID token of the answer tells. */
function authTimeOf({ idTokens }: Granted): number {
  const [authTime, ...more] = new Set(idTokens.map(({ claims }) => claims.auth_time));
  expect(more).toEqual([]);
  return typeof authTime === "number" ? authTime : expect.fail(`auth_time is ${String(authTime)}`);
}
const signInOf = (granted: Granted) => ({ sub: granted.idTokens[0]?.claims.sub, authTime: authTimeOf(granted) });

describe("somebody who is signed in", () => {
  test.each(EVERY)(
    "$variant: is answered at once at prompt=none (cert 3,4,5,6 oidcc-prompt-none-logged-in)",
    async (variant) => {
      for (const clients of [registered, administrators]) {
        const [before, after] = await runAgain(variant, clients, () => ({ prompt: "none" }));
        expect(after.pages).toEqual([]);
        expect(signInOf(after)).toEqual(signInOf(before));
      }
    },
  );

  test.each(EVERY)(
    "$variant: is recognised by an ID token of before (cert 3,4,5,6 oidcc-id-token-hint)",
    async (variant) => {
      const hint = ({ idTokens }: Granted) => ({ prompt: "none", id_token_hint: idTokens[0]?.jwt });
      for (const clients of [registered, administrators]) {
        const [before, after] = await runAgain(variant, clients, hint);
        expect(after.pages).toEqual([]);
        expect(signInOf(after)).toEqual(signInOf(before));
      }
    },
  );

  test.each(EVERY)(
    "$variant: does not sign in again while max_age has not passed (cert 3,4,5,6 oidcc-max-age-10000; cert 2.6.3)",
    async (variant) => {
      for (const clients of [registered, administrators]) {
        const [before, after] = await runAgain(variant, clients, () => ({ max_age: "10000" }));
        expect(after.pages).toEqual([]);
        expect(signInOf(after)).toEqual(signInOf(before));
      }
    },
  );

  // These two sign in anew, each with clients of its own.
  test.each(EVERY)(
    "$variant: signs in again when max_age has passed (cert 3,4,5,6 oidcc-max-age-1; cert 2.6.3)",
    async (variant) => {
      const [before, after] = await runAgain(variant, registered, () => ({ max_age: "1" }));
      expect(after.pages).toEqual(["login"]);
      expect(authTimeOf(after)).toBeGreaterThan(authTimeOf(before));
      expect(Date.now() / 1000 - authTimeOf(after)).toBeLessThan(10);
      expect(signInOf(after).sub).toBe(signInOf(before).sub);
    },
  );

  test.each(EVERY)(
    "$variant: signs in again at prompt=login (cert 3,4,5,6 oidcc-prompt-login; cert 2.6.3)",
    async (variant) => {
      const [before, after] = await runAgain(variant, administrators, () => ({ prompt: "login" }));
      expect(after.pages).toEqual(["login"]);
      expect(authTimeOf(after)).toBeGreaterThan(authTimeOf(before));
      expect(signInOf(after).sub).toBe(signInOf(before).sub);
    },
  );
});

describe("somebody who is not signed in", () => {
  const state = "a state of 128 characters, ".repeat(5).slice(0, 128);
  test.each(EVERY)(
    "$variant: sees no page at prompt=none (cert 3,4,5,6 oidcc-prompt-none-not-logged-in; cert 2.3.2; cert 2.4.1; cert 2.4.2; cert 2.4.3)",
    async (variant) => {
      for (const clients of [registered, administrators]) {
        const { party } = clients.get(variant) ?? expect.fail(`nobody for ${variant.variant}`);
        const request = requestOf(party, { prompt: "none", state });
        const ended = await ask(world, { request, browser: world.browser() });
        expect(ended.pages).toEqual([]);
        expect(errorOf(ended)).toMatchObject({ error: "login_required", state });
      }
    },
  );
});
