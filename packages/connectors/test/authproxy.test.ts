// The authproxy connector behind a real nginx, and reached around it.
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type JsonObject, silentLogger, systemClock, systemRandom } from "@dex/runtime";
import { NOTHING_ASKED, type RunningNginx, startNginx } from "@dex/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseNetwork, toNetworks, whyNotProxied } from "../src/authproxy/trusted-proxy.ts";
import type { CallbackRequest, LoginOutcome } from "../src/connector.ts";
import { openConnector, parseConnectorConfigs, redactConnector } from "../src/registry.ts";
import { CALLBACK_URL, callbackOf, NO_WISH, STATE } from "./oauth2-login.ts";

const SECRET = "5Hd0Xq2mWb8-kT4zv1Rn7c";
const TRUSTED = { trustedProxies: ["192.0.2.0/24"] };
const PEER = "192.0.2.7";

function open(config: JsonObject) {
  return openConnector(
    { id: "up", type: "authproxy", config },
    {
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      checkPassword: async () => ({ kind: "unavailable", detail: "not used here" }),
    },
  );
}

function connect(config: JsonObject) {
  const opened = open(config);
  if (opened.kind === "refused") throw new Error(opened.reason);
  return opened.connector;
}

/** A request as the worker hands it on. */
function requestWith(headers: Readonly<Record<string, string>>, peer = PEER): CallbackRequest {
  const found = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return { header: (name) => found.get(name.toLowerCase()), peer };
}

function finish(config: JsonObject, request: CallbackRequest, state = STATE): Promise<LoginOutcome> {
  return callbackOf(connect(config)).finish({
    callbackUrl: CALLBACK_URL,
    query: new URLSearchParams({ state }),
    state: STATE,
    data: {},
    asked: NOTHING_ASKED,
    request,
    now: systemClock(),
  });
}

describe("what the proxy's headers become", () => {
  test("the user header alone stands for everything (C 186)", async () => {
    expect(await finish(TRUSTED, requestWith({ "X-Remote-User": "mike" }))).toEqual({
      kind: "identity",
      identity: {
        connectorId: "up",
        remoteId: "mike",
        displayName: "mike",
        preferredUsername: "mike",
        email: "mike",
        emailVerified: true,
        groups: [],
        authTime: undefined,
        amr: [],
      },
    });
  });

  const all = {
    "X-Remote-User": "Mike",
    "X-Remote-User-Id": "4711",
    "X-Remote-User-Name": "mike1",
    "X-Remote-User-Email": "mike@example.com",
  };
  test("id, name and address have headers of their own; the name becomes preferred_username (C 187)", async () => {
    expect(await finish(TRUSTED, requestWith(all))).toMatchObject({
      identity: { remoteId: "4711", displayName: "Mike", preferredUsername: "mike1", email: "mike@example.com" },
    });
    expect(await finish({ ...TRUSTED, trustedEmailProvider: false }, requestWith(all))).toMatchObject({
      identity: { emailVerified: false },
    });
  });

  test("an empty member is an absent one, as in dex v2", async () => {
    const config = { ...TRUSTED, userHeader: "", userIDHeader: "", groupHeaderSeparator: "" };
    expect(await finish(config, requestWith({ "X-Remote-User": "mike", "X-Remote-Group": "a,b" }))).toMatchObject({
      identity: { remoteId: "mike", groups: ["a", "b"] },
    });
  });

  test("headers may have other names", async () => {
    const config = { ...TRUSTED, userHeader: "Who", userIDHeader: "Who-Id" };
    expect(await finish(config, requestWith({ who: "Mike", "who-id": "5", ...all }))).toMatchObject({
      identity: { displayName: "Mike", remoteId: "5" },
    });
  });

  test("where ids are configured a name never stands in for one (ACC-14)", async () => {
    const config = { ...TRUSTED, userIDHeader: "X-Remote-User-Id" };
    expect(await finish(config, requestWith({ "X-Remote-User": "4711" }))).toMatchObject({
      kind: "refused",
      reason: "invalid answer",
    });
  });

  const groups: { config: JsonObject; header: string; becomes: string[] }[] = [
    { config: {}, header: "a, b", becomes: ["a", "b"] },
    { config: { groupHeaderSeparator: ";" }, header: "a,x; b", becomes: ["a,x", "b"] },
    { config: { staticGroups: ["staff"] }, header: "a", becomes: ["a", "staff"] },
    { config: { staticGroups: ["staff"] }, header: " , ", becomes: ["staff"] },
  ];
  test.each(groups)("with $config the group header $header becomes $becomes (C 188)", async (row) => {
    const request = requestWith({ "X-Remote-User": "mike", "X-Remote-Group": row.header });
    expect(await finish({ ...TRUSTED, ...row.config }, request)).toMatchObject({ identity: { groups: row.becomes } });
  });

  const bad: { what: string; headers: Record<string, string> }[] = [
    { what: "no user (C 189)", headers: {} },
    { what: "an empty user (C 189)", headers: { "X-Remote-User": " " } },
    { what: "a control character", headers: { "X-Remote-User": "mi\u0001ke" } },
    { what: "a user of 256 characters", headers: { "X-Remote-User": "x".repeat(256) } },
    { what: "an address of 255", headers: { "X-Remote-User": "x", "X-Remote-User-Email": "x".repeat(255) } },
    { what: "1001 groups", headers: { "X-Remote-User": "x", "X-Remote-Group": "g,".repeat(1001) } },
    { what: "a group of 256", headers: { "X-Remote-User": "x", "X-Remote-Group": "x".repeat(256) } },
  ];
  test.each(bad)("$what is refused", async ({ headers }) => {
    expect(await finish(TRUSTED, requestWith(headers))).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });
});

