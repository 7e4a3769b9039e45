import { type FormBrowser, openFormBrowser, signInWithForms } from "@dex/testing";
import type { HttpClient } from "../http-client.ts";
import type { BenchmarkUser, System } from "../system.ts";
import { newAttempt, redeemCode, type SignedIn } from "./authorization-code.ts";

/** A browser that has signed in, and the tokens of that. */
export interface SignedInLane extends SignedIn {
  readonly user: BenchmarkUser;
  /** The Cookie header that carries the session. */
  readonly cookie: string;
}

/** Signs the lane's own user in with a password and verifies the tokens. */
export async function signIn(
  parts: { system: System; http: HttpClient; index: number },
  scope: string,
): Promise<SignedInLane> {
  const { system, http } = parts;
  const user = userOfLane(system, parts.index);
  const browser: FormBrowser = openFormBrowser({ stopAt: [system.clients.web.redirectUri] });
  const attempt = newAttempt(system, scope);
  const response = await signInWithForms(browser, attempt.url, user);
  const signedIn = await redeemCode({ system, http, user }, attempt, response);
  await signedIn.proof();
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  return { ...signedIn, user, cookie };
}

export function userOfLane(system: System, index: number): BenchmarkUser {
  const user = system.users[index];
  if (user === undefined) throw new Error(`there is no user for lane ${index}`);
  return user;
}
