import { NOTHING_ASKED, PLAIN_CALLBACK } from "@dex/testing";
import { type AuthenticateOptions, Strategy, type StrategyCreated } from "passport";
import { expect, test } from "vitest";
import { type PassportLoginParts, passportLogin } from "./passport.ts";

const callbackUrl = "https://dex.example/auth/x/callback";
const wish = {
  reauthenticate: false,
  selectAccount: false,
  maxAgeSeconds: undefined,
  loginHint: undefined,
  asked: NOTHING_ASKED,
};
const state = "state-1";
const now = new Date("2030-01-01T00:00:00Z");

type Authenticate = (strategy: StrategyCreated<Strategy>, request: Request, options: AuthenticateOptions) => void;
interface Request {
  readonly session: Record<string, unknown>;
  readonly query: Record<string, string>;
}

/** A strategy of the ordinary kind: a class that inherits from passport's and calls one of its actions. */
function loginBy(authenticate: Authenticate, more: Partial<PassportLoginParts> = {}) {
  class Ordinary extends Strategy {
    override authenticate(this: StrategyCreated<Strategy>, request: never, options: AuthenticateOptions) {
      authenticate(this, request, options);
    }
  }
  return passportLogin({
    prepare: async (step) => ({ kind: "strategy", strategy: new Ordinary(), options: { state: step.state } }),
    toOutcome: (user) => ({ kind: "refused", reason: "invalid answer", detail: JSON.stringify(user) }),
    toRefusal: (error) => ({ kind: "unavailable", detail: String(error) }),
    ...more,
  });
}
const begin = (login: ReturnType<typeof loginBy>) => login.begin({ callbackUrl, state, wish });
const finish = (login: ReturnType<typeof loginBy>, data = {}) =>
  login.finish({
    callbackUrl,
    query: new URLSearchParams({ code: "c", state }),
    state,
    data,
    asked: NOTHING_ASKED,
    request: PLAIN_CALLBACK,
    now,
  });

test("an ordinary strategy's redirect and session come out, and go in again", async () => {
  const login = loginBy((strategy, request, options) => {
    if (request.query.code !== undefined) return strategy.success({ session: request.session, query: request.query });
    request.session.kept = { n: 1 };
    strategy.redirect(`https://idp.example/?state=${options.state}`);
  });
  const begun = await begin(login);
  expect(begun).toEqual({ kind: "redirect", to: `https://idp.example/?state=${state}`, data: { kept: { n: 1 } } });
  const detail = JSON.stringify({ session: { kept: { n: 1 } }, query: { code: "c", state } });
  expect(await finish(login, { kept: { n: 1 } })).toMatchObject({ detail });
});

test("what a strategy changes in its session does not reach the login state", async () => {
  const data = { kept: { n: 1 } };
  await finish(
    loginBy((strategy, request) => {
      delete request.session.kept;
      strategy.fail("no");
    }),
    data,
  );
  expect(data).toEqual({ kept: { n: 1 } });
});

const failures: { when: string; authenticate: Authenticate; begun: object; finished: object }[] = [
  {
    when: "fails",
    authenticate: (strategy) => strategy.fail({ message: "not today" }),
    begun: { kind: "refused", reason: "invalid answer" },
    finished: { kind: "refused", reason: "denied upstream", detail: "not today" },
  },
  {
    when: "reports an error",
    authenticate: (strategy) => strategy.error(new Error("down")),
    begun: { kind: "unavailable", detail: "Error: down" },
    finished: { kind: "unavailable", detail: "Error: down" },
  },
  {
    when: "throws",
    authenticate: () => {
      throw new Error("a bug");
    },
    begun: { kind: "unavailable", detail: "Error: a bug" },
    finished: { kind: "unavailable", detail: "Error: a bug" },
  },
  {
    when: "passes",
    authenticate: (strategy) => strategy.pass(),
    begun: { kind: "unavailable" },
    finished: { kind: "unavailable" },
  },
  {
    when: "redirects to a script",
    authenticate: (strategy) => strategy.redirect("javascript:alert(1)"),
    begun: { kind: "refused", reason: "invalid answer" },
    finished: { kind: "refused", reason: "invalid answer" },
  },
];
test.each(failures)("a strategy that $when ends the login without an exception", async (row) => {
  expect(await begin(loginBy(row.authenticate))).toMatchObject(row.begun);
  expect(await finish(loginBy(row.authenticate))).toMatchObject(row.finished);
});

test.each([
  { what: "too large", value: "x".repeat(4096) },
  { what: "not JSON", value: 5n },
])("a session that is $what is refused", async ({ value }) => {
  const login = loginBy((strategy, request) => {
    request.session.kept = value;
    strategy.redirect("https://idp.example/");
  });
  expect(await begin(login)).toMatchObject({ kind: "refused", detail: expect.stringContaining("session") });
});

test("a strategy that cannot be prepared ends the login with what was said", async () => {
  const down = { kind: "unavailable", detail: "no metadata" } as const;
  const login = loginBy(() => undefined, { prepare: async () => down });
  expect(await begin(login)).toEqual(down);
  expect(await finish(login)).toEqual(down);
});