describe("whose headers are believed", () => {
  const forged = { "X-Remote-User": "root" };
  const rows: { when: string; config: JsonObject; headers?: Record<string, string>; peer?: string; taken: boolean }[] =
    [
      { when: "from the network", config: TRUSTED, taken: true },
      { when: "from the network, in IPv6's words", config: TRUSTED, peer: "::ffff:192.0.2.9", taken: true },
      { when: "from beside the network", config: TRUSTED, peer: "192.0.3.1", taken: false },
      { when: "from nowhere", config: TRUSTED, peer: "", taken: false },
      {
        when: "from outside, with X-Forwarded-For",
        config: TRUSTED,
        peer: "198.51.100.1",
        headers: { "X-Forwarded-For": PEER, Forwarded: `for=${PEER}`, "X-Real-IP": PEER },
        taken: false,
      },
      { when: "from an IPv6 network", config: { trustedProxies: ["2001:db8::/32"] }, peer: "2001:db8::5", taken: true },
      {
        when: "from another IPv6 one",
        config: { trustedProxies: ["2001:db8::/32"] },
        peer: "2001:db9::5",
        taken: false,
      },
      {
        when: "with the secret",
        config: { proxySecret: SECRET },
        headers: { "X-Auth-Proxy-Secret": SECRET },
        peer: "198.51.100.1",
        taken: true,
      },
      { when: "without the secret", config: { proxySecret: SECRET }, taken: false },
      {
        when: "with another secret",
        config: { proxySecret: SECRET },
        headers: { "X-Auth-Proxy-Secret": `${SECRET} ` },
        taken: false,
      },
      {
        when: "with the secret from outside the network",
        config: { ...TRUSTED, proxySecret: SECRET, proxySecretHeader: "Pass" },
        headers: { pass: SECRET },
        peer: "198.51.100.1",
        taken: false,
      },
      {
        when: "with the secret in a header of its own, from the network",
        config: { ...TRUSTED, proxySecret: SECRET, proxySecretHeader: "Pass" },
        headers: { pass: SECRET },
        taken: true,
      },
    ];
  test.each(rows)("$when: $taken (C 190, NET-2)", async ({ config, headers = {}, peer, taken }) => {
    expect(await finish(config, requestWith({ ...forged, ...headers }, peer))).toMatchObject(
      taken ? { kind: "identity" } : { kind: "refused", reason: "invalid answer" },
    );
  });

  test("without a network and without a secret it does not open; nobody is trusted by default (C 190, NET-2)", () => {
    expect(open({})).toMatchObject({ kind: "refused", reason: expect.stringMatching(/trustedProxies/) });
    expect(open({ proxySecret: "" })).toMatchObject({ kind: "refused" });
    expect(whyNotProxied({ networks: undefined, secret: undefined }, requestWith(forged))).toBeDefined();
  });

  test.each(["0.0.0.0/0", "::/0", "10.0.0.0/33", "10.0.0.1/", "proxy.example", "true", "10.0.0.0/8/8", ""])(
    "%j is no network to trust (NET-2)",
    (network) => {
      expect(parseNetwork(network)).toBeUndefined();
      expect(open({ trustedProxies: [network] })).toMatchObject({ kind: "refused" });
    },
  );

  test("a single address is a network", () => {
    expect(toNetworks(["10.0.0.1"]).check("10.0.0.1")).toBe(true);
    expect(toNetworks(["10.0.0.1"]).check("10.0.0.2")).toBe(false);
  });

  test.each([
    { userHeader: "a b" },

    { proxySecret: "short" },
    { proxySecretHeader: "x-remote-user" },
  ])("%j is refused", (config) => {
    const parsed = parseConnectorConfigs([{ id: "p", type: "authproxy", ...TRUSTED, ...config }]);
    expect(parsed).toMatchObject({ kind: "refused" });
  });

  test("the secret is not shown again", () => {
    const shown = redactConnector({ id: "p", type: "authproxy", config: { proxySecret: SECRET } });
    expect(JSON.stringify(shown)).not.toContain(SECRET);
  });

  test("an answer for another sign-in is refused (MIX-2)", async () => {
    expect(await finish(TRUSTED, requestWith(forged), "another")).toMatchObject({ kind: "refused" });
    expect(await finish(TRUSTED, requestWith(forged), "")).toMatchObject({ kind: "refused" });
  });
});

