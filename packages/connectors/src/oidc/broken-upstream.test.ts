import { type JsonObject, systemClock } from "@dex/runtime";
import type { FakeOpenIdProvider } from "@dex/testing";
import { NOTHING_ASKED, PLAIN_CALLBACK } from "@dex/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as browser from "../../test/oidc-login.ts";

const { begin, callbackUrl, noWish, signIn, state, visit } = browser;

let provider: FakeOpenIdProvider;
beforeAll(async () => {
  provider = await browser.startProvider();
});
afterAll(() => provider.close());
beforeEach(() => provider.reset());

const openLogin = (config: JsonObject = {}) => browser.openLogin(provider.issuer, config);

describe("a broken upstream", () => {
  const rows = [
    { endpoint: "discovery", how: "status 500", during: "begin" },
    { endpoint: "discovery", how: "huge body", during: "begin" },
    { endpoint: "token", how: "status 500", during: "finish" },
    { endpoint: "token", how: "huge body", during: "finish" },
    { endpoint: "token", how: "many headers", during: "finish" },
    { endpoint: "token", how: "close", during: "finish" },
    { endpoint: "jwks", how: "status 500", during: "finish" },
    { endpoint: "jwks", how: "close", during: "finish" },
    { endpoint: "userinfo", how: "status 500", during: "finish" },
  ] as const;
  test.each(rows)("is unavailable, without an exception: $endpoint gives $how (OAU-2)", async (row) => {
    const login = openLogin({ getUserInfo: true });
    if (row.during === "begin") {
      provider.behaviours.endpoints[row.endpoint] = row.how;
      const begun = await login.begin({ callbackUrl, state, wish: noWish });
      expect(begun).toMatchObject({ kind: "unavailable" });
      return;
    }
    const begun = await begin(login);
    const query = await visit(begun.to);
    provider.behaviours.endpoints[row.endpoint] = row.how;
    const outcome = await login.finish({
      callbackUrl,
      query,
      state,
      data: begun.data,
      asked: NOTHING_ASKED,
      request: PLAIN_CALLBACK,
      now: systemClock(),
    });
    expect(outcome).toMatchObject({ kind: "unavailable" });
    expect(JSON.stringify(outcome)).not.toContain(query.get("code"));
  });

  test.each(["redirect loop", "not json", "status 404"] as const)(
    "that answers the code exchange with %s gives no identity (SSR-1)",
    async (how) => {
      const login = openLogin();
      const begun = await begin(login);
      const query = await visit(begun.to);
      provider.behaviours.endpoints.token = how;
      const outcome = await login.finish({
        callbackUrl,
        query,
        state,
        data: begun.data,
        asked: NOTHING_ASKED,
        request: PLAIN_CALLBACK,
        now: systemClock(),
      });
      expect(outcome).toMatchObject({ kind: "refused", reason: "invalid answer" });
      expect(provider.requests.filter(({ endpoint }) => endpoint === "token")).toHaveLength(1);
    },
  );

  test("that fails five times is left alone and says so at once", async () => {
    const login = openLogin();
    const begun = await begin(login);
    provider.behaviours.endpoints.token = "status 500";
    const finish = async () => {
      const query = await visit(begun.to);
      return login.finish({
        callbackUrl,
        query,
        state,
        data: begun.data,
        asked: NOTHING_ASKED,
        request: PLAIN_CALLBACK,
        now: systemClock(),
      });
    };
    for (let attempt = 0; attempt < 5; attempt += 1) expect(await finish()).toMatchObject({ kind: "unavailable" });
    expect(await finish()).toMatchObject({ kind: "unavailable", detail: expect.stringContaining("circuit is open") });
    expect(provider.requests.filter(({ endpoint }) => endpoint === "token")).toHaveLength(5);
  });

  test("is asked for its keys once for many sign-ins", async () => {
    const login = openLogin();
    for (let count = 0; count < 3; count += 1) expect(await signIn(login)).toMatchObject({ kind: "identity" });
    expect(provider.requests.filter(({ endpoint }) => endpoint === "jwks")).toHaveLength(1);
    expect(provider.requests.filter(({ endpoint }) => endpoint === "discovery")).toHaveLength(1);
  });
});
