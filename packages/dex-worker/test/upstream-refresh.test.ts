import { createServer } from "node:http";
import { addSeconds } from "@dex/runtime";
import {
  type FakeGithubPerson,
  type FakeOAuth2Server,
  findInDatabase,
  queryDatabase,
  startFakeGithub,
} from "@dex/testing";
import { decodeJwt } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openTestWorker, REDIRECT_URI, type TestWorker, type TokenBody } from "./worker-server.ts";

const REGISTRATION = { clientID: "dex", clientSecret: "upstream-secret-canary" };
const SCOPE = "openid email profile groups offline_access";
const [NAVY, YALE] = ["navy:Crew", "yale:Crew"];
const team = (org: string) => ({ org, name: "Crew", slug: "crew" });
const grace: FakeGithubPerson = {
  id: 1,
  login: "grace",
  name: "Grace Hopper",
  emails: [{ email: "grace@example.com", verified: true, primary: true }],
  orgs: ["navy", "yale"],
  teams: [team("navy"), team("yale")],
};

let worker: TestWorker;
let github: FakeOAuth2Server<FakeGithubPerson>;
let gate: Awaited<ReturnType<typeof openGate>>;
let another: string;

beforeAll(async () => {
  worker = await openTestWorker(["--enable-automatic-registration"]);
  github = await startFakeGithub({
    clientId: REGISTRATION.clientID,
    clientSecret: REGISTRATION.clientSecret,
    redirectUris: [`${worker.issuer}/auth/github/callback`],
    people: [grace],
    app: "GitHub app",
  });
  gate = await openGate(() => github.url);
  await worker.setConnectors([
    { id: "local", type: "local", config: {} },
    {
      id: "github",
      type: "github",
      config: {
        ...REGISTRATION,
        baseURL: github.url,
        apiURL: `${gate.url}/api`,
        orgs: [{ name: "navy" }, { name: "yale" }],
      },
    },
  ]);
  another = await worker.openAnother();
});
afterAll(async () => {
  for (const server of [gate, github, worker]) await server?.close();
});
beforeEach(() => {
  const [person] = github.people;
  if (person !== undefined) github.replace(person, grace);
  github.reset();
  gate.open();
  worker.takeStatements();
});
afterEach(() => expect(worker.log.join("\n")).not.toContain(REGISTRATION.clientSecret)); // LOG-1

