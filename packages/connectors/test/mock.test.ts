import type { JsonObject } from "@dex/runtime";
import { PLAIN_CALLBACK } from "@dex/testing";
import { describe, expect, test } from "vitest";
import { parseConnectorConfigs } from "../src/registry.ts";
import { begin, CALLBACK_URL, callbackOf, openOAuth2Connector, STATE } from "./oauth2-login.ts";

const KILGORE = {
  connectorId: "up",
  remoteId: "0-385-28089-0",
  displayName: "Kilgore Trout",
  email: "kilgore@kilgore.trout",
  emailVerified: true,
};
const PASSWORD = { username: "kilgore", password: "so it goes" };
const open = (type: string, config: JsonObject = {}, mocksAllowed = true) =>
  openOAuth2Connector(type, config, { mocksAllowed });

test.each(["mockCallback", "mockPassword"])("%s is refused where mocks are not allowed (C 225)", (type) => {
  expect(() => open(type, PASSWORD, false)).toThrow("not allowed here");
  expect(() => openOAuth2Connector(type, PASSWORD)).toThrow("not allowed here");
});

describe("mockCallback", () => {
  const finish = async (offlineAccess: boolean, change: (query: URLSearchParams) => void = () => undefined) => {
    const login = callbackOf(open("mockCallback"));
    const { to, data } = await begin(login);
    expect(to).toBe(`${CALLBACK_URL}?state=${STATE}`);
    const query = new URL(to).searchParams;
    change(query);
    const asked = { groups: true, offlineAccess };
    const input = { callbackUrl: CALLBACK_URL, query, state: STATE, data, asked };
    return login.finish({ ...input, request: PLAIN_CALLBACK, now: new Date(0) });
  };

  test("signs Kilgore Trout in, an author (C 222)", async () => {
    expect(await finish(false)).toEqual({
      kind: "identity",
      identity: { ...KILGORE, preferredUsername: undefined, groups: ["authors"], authTime: undefined, amr: [] },
    });
  });

  test("finds the same again for a refresh and for anybody's token", async () => {
    expect(await finish(true)).toMatchObject({ grant: { connectorData: "foobar" } });
    const connector = open("mockCallback");
    const asked = { groups: true, offlineAccess: true };
    const input = { grant: {}, remoteId: KILGORE.remoteId, asked, now: new Date(0), keep: async () => undefined };
    expect(await connector.refresh?.(input)).toMatchObject({ identity: { ...KILGORE, groups: ["authors"] } });
    const subject = { token: "any", type: "urn:ietf:params:oauth:token-type:access_token", now: new Date(0) };
    expect(await connector.tokenIdentity?.(subject)).toMatchObject({ identity: KILGORE });
  });

  test("takes no other state (MIX-2)", async () => {
    expect(await finish(false, (query) => query.set("state", "x"))).toMatchObject({ kind: "refused" });
    expect(await finish(false, (query) => query.delete("state"))).toMatchObject({ kind: "refused" });
  });
});

describe("mockPassword", () => {
  const verify = (login: string, password: string) => {
    const connector = open("mockPassword", PASSWORD);
    if (connector.login.kind !== "password") throw new Error("expected a password login");
    const asked = { groups: false, offlineAccess: true };
    return connector.login.verify({ login, password, source: "192.0.2.1", asked, now: new Date(0) });
  };

  test("knows one name and password, of the same person without groups (C 222)", async () => {
    expect(await verify("kilgore", "so it goes")).toMatchObject({ identity: { ...KILGORE, groups: undefined } });
  });

  test.each([
    ["kilgore", "wrong"],
    ["kilgore", ""],
    ["Kilgore", "so it goes"],
    ["", "so it goes"],
  ])("refuses %j with %j", async (login, password) => {
    expect(await verify(login, password)).toMatchObject({ kind: "refused", reason: "invalid credentials" });
  });

  test.each([{ password: "x" }, { username: "x" }, { username: "", password: "x" }])(
    "does not open with %j alone (C 222)",
    (config) => {
      expect(() => open("mockPassword", config)).toThrow(/username|password/);
    },
  );

  test("has a password that is a secret", () => {
    const parsed = parseConnectorConfigs([{ id: "m", type: "mockPassword", username: "x" }]);
    expect(parsed).toMatchObject({ kind: "connectors" }); // the stored one may be kept
  });
});
