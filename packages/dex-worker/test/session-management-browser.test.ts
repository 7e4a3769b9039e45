// The session frame in a real browser, in pages of other sites: "localhost" is another site than 127.0.0.1 is.
import { openHttpServer } from "@dex/runtime";
import { type BrowserProfile, openBrowserProfile, submitPassword } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestWorker, PERSON, type TestClient, type TestWorker } from "./worker-server.ts";

type Tab = Awaited<ReturnType<BrowserProfile["newTab"]>>;

/** Asks the frame, and says in its title what it hears within a second. */
const SANDBOXED = `<!DOCTYPE html><title>Sandboxed</title><body><script>
const heard = [];
addEventListener("message", ({ data }) => heard.push(data));
const asked = new URLSearchParams(location.search);
const frame = document.createElement("iframe");
frame.src = asked.get("frame");
frame.addEventListener("load", () => {
  frame.contentWindow.postMessage(asked.get("message"), "*");
  setTimeout(() => { document.title = "heard " + JSON.stringify(heard); }, 1000);
});
document.body.append(frame);
</script>`;

let worker: TestWorker;
let chromium: BrowserProfile;
let application: string;
let stranger: string;
let close: () => Promise<unknown>;
let client: TestClient;
beforeAll(async () => {
  [worker, chromium] = await Promise.all([openTestWorker(), openBrowserProfile({ cookiesInFrames: true })]);
  const open = () =>
    openHttpServer({
      listen: new URL("http://127.0.0.1:0"),
      handler: (request, response) => {
        response.setHeader("Content-Type", "text/html");
        if (request.url?.startsWith("/sandboxed") === true) {
          response.setHeader("Content-Security-Policy", "sandbox allow-scripts");
          response.end(SANDBOXED);
          return;
        }
        response.end('<!DOCTYPE html><title>Application</title><h1 id="arrived">Application</h1>');
      },
    });
  const servers = [await open(), await open()];
  [application = "", stranger = ""] = servers.map(({ url }) => `http://localhost:${url.port}`);
  close = () => Promise.all(servers.map((server) => server.close(0)));
  client = await worker.addClient({
    trusted: true,
    redirectURIs: [`${application}/callback`],
    details: { post_logout_redirect_uris: [`${application}/bye`] },
  });
});
afterAll(async () => {
  await close();
  await Promise.all([worker.close(), chromium.close()]);
});

const authorization = (more: Readonly<Record<string, string>> = {}) =>
  worker.authorizationUrl({ client_id: client.id, redirect_uri: `${application}/callback`, ...more });
const sessionStateOf = (tab: Tab) => new URL(tab.url()).searchParams.get("session_state") ?? expect.fail(tab.url());

async function signIn(tab: Tab, more: Readonly<Record<string, string>> = {}): Promise<string> {
  await tab.goto(authorization(more));
  if ((await tab.locator("#login-form").count()) > 0) await submitPassword(tab, PERSON);
  await tab.waitForSelector("#arrived");
  return sessionStateOf(tab);
}

async function signOut(tab: Tab): Promise<void> {
  const query = { client_id: client.id, post_logout_redirect_uri: `${application}/bye` };
  await tab.goto(`${worker.issuer}/logout?${new URLSearchParams(query)}`);
  await tab.locator("#submit-logout").click();
  await tab.waitForURL(`${application}/bye`);
}

/** Loads the frame into the page that is open and asks it, as an application's own frame does. */
async function ask(tab: Tab, message: unknown): Promise<unknown> {
  const asked: unknown = await tab.evaluate(`new Promise((resolve) => {
    const frame = document.createElement("iframe");
    frame.hidden = true;
    frame.src = ${JSON.stringify(`${worker.issuer}/check-session`)};
    addEventListener("message", ({ data, origin }) => resolve({ data, origin }), { once: true });
    frame.addEventListener("load", () =>
      frame.contentWindow.postMessage(${JSON.stringify(message)}, ${JSON.stringify(new URL(worker.issuer).origin)}));
    document.body.append(frame);
    setTimeout(() => resolve({ data: "no answer" }), 5000);
  })`);
  const { data, origin } = asked as { data: unknown; origin?: string };
  if (origin !== undefined) expect(origin).toBe(new URL(worker.issuer).origin);
  return data;
}

