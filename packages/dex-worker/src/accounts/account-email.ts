import type { FailureCounter, Session } from "@dex/oidc";
import { type AccountLinks, type AccountOwner, canonicalEmail } from "@dex/users";
import { renderAccountEmailPage } from "@dex/web";
import { InvalidInput } from "../middleware/invalid-input.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";
import { ACCOUNT_PATH, type AccountGate } from "./account-gate.ts";
import { renderWait } from "./request-limits.ts";

const EMAIL_PATH = `${ACCOUNT_PATH}/email`;
const MAX_TYPED_LENGTH = 320;
/** So many mails one person may have sent to addresses of their choice. */
const MAX_MAILS = 5;
const MAILS_WINDOW_SECONDS = 3600;
const NO_ORIGIN = { clientId: undefined, redirectUri: undefined, flowId: undefined, locale: undefined };

/** The forms that ask for a mail: to confirm the address, or to change it. The links in them lead to pages of their own. */
export function accountEmailPages(parts: {
  gate: AccountGate;
  links: Pick<AccountLinks, "requestEmailChange" | "requestVerification">;
  failures: FailureCounter;
  pages: Pages;
}): readonly PageRoute[] {
  const { gate, links, failures, pages } = parts;

  function show(visit: Visit, session: Session, more: { status: number; typed: string; message?: string }): void {
    const { status, ...typed } = more;
    const view = {
      path: gate.href(ACCOUNT_PATH),
      formToken: gate.formToken(session),
      email: session.user.email,
      ...typed,
    };
    pages.show(visit.response, status, (theme) => renderAccountEmailPage(theme, view));
  }

  /** Throws InvalidInput when this person has had enough mails sent: the mailboxes are other people's. */
  async function countMail({ userId }: AccountOwner, now: Date): Promise<void> {
    const counted = await failures.count(`account mail ${userId}`, MAILS_WINDOW_SECONDS, now);
    if (counted.failures <= MAX_MAILS) return;
    const seconds = Math.max(1, Math.ceil((counted.windowEndsAt.getTime() - now.getTime()) / 1000));
    throw new InvalidInput(429, `too many mails were asked for; please try again ${renderWait(seconds)}`, {
      "Retry-After": String(seconds),
    });
  }

  return [
    {
      path: EMAIL_PATH,
      async GET(visit) {
        const session = await gate.enter(visit, EMAIL_PATH, "recent");
        if (session !== undefined) show(visit, session, { status: 200, typed: "" });
      },
      async POST(visit) {
        const form = await gate.receive(visit, EMAIL_PATH, "recent");
        if (form === undefined) return;
        const { session, owner, fields } = form;
        const typed = (fields.get("email") ?? "").slice(0, MAX_TYPED_LENGTH);
        const email = canonicalEmail(fields.get("email") ?? "");
        if (email === undefined) {
          return show(visit, session, { status: 400, typed, message: "Please enter one email address." });
        }
        if (email === session.user.email) {
          return show(visit, session, { status: 400, typed, message: "That is your address already." });
        }
        await countMail(owner, visit.now);
        const actor = { kind: "user", id: owner.userId, address: owner.address } as const;
        // Whether the address is somebody's shows in no answer, only when the link is opened (ACC-2).
        await links.requestEmailChange(owner.userId, email, NO_ORIGIN, actor, visit.now);
        gate.leave(visit, "email-sent");
      },
    },
    {
      path: `${ACCOUNT_PATH}/verify-email`,
      async POST(visit) {
        const form = await gate.receive(visit, ACCOUNT_PATH, "any");
        if (form === undefined) return;
        await countMail(form.owner, visit.now);
        const outcome = await links.requestVerification(form.owner.userId, NO_ORIGIN, visit.now);
        if (outcome === "unknown") return gate.tellSignedOut(visit);
        gate.leave(visit, outcome === "verified" ? "email-confirmed" : "confirmation-sent");
      },
    },
  ];
}
