import * as oidc from "openid-client";
import type { Pending, SignedIn } from "./sessions.ts";
import type { Settings } from "./settings.ts";

/** A sign-in or refresh that did not work, in words for the person in front of the browser. */
export class SignInProblem extends Error {
  readonly kind: "refused" | "issuer unreachable";
  constructor(kind: "refused" | "issuer unreachable", message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

export interface RelyingParty {
  /** Whether the issuer's discovery document has been read. */
  ready(): boolean;
  /** Tries to read the discovery document until it is there or `signal` ends it. Calls `report` after each failure. */
  keepTrying(signal: AbortSignal, report: (message: string) => void): Promise<void>;
  begin(scopes: readonly string[]): Promise<{ readonly to: URL; readonly state: string; readonly pending: Pending }>;
  /** Checks the callback and everything it leads to. Throws SignInProblem. */
  finish(query: string, state: string, pending: Pending): Promise<SignedIn>;
  /** New tokens by the refresh token, which is replaced. Throws SignInProblem. */
  refresh(signedIn: SignedIn): Promise<SignedIn>;
}

const TIMEOUT_SECONDS = 10;
const CLOCK_TOLERANCE_SECONDS = 5;

/** Signs in with code, PKCE, state and nonce (RFC 9700 §2.1). */
export function makeRelyingParty(settings: Settings): RelyingParty {
  let known: oidc.Configuration | undefined;

  async function discover(): Promise<oidc.Configuration> {
    if (known !== undefined) return known;
    const { issuer, clientId, clientSecret } = settings;
    const authentication = clientSecret === undefined ? oidc.None() : oidc.ClientSecretBasic(clientSecret);
    // Signatures are checked also on ID tokens that came straight from the token endpoint: over http nothing else holds.
    const execute = [oidc.enableNonRepudiationChecks];
    if (issuer.protocol === "http:") execute.push(oidc.allowInsecureRequests);
    const metadata = { [oidc.clockTolerance]: CLOCK_TOLERANCE_SECONDS };
    try {
      known = await oidc.discovery(issuer, clientId, metadata, authentication, { execute, timeout: TIMEOUT_SECONDS });
      return known;
    } catch (error) {
      throw new SignInProblem("issuer unreachable", `The issuer ${issuer.href} cannot be reached yet.`, error);
    }
  }

  async function toSignedIn(
    config: oidc.Configuration,
    tokens: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers,
    before: SignedIn | undefined,
  ): Promise<SignedIn> {
    const claims = tokens.claims() ?? before?.claims;
    if (claims === undefined) throw new SignInProblem("refused", "The issuer sent no ID token.");
    const hasUserinfo = config.serverMetadata().userinfo_endpoint !== undefined;
    return {
      claims,
      // OIDC Core §5.3.2: the answer must be about the subject of the ID token.
      userinfo: hasUserinfo ? await oidc.fetchUserInfo(config, tokens.access_token, String(claims.sub)) : undefined,
      scope: tokens.scope ?? before?.scope,
      refreshToken: tokens.refresh_token ?? before?.refreshToken,
      refreshes: before === undefined ? 0 : before.refreshes + 1,
    };
  }

  return {
    ready: () => known !== undefined,
    async keepTrying(signal, report) {
      for (let pause = 250; !signal.aborted; pause = Math.min(pause * 2, 5000)) {
        try {
          await discover();
          return;
        } catch (error) {
          report(explain(error).message);
        }
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, pause);
          signal.addEventListener("abort", () => [clearTimeout(timer), resolve()], { once: true });
        });
      }
    },
    async begin(scopes) {
      const config = await discover();
      const pending = { nonce: oidc.randomNonce(), codeVerifier: oidc.randomPKCECodeVerifier() };
      const state = oidc.randomState();
      const to = oidc.buildAuthorizationUrl(config, {
        redirect_uri: settings.redirectUrl.href,
        scope: scopes.join(" "),
        state,
        nonce: pending.nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(pending.codeVerifier),
        code_challenge_method: "S256",
      });
      return { to, state, pending };
    },
    finish: (query, state, pending) =>
      explained(async () => {
        const config = await discover();
        const url = new URL(settings.redirectUrl);
        url.search = query;
        const tokens = await oidc.authorizationCodeGrant(config, url, {
          expectedState: state,
          expectedNonce: pending.nonce,
          pkceCodeVerifier: pending.codeVerifier,
          idTokenExpected: true,
        });
        return toSignedIn(config, tokens, undefined);
      }),
    refresh: (signedIn) =>
      explained(async () => {
        const { refreshToken } = signedIn;
        if (refreshToken === undefined) throw new SignInProblem("refused", "There is no refresh token to use.");
        const config = await discover();
        return toSignedIn(config, await oidc.refreshTokenGrant(config, refreshToken), signedIn);
      }),
  };
}

async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explain(error);
  }
}

// The library's own messages name functions; these are for people. An error code is repeated only when it is a code.
function explain(error: unknown): SignInProblem {
  if (error instanceof SignInProblem) return error;
  if (error instanceof oidc.AuthorizationResponseError || error instanceof oidc.ResponseBodyError) {
    const code = /^[a-z_]{1,60}$/.test(error.error) ? error.error : "an unknown error";
    return new SignInProblem("refused", `The issuer answered: ${code}.`, error);
  }
  if (error instanceof oidc.WWWAuthenticateChallengeError) {
    return new SignInProblem("refused", "The issuer did not accept the access token.", error);
  }
  const code = error instanceof oidc.ClientError ? error.code : undefined;
  if (code === undefined || code === "OAUTH_TIMEOUT" || code === "OAUTH_ABORT") {
    return new SignInProblem("issuer unreachable", "The issuer cannot be reached.", error);
  }
  return new SignInProblem("refused", "The issuer's answer did not pass the checks.", error);
}
