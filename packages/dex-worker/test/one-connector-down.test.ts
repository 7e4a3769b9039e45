// One way to sign in that does not work, for whatever reason, is shown as such and changes nothing for the others.
import { makeConnectorSealer, type StoredConnector, sealConnector } from "@dex/connectors";
import { Secret, systemRandom } from "@dex/runtime";
import { type FakeGithubPerson, type FakeOAuth2Server, findFreePorts, startFakeGithub } from "@dex/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestWorker, type TestWorker } from "./worker-server.ts";

const SECRET = "upstream-secret-canary";
const LOCAL: StoredConnector = { id: "local", type: "local", config: {} };

let worker: TestWorker;
let github: FakeOAuth2Server<FakeGithubPerson>;
let good: StoredConnector;
let nobody: string;

beforeAll(async () => {
  worker = await openTestWorker(["--enable-automatic-registration"]);
  const registration = { clientID: "dex", clientSecret: SECRET };
  github = await startFakeGithub({
    clientId: "dex",
    clientSecret: SECRET,
    redirectUris: [`${worker.issuer}/auth/good/callback`],
    people: [{ id: 1, login: "grace", emails: [{ email: "grace@example.com", verified: true, primary: true }] }],
  });
  good = { id: "good", type: "github", config: { ...registration, baseURL: github.url, apiURL: `${github.url}/api` } };
  const [port = 0] = await findFreePorts(1);
  nobody = `127.0.0.1:${port}`;
});
afterAll(async () => {
  await worker?.close();
  await github?.close();
});

interface Trouble {
  readonly what: string;
  make(): StoredConnector;
  /** Whether it is known before anybody asks the upstream. */
  readonly opens: boolean;
  /** What the operator reads. */
  readonly says: RegExp;
}

const foreign = makeConnectorSealer({
  secrets: [new Secret(Buffer.alloc(32, 9))],
  salt: Buffer.alloc(32, 1),
  random: systemRandom,
});
const oidc = (config: Readonly<Record<string, string>>): StoredConnector => ({
  id: "bad",
  type: "oidc",
  config: { clientID: "dex", clientSecret: SECRET, ...config },
});
const troubles: readonly Trouble[] = [
  { what: "its configuration makes no sense", make: () => oidc({}), opens: false, says: /issuer/ },
  {
    what: "no key opens its secret",
    make: () => sealConnector(oidc({ issuer: `http://${nobody}` }), foreign).connector,
    opens: false,
    says: /clientSecret/,
  },
  {
    what: "another build knows its type",
    make: () => ({ id: "bad", type: "telepathy", config: { clientSecret: SECRET } }),
    opens: false,
    says: /telepathy/,
  },
  {
    what: "nobody listens at its upstream",
    make: () => oidc({ issuer: `http://${nobody}` }),
    opens: true,
    says: /ECONNREFUSED/,
  },
  {
    what: "nobody listens at its directory",
    make: () => ({
      id: "bad",
      type: "ldap",
      config: { host: nobody, insecureNoSSL: true, userSearch: { baseDN: "dc=example,dc=org", username: "uid" } },
    }),
    opens: true,
    says: /ECONNREFUSED/,
  },
  {
    what: "its redirectURI is none of ours",
    make: () => oidc({ issuer: `http://${nobody}`, redirectURI: "https://elsewhere.example/callback" }),
    opens: true,
    says: /redirectURI/,
  },
];

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const signInLocally = async () => {
  const end = await worker.signIn(worker.browser(), { connector_id: "local" });
  expect(end.searchParams.has("code")).toBe(true);
};
const signInUpstream = async () => {
  const end = await worker.browser().open(worker.authorizationUrl({ connector_id: "good", scope: "openid email" }));
  expect(end.url.searchParams.has("code")).toBe(true);
};

/** How long a sign-in of each good way takes: the median of some, taken in turn. */
async function timeTheGoodOnes(): Promise<{ local: number; upstream: number }> {
  const local: number[] = [];
  const upstream: number[] = [];
  for (let n = 0; n < 9; n += 1) {
    local.push(await timed(signInLocally));
    upstream.push(await timed(signInUpstream));
  }
  return { local: median(local), upstream: median(upstream) };
}
async function timed(step: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await step();
  return performance.now() - started;
}
/** What waits for a bad upstream waits for seconds; what else runs on the machine makes medians differ by some 10 ms. */
const NOISE_MILLISECONDS = 150;

