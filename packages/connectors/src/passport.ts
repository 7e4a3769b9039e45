// The bridge from a passport strategy to a connector's callback login. A strategy wants a web framework's request,
// response and session; it gets stand-ins for the three, so that our own login state stays the only session there is.
import type { JsonObject } from "@dex/runtime";
import passport, { type AuthenticateOptions, type Strategy } from "passport";
import * as z from "zod";
import type { AskedOfUpstream, CallbackLogin, LoginOutcome, LoginRefusal, UpstreamWish } from "./connector.ts";

/** A strategy's session travels sealed in a cookie. */
const MAX_SESSION_BYTES = 2048;
const MAX_REDIRECT_LENGTH = 8192;
/** For all that a strategy does in one step, bounded calls and all: nobody is held for longer. */
const STRATEGY_MILLISECONDS = 30_000;

export interface BeginStep {
  readonly step: "begin";
  readonly callbackUrl: string;
  readonly state: string;
  readonly wish: UpstreamWish;
}
export interface FinishStep {
  readonly step: "finish";
  readonly callbackUrl: string;
  readonly state: string;
  readonly query: URLSearchParams;
  readonly data: JsonObject;
  readonly asked: AskedOfUpstream;
  readonly now: Date;
}
export type LoginStep = BeginStep | FinishStep;

export interface PreparedStrategy {
  readonly kind: "strategy";
  /**
   * Any passport strategy. Typed by its one method, since type packages disagree on what `this` is in it.
   */
  readonly strategy: { authenticate(...args: never[]): unknown };
  /** Handed to `strategy.authenticate` beside what the bridge sets itself. */
  readonly options: AuthenticateOptions;
}

export interface PassportLoginParts {
  prepare(step: LoginStep): Promise<PreparedStrategy | LoginRefusal>;
  /** What the strategy's verify function passed on, as an outcome. Untrusted. */
  toOutcome(user: unknown, step: FinishStep): LoginOutcome;
  /** What the strategy reported as an error. */
  toRefusal(error: unknown): LoginRefusal;
}

/** Runs a passport strategy as a callback login. Nothing it does, throwing included, escapes as an exception. */
export function passportLogin(parts: PassportLoginParts): CallbackLogin {
  return {
    kind: "callback",
    async begin(input) {
      const prepared = await parts.prepare({ step: "begin", ...input });
      if (prepared.kind !== "strategy") return prepared;
      const session: Record<string, unknown> = {};
      const run = await runStrategy(prepared, { url: new URL(input.callbackUrl), session, query: {} });
      if (run.kind === "error") return parts.toRefusal(run.error);
      if (run.kind !== "redirect")
        return invalid(`the strategy ended with "${run.kind}" where a redirect was expected`);
      if (run.to.length > MAX_REDIRECT_LENGTH || !/^https?:/i.test(run.to)) return invalid("the redirect is unusable");
      const data = plainJson(session);
      return data === undefined
        ? invalid("the strategy's session is not plain JSON or too large")
        : { kind: "redirect", to: run.to, data };
    },
    async finish(input) {
      const step: FinishStep = { step: "finish", ...input };
      const prepared = await parts.prepare(step);
      if (prepared.kind !== "strategy") return prepared;
      const url = new URL(input.callbackUrl);
      url.search = input.query.toString();
      // Strategies of the older kind read req.query. The last one of a repeated parameter is as good as any other: the
      // caller refuses repetitions.
      const query = Object.fromEntries(input.query);
      const run = await runStrategy(prepared, { url, session: structuredClone({ ...input.data }), query });
      if (run.kind === "error") return parts.toRefusal(run.error);
      if (run.kind === "failure") return { kind: "refused", reason: "denied upstream", detail: run.detail };
      if (run.kind === "redirect") return invalid("the strategy redirected again instead of finishing");
      return parts.toOutcome(run.user, step);
    },
  };
}

type StrategyResult =
  | { readonly kind: "redirect"; readonly to: string }
  | { readonly kind: "success"; readonly user: unknown }
  | { readonly kind: "failure"; readonly detail: string }
  | { readonly kind: "error"; readonly error: unknown };

interface StandInRequest {
  readonly url: URL;
  readonly session: Record<string, unknown>;
  readonly query: Readonly<Record<string, string>>;
}

function runStrategy({ strategy, options }: PreparedStrategy, given: StandInRequest): Promise<StrategyResult> {
  return new Promise((resolve) => {
    const error = (cause: unknown) => resolve({ kind: "error", error: cause });
    const timer = setTimeout(() => error(new Error("the strategy did not report back")), STRATEGY_MILLISECONDS);
    timer.unref();
    const request = {
      method: "GET",
      url: `${given.url.pathname}${given.url.search}`,
      originalUrl: `${given.url.pathname}${given.url.search}`,
      protocol: given.url.protocol.slice(0, -1),
      host: given.url.host,
      headers: { host: given.url.host },
      query: given.query,
      body: {},
      session: given.session,
    };
    let location: string | undefined;
    const response = {
      statusCode: 200,
      setHeader(name: string, value: string) {
        if (name.toLowerCase() === "location") location = value;
      },
      end() {
        if (location === undefined) error(new Error("the strategy answered by itself"));
        else resolve({ kind: "redirect", to: location });
      },
    };
    const report = (cause: unknown, user: unknown, challenge: unknown) => {
      if (cause) error(cause);
      else if (user) resolve({ kind: "success", user });
      else resolve({ kind: "failure", detail: describeChallenge(challenge) });
    };
    try {
      // passport writes the callbacks of the run onto the strategy it is given. An object that merely inherits from it
      // keeps two runs apart; passport does the same for strategies it knows by name.
      const ownRun: Strategy = Object.create(strategy);
      // An instance of its own: the module's default one is shared by everything in the process.
      const authenticate = new passport.Passport().authenticate(ownRun, { ...options, session: false }, report);
      authenticate(request, response, (cause: unknown) => error(cause ?? new Error("the strategy passed")));
    } catch (cause) {
      error(cause);
    }
  });
}

const challengeMessage = z.union([z.string(), z.object({ message: z.string() }).transform(({ message }) => message)]);

function describeChallenge(challenge: unknown): string {
  const parsed = challengeMessage.safeParse(challenge);
  return parsed.success ? parsed.data.slice(0, 200) : "the strategy refused";
}

function plainJson(session: Record<string, unknown>): JsonObject | undefined {
  try {
    const text = JSON.stringify(session);
    if (Buffer.byteLength(text) > MAX_SESSION_BYTES) return undefined;
    const data: unknown = JSON.parse(text);
    const parsed = z.record(z.string(), z.json()).safeParse(data);
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined; // a cycle, a bigint
  }
}

function invalid(detail: string): LoginRefusal {
  return { kind: "refused", reason: "invalid answer", detail };
}
