// Reading a person again with the upstream's refresh token (OIDC Core §12).
import * as client from "openid-client";
import * as z from "zod";
import type { LoginOutcome, UpstreamRefresh } from "../connector.ts";
import { invalidAnswer, LoginRefused, outcomeOf } from "../login-refused.ts";
import { type OidcGrant, parseGrant, toGrant } from "./grant.ts";
import type { OidcHooks } from "./hooks.ts";
import type { ReadPerson } from "./person.ts";
import { callUpstream, toRefusal } from "./refusals.ts";
import type { OidcSettings } from "./settings.ts";
import type { OidcUpstream } from "./upstream.ts";

export interface RefreshParts {
  readonly settings: OidcSettings;
  readonly hooks: OidcHooks;
  readonly upstream: OidcUpstream;
  readonly readPerson: ReadPerson;
}

export function makeRefresh({ settings, hooks, upstream, readPerson }: RefreshParts) {
  return ({ grant: given, remoteId, asked, now, keep }: UpstreamRefresh): Promise<LoginOutcome> =>
    outcomeOf(async () => {
      const grant = parseGrant(given);
      if (grant === undefined) throw invalidAnswer("the grant is of another form");
      const configuration = await upstream.configure(now);
      const rotation = keepRotated(configuration, grant, keep);
      const tokens = await rotation.watch(() => client.refreshTokenGrant(configuration, grant.refreshToken));
      upstream.keepKeys(configuration);
      const idToken = tokens.claims();
      // OIDC Core §12.2
      if (idToken !== undefined && idToken.sub !== grant.sub) throw invalidAnswer("the refresh is about somebody else");
      if (idToken === undefined && !settings.userInfo) {
        throw invalidAnswer("the refresh gave no ID token, and getUserInfo is not set");
      }
      const userInfo = settings.userInfo
        ? await callUpstream(() => client.fetchUserInfo(configuration, tokens.access_token, grant.sub))
        : undefined;
      const accessToken = tokens.access_token;
      const outcome = await readPerson({ idToken, userInfo }, { occasion: "refresh", asked, accessToken, now });
      if (outcome.kind !== "identity") return outcome;
      if (outcome.identity.remoteId !== remoteId) throw invalidAnswer("the refresh is about somebody else");
      const displayName = outcome.identity.displayName ?? (hooks.nameOnlyAtLogin ? grant.name : undefined);
      return { ...outcome, identity: { ...outcome.identity, displayName }, grant: rotation.latest() };
    });
}

const rotated = z.object({ refresh_token: z.string() });

/**
 * Stores a rotated refresh token as soon as it has arrived: before the ID token beside it is looked at, since the keys for
 * that may be out of reach just then, and the old refresh token is spent already.
 */
function keepRotated(configuration: client.Configuration, grant: OidcGrant, keep: UpstreamRefresh["keep"]) {
  const send = configuration[client.customFetch];
  if (send === undefined) throw new Error("expected a bounded fetch");
  const tokenEndpoint = configuration.serverMetadata().token_endpoint;
  let latest = grant;
  let failure: { readonly error: unknown } | undefined;

  async function keepFrom(answer: unknown): Promise<void> {
    const parsed = rotated.safeParse(answer);
    if (!parsed.success || parsed.data.refresh_token === grant.refreshToken) return;
    const next = toGrant(parsed.data.refresh_token, grant.sub, grant.name);
    if (next === undefined) throw invalidAnswer("the new refresh token is unusable");
    await keep(next);
    latest = next;
  }

  configuration[client.customFetch] = async (url, options) => {
    const response = await send(url, options);
    if (url !== tokenEndpoint || response.status !== 200) return response;
    const text = await response.clone().text();
    await keepFrom(parseJson(text)).catch((error: unknown) => {
      failure = { error };
      throw error;
    });
    return response;
  };

  return {
    latest: () => latest,
    async watch<Answer>(run: () => Promise<Answer>): Promise<Answer> {
      try {
        return await run();
      } catch (error) {
        // An error of our storage is ours, whatever openid-client makes of it.
        if (failure !== undefined) throw failure.error;
        throw new LoginRefused(isSpent(error) ? ENDED : toRefusal(error));
      }
    },
  };
}

const ENDED = {
  kind: "refused",
  reason: "user gone",
  detail: "the upstream has ended the refresh token",
} as const;

/** RFC 6749 §5.2: revoked, expired, or of a person who is gone. */
function isSpent(error: unknown): boolean {
  return error instanceof client.ResponseBodyError && error.error === "invalid_grant";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
