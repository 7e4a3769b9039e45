// The administrator's token: got when it is first needed, shared by all logins, and replaced before it expires.
import type { Clock, JsonObject } from "@dex/runtime";
import { LoginRefused, unavailable } from "../login-refused.ts";
import type { KeystoneDomain } from "./config.ts";
import { type Keystone, type KeystoneCredentials, type KeystoneToken, TokenRefused } from "./keystone-api.ts";

const EARLY_MILLISECONDS = 60_000;
/** For getting a token, whoever waits for it. */
const SIGN_IN_MILLISECONDS = 20_000;
/** A wrong password is not shown again with every login: Keystone may lock the account. */
const PAUSE_MILLISECONDS = 60_000;
/**
 * What the administrator may be one of: of a default project, as dex v2 has it; of the system, as newer versions of Keystone
 * have it; of the domain. The first that gives a role is remembered.
 */
const SCOPES: readonly ((domain: KeystoneDomain) => JsonObject | undefined)[] = [
  () => undefined,
  () => ({ system: { all: true } }),
  (domain) => ({ domain: { ...domain } }),
];

/** Signs in with the first of `tries` that gives a role. Throws LoginRefused when none does. */
async function findRole(keystone: Keystone, credentials: Omit<KeystoneCredentials, "scope">, tries: readonly number[]) {
  const signal = AbortSignal.timeout(SIGN_IN_MILLISECONDS);
  for (const index of tries) {
    const scope = SCOPES[index]?.(credentials.domain);
    const signedIn = await keystone.signIn({ ...credentials, scope }, signal);
    if (signedIn.kind === "token" && signedIn.token.hasRoles) return { index, token: signedIn.token };
    // Without a scope it is the password that is wrong: it is not tried again, which could lock the account.
    if (signedIn.kind === "refused" && scope === undefined) {
      throw unavailable(`keystone: the administrator is refused: ${signedIn.detail}`);
    }
  }
  throw unavailable("keystone: the administrator has no role in a default project, the system or the domain");
}

export interface Administrator {
  /** Takes a step with a token that has a role; once more with a new one, when Keystone refuses the one that we had. */
  use<Result>(step: (token: KeystoneToken) => Promise<Result>): Promise<Result>;
}

export function makeAdministrator(
  keystone: Keystone,
  credentials: Omit<KeystoneCredentials, "scope">,
  clock: Clock,
): Administrator {
  let known: KeystoneToken | undefined;
  let running: Promise<KeystoneToken> | undefined;
  let working: number | undefined;
  let failed: { readonly error: LoginRefused; readonly at: number } | undefined;

  async function signIn(): Promise<KeystoneToken> {
    const tries = working === undefined ? [...SCOPES.keys()] : [working];
    working = undefined;
    const found = await findRole(keystone, credentials, tries);
    working = found.index;
    return found.token;
  }

  function current(): Promise<KeystoneToken> {
    if (known !== undefined && known.expiresAt.getTime() - EARLY_MILLISECONDS > clock().getTime()) {
      return Promise.resolve(known);
    }
    if (failed !== undefined && clock().getTime() < failed.at + PAUSE_MILLISECONDS) return Promise.reject(failed.error);
    running ??= signIn()
      .then(
        (token) => {
          known = token;
          return token;
        },
        (error: unknown) => {
          if (error instanceof LoginRefused) failed = { error, at: clock().getTime() };
          throw error;
        },
      )
      .finally(() => {
        running = undefined;
      });
    return running;
  }

  return {
    async use(step) {
      const before = known;
      const token = await current();
      try {
        return await step(token);
      } catch (error) {
        if (!(error instanceof TokenRefused)) throw error;
        if (known === token) known = undefined;
        // A new token that is refused as well will not become better.
        if (token !== before) throw error;
      }
      return step(await current());
    },
  };
}