test("it cannot refresh, and its dry run says whom it trusts", async () => {
  const connector = connect({ ...TRUSTED, proxySecret: SECRET });
  expect(connector.refresh).toBeUndefined();
  const steps = await connector.check?.();
  expect(steps).toEqual([expect.objectContaining({ ok: true, detail: expect.stringContaining("192.0.2.0/24") })]);
  expect(JSON.stringify(steps)).not.toContain(SECRET);
});

describe("behind nginx", () => {
  let worker: Server;
  let nginx: RunningNginx;
  let origin = "";
  const outcomes: LoginOutcome[] = [];
  const login = callbackOf(connect({ trustedProxies: ["127.0.0.1"], proxySecret: SECRET }));
  const PATH = "/auth/up/callback";

  beforeAll(async () => {
    worker = createServer(async (request, response) => {
      const url = new URL(request.url ?? "/", origin);
      const only = (name: string) => {
        const values = request.headersDistinct[name.toLowerCase()];
        return values?.length === 1 ? values[0] : undefined;
      };
      outcomes.push(
        await login.finish({
          callbackUrl: `${origin}${PATH}`,
          query: url.searchParams,
          state: STATE,
          data: {},
          asked: NOTHING_ASKED,
          request: { header: only, peer: request.socket.remoteAddress ?? "" },
          now: systemClock(),
        }),
      );
      response.end("done");
    });
    await new Promise<void>((resolve) => worker.listen(0, "127.0.0.1", resolve));
    const upstream = `http://127.0.0.1:${(worker.address() as AddressInfo).port}`;
    nginx = await startNginx({
      upstream,
      protectedPath: PATH,
      people: { mike: "correct horse", zoë: "staple" },
      headers: {
        "X-Remote-User": "$remote_user",
        "X-Remote-User-Id": "",
        "X-Remote-User-Name": "",
        "X-Remote-User-Email": "$remote_user@example.com",
        "X-Remote-Group": "staff, door",
        "X-Auth-Proxy-Secret": SECRET,
      },
    });
    origin = nginx.origin;
  });
  afterAll(async () => {
    await nginx.close();
    await new Promise((resolve) => worker.close(resolve));
  });

  /** A browser's visit, in bytes of its own choice. */
  function visit(url: string, headers: Record<string, string | string[]>): Promise<number> {
    return new Promise((resolve, reject) => {
      const sent = httpRequest(url, { headers, agent: false }, (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode ?? 0));
      });
      sent.on("error", reject).end();
    });
  }
  const basic = (name: string, password: string) => ({
    authorization: `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`,
  });

  test("the browser is sent to our own callback with state, and nginx says who it is", async () => {
    const begun = await login.begin({ callbackUrl: `${origin}${PATH}`, state: STATE, wish: NO_WISH });
    if (begun.kind !== "redirect") throw new Error(begun.kind);
    expect(begun).toEqual({ kind: "redirect", to: `${origin}${PATH}?state=${STATE}`, data: {} });
    expect(await visit(begun.to, {})).toBe(401);
    expect(await visit(begun.to, basic("mike", "wrong"))).toBe(401);
    expect(outcomes).toEqual([]);
    expect(await visit(begun.to, basic("mike", "correct horse"))).toBe(200);
    expect(outcomes.pop()).toMatchObject({
      identity: { remoteId: "mike", email: "mike@example.com", emailVerified: true, groups: ["staff", "door"] },
    });
    expect(await visit(begun.to, basic("zoë", "staple"))).toBe(200);
    expect(outcomes.pop()).toMatchObject({ identity: { remoteId: "zoë", displayName: "zoë" } });
  });

  test("headers that the browser brings itself are not believed (C 190, NET-2)", async () => {
    const forged = { "x-remote-user": "root", "x-remote-user-id": "0", "x-remote-group": "wheel" };
    await visit(`${origin}${PATH}?state=${STATE}`, { ...forged, ...basic("mike", "correct horse") });
    expect(outcomes.pop()).toMatchObject({ identity: { remoteId: "mike", groups: ["staff", "door"] } });
    // Beside the protected path the proxy vouches for nothing.
    await visit(`${origin}/auth/up/callback/?state=${STATE}`, forged);
    expect(outcomes.pop()).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });

  test("around the proxy, from the same machine, they are not believed either (C 190, NET-2)", async () => {
    const { port } = worker.address() as AddressInfo;
    const direct = `http://127.0.0.1:${port}${PATH}?state=${STATE}`;
    await visit(direct, { "x-remote-user": "root" });
    expect(outcomes.pop()).toMatchObject({ kind: "refused", reason: "invalid answer" });
    await visit(direct, { "x-remote-user": ["root", "mike"], "x-auth-proxy-secret": SECRET });
    expect(outcomes.pop()).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });
});
