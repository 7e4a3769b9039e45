// Steps that the tests of registration share.
import { type FormBrowser, type Page, queryDatabase } from "@dex/testing";
import type { TestWorker } from "./worker-server.ts";

export const CHOSEN = "purple kettle on the windowsill";

interface Registered {
  readonly id: string;
  readonly email_verified: boolean;
  readonly display_name: string | null;
}

/** What is known of an address. */
export async function rowsOf(worker: TestWorker, email: string) {
  const read = <Row extends object>(sql: string) => queryDatabase<Row>(worker.databaseUrl, sql, [email]);
  const [users, registrations, mails] = await Promise.all([
    read<Registered>("SELECT id, email_verified, display_name FROM app_user WHERE email = $1"),
    read<{ id: string }>("SELECT id FROM registration WHERE email = $1 ORDER BY created_at DESC"),
    read<{ kind: string }>("SELECT kind FROM outbox WHERE email = $1"),
  ]);
  return { users, registrations, mails };
}

/** Asks for an account with a password and returns the page that follows. */
export async function register(
  worker: TestWorker,
  browser: FormBrowser,
  email: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Page> {
  const form = await browser.open(worker.authorizationUrl({ register: "1", ...more }));
  return browser.submit(form, { email, password: CHOSEN }, { formId: "register-form" });
}

/** The link that is mailed for the last registration with this address. */
export async function mailedLink(worker: TestWorker, email: string): Promise<string> {
  const { registrations } = await rowsOf(worker, email);
  const id = registrations[0]?.id;
  if (id === undefined) throw new Error(`nobody registered ${email}`);
  return `${worker.issuer}/verify-email?token=${worker.linkTokens.issue("registration", id)}`;
}
