// Somebody's account over a whole worker: who is signed in where, without a password hashed for each of them.
import { randomBytes } from "node:crypto";
import { addSeconds, sha256, systemRandom } from "@dex/runtime";
import { type FormBrowser, type Page, readForm } from "@dex/testing";
import { type AccountOverview, newUserId } from "@dex/users";
import { makeCookieNames } from "../src/middleware/cookies.ts";
import { PERSON, type TestWorker } from "./worker-server.ts";

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
export const NEW_PASSWORD = "another horse on the roof";
export const LOCAL_ONLY = [{ id: "local", type: "local", config: {} }];
/** Work is configured by an address where nobody listens. */
export const LOCAL_AND_WORK = [
  ...LOCAL_ONLY,
  {
    id: "work",
    type: "oidc",
    config: { issuerURL: "http://127.0.0.1:9", clientID: "c", clientSecret: "s", name: "Work" },
  },
];

/** A user with the password of PERSON and an address of their own, not confirmed. */
export interface Somebody {
  readonly userId: string;
  readonly email: string;
}
export type SignedInBrowser = FormBrowser & { readonly sessionHash: Buffer };

export interface AccountWorld {
  /** The address of the account's page. */
  readonly account: string;
  readonly cookieName: string;
  newSomebody(): Promise<Somebody>;
  /** A browser that is signed in, since so many seconds. */
  signIn(somebody: Somebody, since?: { secondsAgo?: number; connectorId?: string }): Promise<SignedInBrowser>;
  /** They also sign in with Work, which is configured from now on. */
  linkWork(somebody: Somebody): Promise<void>;
  read(somebody: Somebody): Promise<AccountOverview | undefined>;
  /** Posts the fields as a form of the account would, with these headers over those of a browser. */
  post(
    browser: FormBrowser,
    path: string,
    fields: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<Response>;
}

export function makeAccountWorld(worker: TestWorker): AccountWorld {
  const account = `${worker.issuer}/account`;
  const cookieName = makeCookieNames(new URL(worker.issuer), worker.issuer).session;
  let hash: string | undefined;

  async function hashOfPerson(): Promise<string> {
    const attempt = await worker.storage.passwords.beginAttempt(PERSON.email, "192.0.2.1", 60, new Date());
    hash ??= attempt.candidate?.passwordHash ?? "";
    return hash;
  }

  async function signIn(
    { userId }: Somebody,
    { secondsAgo = 0, connectorId = "local" } = {},
  ): Promise<SignedInBrowser> {
    const id = randomBytes(32);
    const now = new Date();
    const until = { createdAt: now, idleExpiresAt: addSeconds(now, 3600), expiresAt: addSeconds(now, 3600) };
    const said = { amr: ["pwd"], asked: [], groups: undefined, preferredUsername: undefined, userAgent: FIREFOX };
    const authTime = addSeconds(now, -secondsAgo);
    await worker.storage.signIns.signIn({
      session: { hash: sha256(id), userId, connectorId, authTime, ...said, ...until },
      code: undefined,
      replaces: undefined,
      rightPassword: undefined,
    });
    const browser = worker.browser();
    browser.cookies.set(cookieName, id.toString("base64url"));
    return { ...browser, sessionHash: sha256(id) };
  }

  return {
    account,
    cookieName,
    signIn,
    async newSomebody() {
      const id = newUserId(systemRandom);
      const email = `ada-${id}@example.com`;
      const user = { id, email, emailVerified: false, displayName: "Ada", admin: false, createdAt: new Date() };
      await worker.storage.users.createLocal(user, await hashOfPerson(), "local", ACTOR);
      return { userId: id, email };
    },
    async linkWork(somebody) {
      await worker.setConnectors(LOCAL_AND_WORK);
      const { sessionHash } = await signIn(somebody);
      const owner = { userId: somebody.userId, sessionHash, address: undefined };
      const identity = { connectorId: "work", remoteId: `work of ${somebody.userId}` };
      const outcome = await worker.storage.ownAccounts.link(owner, identity, new Date());
      if (outcome !== "done") throw new Error(`linking ended with ${outcome}`);
      await worker.storage.ownAccounts.endSession(owner, sessionHash, new Date());
    },
    read: ({ userId }) => worker.storage.ownAccounts.read(userId, new Date(), 3600),
    post: (browser, path, fields, headers = {}) =>
      browser.request(`${account}${path}`, {
        method: "POST",
        body: new URLSearchParams(fields),
        headers: { Origin: new URL(worker.issuer).origin, "Sec-Fetch-Site": "same-origin", ...headers },
      }),
  };
}

export const isSignInPage = (page: Page): boolean => page.text.includes("<h1>Sign in</h1>");

/** What forms of the account send back. */
export const tokenOf = (page: Page): string => readForm(page, "account-form").fields.get("form_token") ?? "";

/** The handles of the identities that may be removed, in the order of the page. */
export const removable = (page: Page): readonly string[] =>
  [...page.text.matchAll(/id="remove-identity-([^"]*)"/g)].map(([, handle]) => handle ?? "");