test("an application of another site hears that nothing changed until the person signs out (cert 10 oidcc-session-management-rp-initiated-logout; BRO-14)", async () => {
  const tab = await chromium.newVisitor();
  const state = await signIn(tab);
  expect(await ask(tab, `${client.id} ${state}`)).toBe("unchanged");
  const other = await chromium.newTab();
  await signOut(other);
  expect(await ask(tab, `${client.id} ${state}`)).toBe("changed");
  await tab.goto(authorization({ prompt: "none" }));
  await tab.waitForSelector("#arrived");
  expect(new URL(tab.url()).searchParams.get("error")).toBe("login_required");
  expect(await ask(tab, `${client.id} ${sessionStateOf(tab)}`)).toBe("unchanged");
});

test("it hears of another sign-in, and a silent request sets it right", async () => {
  const tab = await chromium.newVisitor();
  const before = await signIn(tab);
  const after = await signIn(tab, { prompt: "login" });
  expect(await ask(tab, `${client.id} ${before}`)).toBe("changed");
  expect(await ask(tab, `${client.id} ${after}`)).toBe("unchanged");
  expect(await ask(tab, `${client.id} ${await signIn(tab, { prompt: "none" })}`)).toBe("unchanged");
});

test("another origin learns nothing with the session_state of the application (BRO-14)", async () => {
  const tab = await chromium.newVisitor();
  const state = await signIn(tab);
  // The second is of the issuer's own site, and of another origin all the same.
  for (const origin of [stranger, stranger.replace("localhost", "127.0.0.1")]) {
    await tab.goto(origin);
    expect(await ask(tab, `${client.id} ${state}`), origin).toBe("changed");
    await signOut(await chromium.newTab());
    expect(await ask(tab, `${client.id} ${state}`), origin).toBe("changed");
    await tab.goto(authorization());
    await submitPassword(tab, PERSON);
    await tab.waitForSelector("#arrived");
  }
});

test("what is no message of an application is an error, and harms nothing (BRO-14)", async () => {
  const tab = await chromium.newVisitor();
  const state = await signIn(tab);
  const [hash, salt] = state.split(".");
  const garbage: readonly unknown[] = [
    ...["", " ", client.id, state, `${client.id} `, ` ${state}`, `${client.id} ${hash}`, `${client.id} ${hash}.`],
    ...[`${client.id}  ${state}`, `${client.id} ${state} `, `${client.id} ${state}\n`, `${client.id} ${salt}.${hash}`],
    ...[`${"x".repeat(5000)} ${state}`, `${client.id} <script>alert(1)</script>`, "\u0000", "\ud800 x.y"],
    ...[null, 1, true, [client.id, state], { message: `${client.id} ${state}` }, { toString: "x", length: 3 }],
  ];
  for (const message of garbage) expect(await ask(tab, message), JSON.stringify(message)).toBe("error");
  expect(await ask(tab, `another-client ${state}`)).toBe("changed");
  expect(await ask(tab, `${client.id} ${state}`)).toBe("unchanged");
});

test("a page without an origin of its own gets no answer (BRO-14)", async () => {
  const tab = await chromium.newVisitor();
  const state = await signIn(tab);
  const query = new URLSearchParams({ frame: `${worker.issuer}/check-session`, message: `${client.id} ${state}` });
  await tab.goto(`${stranger}/sandboxed?${query}`);
  await tab.waitForFunction(`document.title.startsWith("heard")`);
  expect(await tab.title()).toBe("heard []");
});

test("a visitor who has never been here is told that it changed, not that it cannot be told", async () => {
  const tab = await chromium.newVisitor();
  await tab.goto(application);
  expect(await ask(tab, `${client.id} ${"a".repeat(43)}.${"b".repeat(22)}`)).toBe("changed");
});

test("a browser that keeps cookies from frames of other sites is told that it cannot be told, so that nobody is signed out", async () => {
  const strict = await openBrowserProfile({ cookiesInFrames: false });
  try {
    const tab = await strict.newVisitor();
    const state = await signIn(tab);
    expect(await ask(tab, `${client.id} ${state}`)).toBe("error");
  } finally {
    await strict.close();
  }
});
