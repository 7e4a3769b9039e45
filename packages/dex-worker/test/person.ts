// PERSON as an administrator knows them, and as somebody who signed in with more than a password.
import { randomBytes } from "node:crypto";
import { addSeconds, sha256 } from "@dex/runtime";
import type { FormBrowser } from "@dex/testing";
import { expect } from "vitest";
import { makeCookieNames } from "../src/middleware/cookies.ts";
import { PERSON, type TestWorker } from "./worker-server.ts";

const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;

export async function findPerson({ storage }: Pick<TestWorker, "storage">): Promise<string> {
  const filter = { emailPrefix: PERSON.email, admin: undefined, disabled: undefined, emailVerified: undefined };
  const { users } = await storage.userDirectory.list(filter, { after: undefined, limit: 1 });
  return users[0]?.id ?? expect.fail("no person");
}

/** Changes them, and gives their id. */
export async function changePerson(
  { storage }: Pick<TestWorker, "storage">,
  change: Parameters<TestWorker["storage"]["userDirectory"]["update"]>[1],
): Promise<string> {
  const id = await findPerson({ storage });
  await storage.userDirectory.update(id, change, ACTOR, new Date());
  return id;
}

/** Signs the browser in, as a connector would have it that asked for a second proof. */
export async function signInSurely(
  { storage, issuer }: Pick<TestWorker, "storage" | "issuer">,
  browser: FormBrowser,
): Promise<FormBrowser> {
  const id = randomBytes(32);
  const now = new Date();
  const userId = await findPerson({ storage });
  await storage.signIns.signIn({
    session: {
      ...{ hash: sha256(id), userId, connectorId: "local", authTime: now, amr: ["pwd", "otp", "mfa"], asked: [] },
      ...{ groups: ["staff"], preferredUsername: undefined, userAgent: undefined },
      ...{ createdAt: now, idleExpiresAt: addSeconds(now, 3600), expiresAt: addSeconds(now, 3600) },
    },
    code: undefined,
    replaces: undefined,
    rightPassword: undefined,
  });
  browser.cookies.set(makeCookieNames(new URL(issuer), issuer).session, id.toString("base64url"));
  return browser;
}
