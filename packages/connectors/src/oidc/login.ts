// A sign-in by the authorization code flow with PKCE, state and nonce (MIX-2).
import type { JsonObject } from "@dex/runtime";
import * as client from "openid-client";
import * as z from "zod";
import type { CallbackLogin, Identity, LoginOutcome, LoginRefusal } from "../connector.ts";
import type { ConnectorParts } from "../connector-kind.ts";
import { LoginRefused } from "../login-refused.ts";
import { type BeginStep, type FinishStep, type LoginStep, type PreparedStrategy, passportLogin } from "../passport.ts";
import { chooseRedirectUri } from "../redirect-uri.ts";
import { authorizationParameters } from "./authorization-request.ts";
import { toGrant } from "./grant.ts";
import type { OidcHooks } from "./hooks.ts";
import type { ReadPerson } from "./person.ts";
import { toRefusal } from "./refusals.ts";
import type { OidcSettings } from "./settings.ts";
import { OneStepStrategy, SESSION_KEY, type UpstreamTokens } from "./strategy.ts";
import type { OidcUpstream } from "./upstream.ts";

/** What we keep of the first half. `max_age` is left out: we check auth_time ourselves, see `decideClaims`. */
const roundTrip = z.object({
  [SESSION_KEY]: z.object({ code_verifier: z.string(), nonce: z.string(), state: z.string() }),
});
const wishData = z.object({
  startedAt: z.number(),
  reauthenticate: z.boolean(),
  maxAgeSeconds: z.number().nullable(),
});

const NONCE_BYTES = 32;
const MAX_SID_LENGTH = 255;

/** What the strategy passes on. Only its own verify function makes one. */
class Found {
  readonly outcome: LoginOutcome;
  constructor(outcome: LoginOutcome) {
    this.outcome = outcome;
  }
}

export interface OidcLoginParts {
  readonly settings: OidcSettings;
  readonly hooks: OidcHooks;
  readonly upstream: OidcUpstream;
  readonly readPerson: ReadPerson;
  readonly parts: Pick<ConnectorParts, "clock" | "random">;
}

export function makeOidcLogin({ settings, hooks, upstream, readPerson, parts }: OidcLoginParts): CallbackLogin {
  const { clock, random } = parts;

  async function finishWith(configuration: client.Configuration, tokens: UpstreamTokens, step: FinishStep) {
    upstream.keepKeys(configuration);
    const wish = wishData.safeParse(step.data);
    const idToken = tokens.claims();
    if (idToken === undefined || !wish.success) {
      return invalid("no ID token, or a login state of another form");
    }
    // OIDC Core §5.3.2: fetchUserInfo refuses another `sub`, which would be another person's answer.
    const userInfo = settings.userInfo
      ? await client.fetchUserInfo(configuration, tokens.access_token, idToken.sub)
      : undefined;
    const outcome = await readPerson(
      { idToken, userInfo },
      {
        occasion: "login",
        asked: step.asked,
        accessToken: tokens.access_token,
        now: step.now,
        answer: step.query,
        startedAt: new Date(wish.data.startedAt * 1000),
        reauthenticate: wish.data.reauthenticate,
        maxAgeSeconds: wish.data.maxAgeSeconds ?? undefined,
      },
    );
    if (outcome.kind !== "identity") return outcome;
    const proved = { ...outcome, identity: withSid(outcome.identity, idToken.sid) };
    if (!step.asked.offlineAccess) return proved;
    const name = hooks.nameOnlyAtLogin ? outcome.identity.displayName : undefined;
    const grant = toGrant(tokens.refresh_token, idToken.sub, name);
    return grant === undefined ? proved : { ...proved, grant };
  }

  async function strategyFor(step: LoginStep): Promise<PreparedStrategy> {
    const configuration = await upstream.configure(step.step === "finish" ? step.now : clock());
    const parameters =
      step.step === "begin"
        ? authorizationParameters(settings, step, random(NONCE_BYTES).toString("base64url"), hooks)
        : new URLSearchParams();
    const verify = async (tokens: UpstreamTokens) =>
      step.step === "finish" ? new Found(await finishWith(configuration, tokens, step)) : undefined;
    return {
      kind: "strategy",
      strategy: new OneStepStrategy({ config: configuration, step, parameters, verify }),
      options: {},
    };
  }

  const login = passportLogin({
    async prepare(given) {
      if (given.step === "finish" && !isOwnAnswer(given.data, given.state)) {
        return invalid("the login state holds another round trip");
      }
      const redirectUri = chooseRedirectUri(given.callbackUrl, settings.redirectUri);
      if (redirectUri === undefined) return unavailable("redirectURI is neither our callback nor <issuer>/callback");
      try {
        return await strategyFor(withCallback(given, redirectUri));
      } catch (error) {
        if (error instanceof LoginRefused) return error.refusal;
        throw error;
      }
    },
    toRefusal,
    toOutcome: (user) => (user instanceof Found ? user.outcome : invalid("the strategy passed on no claims")),
  });

  return {
    ...login,
    answersBy: settings.answersBy,
    async begin(input) {
      const begun = await login.begin(input);
      if (begun.kind !== "redirect") return begun;
      const kept = roundTrip.safeParse(begun.data);
      if (!kept.success) return unavailable("the strategy kept no PKCE verifier, nonce or state");
      const wish = {
        startedAt: Math.floor(clock().getTime() / 1000),
        reauthenticate: input.wish.reauthenticate,
        maxAgeSeconds: input.wish.maxAgeSeconds ?? null,
      };
      return { kind: "redirect", to: begun.to, data: { ...kept.data, ...wish } };
    },
  };
}

/** One that is too long to be found again says nothing. */
function withSid(identity: Identity, sid: unknown): Identity {
  return typeof sid === "string" && sid !== "" && sid.length <= MAX_SID_LENGTH ? { ...identity, sid } : identity;
}

function withCallback(step: BeginStep | FinishStep, callbackUrl: string): LoginStep {
  return { ...step, callbackUrl };
}

function isOwnAnswer(data: JsonObject, state: string): boolean {
  const kept = roundTrip.safeParse(data);
  return kept.success && kept.data[SESSION_KEY].state === state && state !== "";
}

function invalid(detail: string): LoginRefusal {
  return { kind: "refused", reason: "invalid answer", detail };
}

function unavailable(detail: string): LoginRefusal {
  return { kind: "unavailable", detail };
}
