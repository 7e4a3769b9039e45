// One visitor: makes an account, confirms it from the mail, signs in, and perhaps forgets the password.
import { type FleetFacts, finishSignIn, hasForm, type MailSink, openFormBrowser, type Page } from "@dex/testing";
import type { RelyingParty } from "../relying-party.ts";
import type { Ledger } from "./ledger.ts";

export interface VisitorParts {
  readonly facts: FleetFacts;
  readonly party: RelyingParty;
  readonly mailServer: MailSink;
  readonly ledger: Ledger;
  /** How long to wait for a mail. A worker that died with it keeps it for ten minutes. */
  readonly patienceSeconds: number;
}

/** A password that is long and of nobody else. */
const passwordOf = (number: number, generation: number) => `visitor ${number} sings in the ${generation}th choir`;

/** The whole visit of the person with this number. Throws when a mail does not come in time. */
export async function visit(number: number, forgetful: boolean, parts: VisitorParts): Promise<void> {
  const { ledger } = parts;
  const email = `visitor-${number}@example.com`;
  const browser = openFormBrowser({ stopAt: [parts.party.redirectUri], sourceAddress: addressOf(number) });
  const user = { email, password: passwordOf(number, 1) };

  const { url } = await parts.party.begin("openid email");
  url.searchParams.set("register", "1");
  const form = await ledger.patiently("the registration page", () => browser.open(url));
  expectForm(form, "register-form");
  await ledger.patiently("registering", () => browser.submit(form, user, { formId: "register-form" }));
  ledger.registered.add(email);

  const confirmation = await parts.mailServer.waitFor(email, /\/verify-email\?token=/, parts.patienceSeconds * 1000);
  const page = await ledger.patiently("the confirmation page", () => browser.open(confirmation.link ?? ""));
  expectForm(page, "confirm-address-form");
  const confirmed = await ledger.patiently("confirming", () =>
    browser.submit(page, {}, { formId: "confirm-address-form" }),
  );
  await signIn(user, parts, number, confirmed);
  ledger.signedIn.add(email);
  if (forgetful) await resetPassword(email, number, parts);
}

async function signIn(
  user: { email: string; password: string },
  { facts, party, ledger }: VisitorParts,
  number: number,
  after: Page,
): Promise<void> {
  if (after.status >= 400) throw new Error(`confirming was answered with ${after.status}`);
  const browser = openFormBrowser({ stopAt: [party.redirectUri], sourceAddress: addressOf(number) });
  const { url } = await party.begin("openid email");
  for (let tries = 0; ; tries++) {
    const first = await ledger.patiently("the sign-in page", () => browser.open(url));
    try {
      const end = await finishSignIn(browser, first, user);
      if (!end.searchParams.has("code")) throw new Error(`sign-in at ${facts.issuer} ended without a code`);
      return;
    } catch (error) {
      // A worker died between two pages; the person begins again.
      if (tries === 10 || !/status 503/.test(String(error))) throw error;
    }
  }
}

async function resetPassword(email: string, number: number, parts: VisitorParts): Promise<void> {
  const { facts, ledger, mailServer } = parts;
  const browser = openFormBrowser({ sourceAddress: addressOf(number) });
  const start = `${facts.issuer}/send-reset-password?client_id=${encodeURIComponent(facts.client.id)}`;
  const form = await ledger.patiently("the reset page", () => browser.open(start));
  expectForm(form, "send-reset-password-form");
  await ledger.patiently("asking for a reset", () =>
    browser.submit(form, { email }, { formId: "send-reset-password-form" }),
  );
  const mail = await mailServer.waitFor(email, /\/reset-password\?token=/, parts.patienceSeconds * 1000);
  const page = await ledger.patiently("the new-password page", () => browser.open(mail.link ?? ""));
  expectForm(page, "reset-password-form");
  const password = passwordOf(number, 2);
  const fields = { password, password_confirm: password };
  const done = await ledger.patiently("resetting", () =>
    browser.submit(page, fields, { formId: "reset-password-form" }),
  );
  await signIn({ email, password }, parts, number, done);
  ledger.resets.done += 1;
}

function expectForm(page: Page, id: string): void {
  if (!hasForm(page, id)) {
    const heading = /<h1[^>]*>([\s\S]*?)<\/h1>/.exec(page.text)?.[1] ?? page.text.slice(0, 200);
    throw new Error(`expected the form ${id}, found status ${page.status}: ${heading}`);
  }
}

/** Everybody comes from an address of their own, or they would be taken for one who tries too often. */
function addressOf(number: number): string {
  return `127.${1 + ((number >> 16) & 63)}.${(number >> 8) & 255}.${1 + (number & 127)}`;
}