const health = async () => (await fetch(`${worker.issuer}/health`)).status;
const linesSince = (from: number) => worker.log.slice(from).join("\n");

describe.each(troubles)("a connector of which $what", ({ make, opens, says }) => {
  test("is said to be unavailable, on the page and in the log, and its own address leads nowhere (C 2, C 4)", async () => {
    const from = worker.log.length;
    await worker.setConnectors([LOCAL, make(), good]);
    const browser = worker.browser();
    const chooser = await browser.open(worker.authorizationUrl());
    expect(chooser.text).toMatch(/<a\b[^>]*id="connector-local"/);
    expect(chooser.text).toMatch(/<a\b[^>]*id="connector-good"/);
    if (opens) expect(chooser.text).toMatch(/<a\b[^>]*id="connector-bad"/);
    else expect(chooser.text).toMatch(/<span class="choice unavailable" id="connector-bad"/);

    let page = await browser.open(worker.authorizationUrl({ connector_id: "bad" }));
    if (page.status === 200)
      page = await browser.submit(page, { login: "grace", password: "x" }, { formId: "login-form" });
    expect(page.status).toBe(opens ? 503 : 404);
    expect(page.headers.get("content-type")).toContain("text/html");
    if (!opens) expect(page.text).toContain("please choose another one");
    const back = /<a\b[^>]*\bid="(?:back|other-ways)"[^>]*\bhref="([^"]*)"/.exec(page.text)?.[1] ?? "";
    const again = await browser.open(new URL(back.replaceAll("&amp;", "&"), page.url));
    expect(again).toMatchObject({ status: 200, text: expect.stringContaining('id="connector-good"') });

    const log = linesSince(from);
    expect(log).toMatch(new RegExp(`"connectorId":"bad".*${says.source}`));
    expect(log).not.toContain(SECRET);
    expect(log.includes("ERROR: connector cannot be opened")).toBe(!opens);
  });

  test("changes nothing for the others: health, and how long they take (C 4)", async () => {
    await worker.setConnectors([LOCAL, good]);
    const alone = await timeTheGoodOnes();
    await worker.setConnectors([LOCAL, make(), good]);
    expect(await health()).toBe(200);
    const visits = Array.from({ length: 10 }, () =>
      worker.browser().open(worker.authorizationUrl({ connector_id: "bad" })),
    );
    const beside = await timeTheGoodOnes();
    await Promise.all(visits);
    expect(beside.local).toBeLessThan(alone.local * 1.05 + NOISE_MILLISECONDS);
    expect(beside.upstream).toBeLessThan(alone.upstream * 1.05 + NOISE_MILLISECONDS);
    expect(github.violations).toEqual([]);
  });
});

describe("when none of them works", () => {
  test("the worker serves all the same and says so in the log: the page shows them, greyed out (C 5, C 6)", async () => {
    const from = worker.log.length;
    const broken = troubles.filter(({ opens }) => !opens).map(({ make }, index) => ({ ...make(), id: `bad-${index}` }));
    await worker.setConnectors(broken);
    expect(await health()).toBe(200);
    for (const path of ["keys", ".well-known/openid-configuration"]) {
      expect((await fetch(`${worker.issuer}/${path}`)).status).toBe(200);
    }
    const chooser = await worker.browser().open(worker.authorizationUrl());
    expect(chooser.status).toBe(200);
    expect(chooser.text.match(/unavailable" id="connector-bad-/g)).toHaveLength(broken.length);
    const errors = worker.log.slice(from).filter((line) => line.startsWith("ERROR: connector cannot be opened"));
    expect(errors).toHaveLength(broken.length);
    for (const { id } of broken) expect(errors.join("\n")).toContain(`"connectorId":"${id}"`);
  });

  test("they work again, at once, when they are put right (C 4)", async () => {
    await worker.setConnectors([LOCAL, good]);
    await signInLocally();
    await signInUpstream();
  });
});
