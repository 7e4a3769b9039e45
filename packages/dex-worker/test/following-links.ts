// Mails as whoever reads them has them: which were promised, and the links in them.
import { type FormBrowser, type Page, queryDatabase, readForm } from "@dex/testing";
import type { LinkPurpose } from "@dex/users";
import type { TestWorker } from "./worker-server.ts";

export const CHOSEN = "purple kettle on the windowsill";
export const GONE = "This link cannot be used";

interface ResetMail {
  readonly id: string;
  readonly client_id: string | null;
  readonly redirect_uri: string | null;
  readonly flow_id: string | null;
}

/** The mails about a new password that were asked for with this address, oldest first. */
export const resetMails = (worker: TestWorker, email: string): Promise<readonly ResetMail[]> =>
  queryDatabase<ResetMail>(
    worker.databaseUrl,
    "SELECT id, client_id, redirect_uri, flow_id FROM outbox WHERE kind = 'password-reset' AND email = $1 ORDER BY occurred_at",
    [email],
  );

/** The link in the last of them, opened as when it is sent; `sent` is what became of the mail. */
export async function sendResetMail(worker: TestWorker, email: string): Promise<{ link: string; sent: string }> {
  const id = (await resetMails(worker, email)).at(-1)?.id;
  if (id === undefined) throw new Error(`nobody asked for a new password for ${email}`);
  const sent = await worker.storage.accountLinks.openPasswordReset({ id, email }, new Date());
  return { link: linkTo(worker, "reset-password", "reset password", id), sent };
}

/** The link in the last mail of this kind to the user. */
export async function linkOf(
  worker: TestWorker,
  userId: string,
  { kind, place, purpose }: { kind: string; place: string; purpose: LinkPurpose },
): Promise<string> {
  const [mail] = await queryDatabase<{ link_id: string }>(
    worker.databaseUrl,
    "SELECT link_id FROM outbox WHERE user_id = $1 AND kind = $2 ORDER BY occurred_at DESC LIMIT 1",
    [userId, kind],
  );
  if (mail === undefined) throw new Error(`no mail ${kind} was promised`);
  return linkTo(worker, place, purpose, mail.link_id);
}

export const linkTo = ({ issuer, linkTokens }: TestWorker, place: string, purpose: LinkPurpose, id: string): string =>
  `${issuer}/${place}?token=${linkTokens.issue(purpose, id)}`;

/** The two fields of a new password. */
export const twice = (password: string) => ({ password, password_confirm: password });

/** Signs in with a password and returns the page or address that follows. */
export async function signInAs(worker: TestWorker, email: string, password: string): Promise<Page> {
  const browser = worker.browser();
  const page = await browser.open(worker.authorizationUrl());
  return browser.submit(page, { login: email, password }, { formId: "login-form" });
}

/** Posts the form of the page with these fields and headers over those of a browser. */
export function postForm(
  browser: FormBrowser,
  page: Page,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  const form = readForm(page);
  const body = new URLSearchParams([...form.fields]);
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  return browser.request(form.action, { method: "POST", body, headers: { Origin: form.action.origin, ...headers } });
}

/** Notices and the like that were promised to the user. */
export const mailKinds = async (worker: TestWorker, userId: string): Promise<string[]> =>
  (
    await queryDatabase<{ kind: string }>(worker.databaseUrl, "SELECT kind FROM outbox WHERE user_id = $1", [userId])
  ).map(({ kind }) => kind);