/** Stands before GitHub's API and can hold every request back. */
async function openGate(target: () => string) {
  let opened: Promise<void> = Promise.resolve();
  let release = () => {};
  let waiting = 0;
  const server = createServer((request, response) => {
    waiting += 1;
    void opened.then(async () => {
      const headers = Object.entries(request.headers).filter(([name]) => name !== "host" && name !== "connection");
      const answer = await fetch(`${target()}${request.url}`, {
        headers: headers.map(([name, value]): [string, string] => [name, String(value)]),
        redirect: "manual",
      });
      response
        .writeHead(answer.status, { "content-type": "application/json" })
        .end(Buffer.from(await answer.arrayBuffer()));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the gate has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    /** Requests that came so far. */
    arrived: () => waiting,
    shut() {
      opened = new Promise((resolve) => {
        release = resolve;
      });
    },
    open: () => release(),
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

async function signIn(scope = SCOPE): Promise<TokenBody> {
  const end = await worker.browser().open(worker.authorizationUrl({ scope, connector_id: "github" }));
  const code = end.url.searchParams.get("code") ?? "";
  const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
  worker.takeStatements();
  github.requests.length = 0;
  return body;
}

const refresh = (token: string | undefined, tokenUrl?: string) =>
  worker.token({ grant_type: "refresh_token", refresh_token: token ?? "" }, undefined, tokenUrl);
const asked = () => github.requests.filter(({ path }) => path === "/api/user").length;
const groupsIn = ({ id_token = "" }: TokenBody) => decodeJwt(id_token).groups;
const change = (person: Partial<FakeGithubPerson>) => {
  const [before] = github.people;
  if (before !== undefined) github.replace(before, { ...before, ...person });
};
const grantRow = async () => {
  const [row] = await queryDatabase<{ sealed: Buffer; outcome: string; lease: string | null }>(
    worker.databaseUrl,
    "SELECT sealed, outcome, lease FROM upstream_grant",
  );
  return row;
};

describe("a refresh", () => {
  test("asks the upstream, and groups that changed there are in the next ID token and in userinfo (REF-13)", async () => {
    const first = await signIn();
    expect(groupsIn(first)).toEqual([NAVY, YALE]);
    change({ orgs: ["yale"], teams: [team("yale")], login: "rear-admiral" });
    const { status, body } = await refresh(first.refresh_token);
    expect(status).toBe(200);
    expect(groupsIn(body)).toEqual([YALE]);
    expect(decodeJwt(body.id_token ?? "")).toMatchObject({ preferred_username: "rear-admiral" });
    // The access token of before the refresh tells the same family.
    for (const token of [first.access_token, body.access_token]) {
      const userinfo = await fetch(`${worker.issuer}/userinfo`, { headers: { Authorization: `Bearer ${token}` } });
      expect(await userinfo.json()).toMatchObject({ groups: [YALE] });
    }
  });

  test("that asks costs five round trips, and none is under way while the upstream is waited for", async () => {
    const first = await signIn();
    const before = gate.arrived();
    gate.shut();
    const refreshing = refresh(first.refresh_token);
    await expect.poll(() => gate.arrived()).toBe(before + 1);
    const busy = await queryDatabase<{ state: string }>(
      worker.databaseUrl,
      "SELECT state FROM pg_stat_activity WHERE application_name = 'dex-worker-test' AND state <> 'idle' AND datname = current_database()",
    );
    expect(busy).toEqual([]);
    gate.open();
    expect((await refreshing).status).toBe(200);
    const statements = ["family.rotate", "family.find", "upstreamGrant.lease", "upstreamGrant.settle", "family.rotate"];
    expect(worker.takeStatements()).toEqual(statements);
  });

  test("after a rotation upstream keeps the new grant before it is used (C 19)", async () => {
    github.behaviours.tokenResponse = { expires_in: 5 };
    const first = await signIn();
    const before = await grantRow();
    const { status, body } = await refresh(first.refresh_token);
    expect(status).toBe(200);
    expect(worker.takeStatements()).toContain("upstreamGrant.keep");
    expect((await grantRow())?.sealed).not.toEqual(before?.sealed);
    // The fake takes each of its refresh tokens once.
    expect((await refresh(body.refresh_token)).status).toBe(200);
    expect(github.violations).toEqual([]);
  });

  test("of who was refused upstream gives no tokens, ends nothing, and works again once they are welcome (REF-13, P5)", async () => {
    const first = await signIn();
    change({ orgs: [] });
    const refused = await refresh(first.refresh_token);
    expect(refused).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    expect(refused.body).not.toHaveProperty("access_token");
    expect((await grantRow())?.outcome).toBe("refused");
    const logged = worker.log.filter((line) => line.includes("request failed") && line.includes("upstream refused"));
    expect(logged.at(-1)).toMatch(/^WARN: .*"requestId":"[^"]+"/);
    // Not spent: it is neither replayed nor used up.
    change({ orgs: ["navy"] });
    expect((await refresh(first.refresh_token)).status).toBe(200);
  });

  test("ends the sessions of who was refused: the next sign-in asks the upstream, which refuses (P5)", async () => {
    const browser = worker.browser();
    const end = await browser.open(worker.authorizationUrl({ scope: SCOPE, connector_id: "github" }));
    const code = end.url.searchParams.get("code") ?? "";
    const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
    change({ orgs: [] });
    expect((await refresh(body.refresh_token)).status).toBe(400);
    const silent = await browser.open(worker.authorizationUrl({ prompt: "none" }));
    expect(silent.url.searchParams.get("error")).toBe("login_required");
    expect((await browser.open(worker.authorizationUrl({ connector_id: "github" }))).status).toBe(403);
  });

  test.each(["status 500", "status 503"] as const)(
    "while the upstream answers with %s is 503 with Retry-After, and the token is not spent (REF-13)",
    async (trouble) => {
      const first = await signIn();
      github.behaviours.endpoints["/api/user"] = trouble;
      const { status, body, headers } = await refresh(first.refresh_token);
      expect([status, body.error]).toEqual([503, "temporarily_unavailable"]);
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
      github.behaviours.endpoints = {};
      expect((await grantRow())?.lease).toBeNull();
      expect((await refresh(first.refresh_token)).status).toBe(200);
    },
  );

  test.each([{ tokenResponse: { access_token: "of nobody" } }, { endpoints: { "/api/user": "not json" as const } }])(
    "refuses an answer that cannot be believed, and nothing is spent (REF-13): %j",
    async (lie) => {
      github.behaviours.tokenResponse = { expires_in: 5 };
      const first = await signIn();
      Object.assign(github.behaviours, lie);
      expect((await refresh(first.refresh_token)).body.error).toBe("invalid_grant");
      expect(await queryDatabase(worker.databaseUrl, "SELECT FROM token_family WHERE revoked_at IS NOT NULL")).toEqual(
        [],
      );
    },
  );

  test("with a token that was used a moment ago gives no tokens to who was refused since (REF-3, P5)", async () => {
    const first = await signIn();
    const second = (await refresh(first.refresh_token)).body;
    change({ orgs: [] });
    expect((await refresh(second.refresh_token)).status).toBe(400);
    expect((await refresh(first.refresh_token)).body.error).toBe("invalid_grant");
  });

  test("of a session that asked for no groups leaves the groups of others alone", async () => {
    const wide = await signIn();
    const narrow = await signIn("openid offline_access");
    expect((await refresh(narrow.refresh_token)).status).toBe(200);
    expect(groupsIn((await refresh(wide.refresh_token)).body)).toEqual([NAVY, YALE]);
  });
});

describe("of many refreshes at once", () => {
  let refusals = 0;
  beforeEach(() => {
    refusals = 0;
  });
  /** Requests that have found that they must wait for the upstream's answer. */
  function countRefusals(): number {
    refusals += worker.takeStatements().filter((name) => name === "family.find").length;
    return refusals;
  }

  test("over two workers one asks the upstream, and all get its answer (REF-4, REF-13)", async () => {
    const families: TokenBody[] = [];
    for (let index = 0; index < 20; index += 1) families.push(await signIn());
    const before = gate.arrived();
    gate.shut();
    const answers = families.map((family, index) =>
      refresh(family.refresh_token, index % 2 === 0 ? another : undefined),
    );
    await expect.poll(() => gate.arrived()).toBe(before + 1);
    await expect.poll(countRefusals).toBe(20);
    gate.open();
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    expect(asked()).toBe(1);
  });

  test("with one token one family lives, and the upstream is asked once (REF-4)", async () => {
    const first = await signIn();
    const before = gate.arrived();
    gate.shut();
    const answers = Array.from({ length: 12 }, (_, index) =>
      refresh(first.refresh_token, index % 2 === 0 ? another : undefined),
    );
    await expect.poll(countRefusals).toBe(12);
    await expect.poll(() => gate.arrived()).toBe(before + 1);
    gate.open();
    const bodies = (await Promise.all(answers)).map(({ status, body }) => {
      expect(status).toBe(200);
      return body;
    });
    expect(new Set(bodies.map(({ refresh_token }) => refresh_token)).size).toBe(1);
    expect(asked()).toBe(1);
  });

  test("the lease of a worker that died is taken over when it ends (REF-6)", async () => {
    const first = await signIn();
    const [owner] = await queryDatabase<{ user_id: string }>(worker.databaseUrl, "SELECT user_id FROM upstream_grant");
    const now = new Date();
    const dead = { id: "00000000-0000-4000-8000-00000000dead", until: addSeconds(now, 1) };
    const grant = { userId: owner?.user_id ?? "", connectorId: "github" };
    expect((await worker.storage.upstreamGrants.lease(grant, dead, now, now))?.leased).toBeDefined();
    expect((await refresh(first.refresh_token)).status).toBe(200);
    expect(asked()).toBe(1);
    expect(
      await worker.storage.upstreamGrants.settle(grant, dead.id, { kind: "refused", gone: false }, new Date()),
    ).toBe(false);
    expect((await grantRow())?.outcome).toBe("good");
  });
});

describe("what an upstream gave", () => {
  test("cannot be read in the database (C 20)", async () => {
    await signIn();
    const shown = github.requests.length;
    await refresh((await signIn()).refresh_token);
    const tokens = github.requests
      .slice(shown)
      .map(({ headers }) => /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1])
      .filter((token) => token !== undefined);
    expect(tokens.length).toBeGreaterThan(0);
    for (const token of tokens) expect(await findInDatabase(worker.databaseUrl, token)).toEqual([]);
  });

  test("stays when a later sign-in gives nothing (C 19)", async () => {
    const first = await signIn();
    const before = await grantRow();
    await signIn("openid");
    expect((await grantRow())?.sealed).toEqual(before?.sealed);
    expect((await refresh(first.refresh_token)).status).toBe(200);
    expect(asked()).toBe(1);
  });

  test("is forgotten with its connector, and when that comes back people sign in again", async () => {
    const first = await signIn();
    const all = await worker.storage.connectors.list();
    await worker.setConnectors(all.filter(({ id }) => id !== "github"));
    expect((await grantRow())?.sealed).toBeNull();
    expect((await refresh(first.refresh_token)).body.error).toBe("invalid_grant");
    await worker.setConnectors(all);
    expect((await refresh(first.refresh_token)).body.error).toBe("invalid_grant");
    expect((await refresh((await signIn()).refresh_token)).status).toBe(200);
    expect((await refresh(first.refresh_token)).status).toBe(200);
  });

  test("is not sent to another upstream that takes the connector's place", async () => {
    const first = await signIn();
    const all = await worker.storage.connectors.list();
    const moved = all.map((one) =>
      one.id === "github" ? { ...one, config: { ...one.config, clientID: "other" } } : one,
    );
    await worker.setConnectors(moved);
    expect((await refresh(first.refresh_token)).body.error).toBe("invalid_grant");
    expect(github.requests).toEqual([]);
    await worker.setConnectors(all);
  });

  test("is asked for again where a session did not ask for it", async () => {
    const browser = worker.browser();
    await browser.open(worker.authorizationUrl({ scope: "openid", connector_id: "github" }));
    github.requests.length = 0;
    const silent = await browser.open(worker.authorizationUrl({ scope: SCOPE, prompt: "none" }));
    expect(silent.url.searchParams.get("code")).not.toBeNull();
    expect(github.requests).toEqual([]);
    const end = await browser.open(worker.authorizationUrl({ scope: SCOPE }));
    const code = end.url.searchParams.get("code") ?? "";
    const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
    expect(groupsIn(body)).toEqual([NAVY, YALE]);
    github.requests.length = 0;
    await browser.open(worker.authorizationUrl({ scope: SCOPE }));
    expect(github.requests).toEqual([]);
  });
});
