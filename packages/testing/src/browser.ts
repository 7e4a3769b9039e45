import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const ACTION_MILLISECONDS = 10_000;
// Tests may run as root, where Chromium has no sandbox.
const ARGUMENTS = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-dev-shm-usage"];
const executable = () => process.env.CHROMIUM_PATH || "/usr/bin/chromium";

/** A real Chromium. Each visitor has a profile of its own, as a person at another computer would. */
export interface RealBrowser {
  /** A tab of a fresh profile. */
  newVisitor(): Promise<Page>;
  /** Another tab of the same profile. */
  newTab(page: Page): Promise<Page>;
  close(): Promise<void>;
}

/**
 * Starts Chromium: /usr/bin/chromium, or the one that CHROMIUM_PATH names. With `certificates` it takes those of a private
 * authority too; `namedHere` are hosts that it finds on this machine.
 */
export async function openBrowser(
  options: { certificates?: "any"; namedHere?: readonly string[] } = {},
): Promise<RealBrowser> {
  const hosts = (options.namedHere ?? []).map((host) => `MAP ${host} 127.0.0.1`).join(", ");
  const browser: Browser = await chromium.launch({
    executablePath: executable(),
    args: [...ARGUMENTS, `--host-resolver-rules=${hosts}`],
  });
  const newTabOf = async (context: BrowserContext) => {
    const page = await context.newPage();
    page.setDefaultTimeout(ACTION_MILLISECONDS);
    return page;
  };
  return {
    newVisitor: async () => newTabOf(await browser.newContext({ ignoreHTTPSErrors: options.certificates === "any" })),
    newTab: (page) => newTabOf(page.context()),
    close: () => browser.close(),
  };
}

/** A real Chromium with a single profile, for what a new one does not begin with. */
export interface BrowserProfile {
  /** A tab of this profile as it is when somebody uses it first. */
  newVisitor(): Promise<Page>;
  /** Another tab, with all that was kept. */
  newTab(): Promise<Page>;
  close(): Promise<void>;
}

/** Whether frames of another site have their cookies is a setting, and builds of Chromium differ in what it is at first. */
export async function openBrowserProfile(settings: { cookiesInFrames: boolean }): Promise<BrowserProfile> {
  const directory = await mkdtemp(join(tmpdir(), "dex-browser-"));
  const profile = { cookie_controls_mode: settings.cookiesInFrames ? 0 : 1 };
  await mkdir(join(directory, "Default"));
  await writeFile(join(directory, "Default", "Preferences"), JSON.stringify({ profile }));
  const context = await chromium.launchPersistentContext(directory, {
    executablePath: executable(),
    args: ARGUMENTS,
  });
  context.setDefaultTimeout(ACTION_MILLISECONDS);
  return {
    async newVisitor() {
      await context.clearCookies();
      return context.newPage();
    },
    newTab: () => context.newPage(),
    async close() {
      await context.close();
      await rm(directory, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Fills in dex's password form on the page that is open, and sends it. */
export async function submitPassword(page: Page, user: { email: string; password: string }): Promise<void> {
  await page.locator("#login-form #login").fill(user.email);
  await page.locator("#login-form #password").fill(user.password);
  await page.locator("#submit-login").click();
}

/** Waits for `selector`, and allows what the client asks for if dex asks the person first. */
export async function waitPastConsent(page: Page, selector: string): Promise<void> {
  const either = page.locator(`#approve, ${selector}`).first();
  await either.waitFor();
  if (await page.locator("#approve").isVisible()) await page.locator("#approve").click();
  await page.locator(selector).first().waitFor();
}
