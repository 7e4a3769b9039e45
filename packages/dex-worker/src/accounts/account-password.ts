import type { PasswordLogin } from "@dex/connectors";
import type { Session } from "@dex/oidc";
import type { Logger } from "@dex/runtime";
import {
  decidePassword,
  type OwnAccounts,
  PASSWORD_MIN_LENGTH,
  type PasswordHasher,
  type PasswordRefusal,
} from "@dex/users";
import { renderAccountPasswordPage } from "@dex/web";
import type { ConnectorSet } from "../live/connector-set.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";
import { ACCOUNT_PATH, type AccountGate, type OwnersForm } from "./account-gate.ts";
import { findLocalConnector } from "./account-overview.ts";
import { renderWait } from "./request-limits.ts";

const PASSWORD_PATH = `${ACCOUNT_PATH}/password`;

const REFUSALS: Readonly<Record<PasswordRefusal, string>> = {
  "too short": `the new password needs at least ${PASSWORD_MIN_LENGTH} characters`,
  "too long": "the new password is too long",
  "too common": "the new password is one of those that are tried first; please choose another one",
  "service name": "the new password is little more than the name of this service; please choose another one",
  "own address": "the new password is little more than your email address; please choose another one",
};

/** A person's password as far as it concerns its change. */
interface PresentPassword {
  /** Undefined when there is none yet. */
  readonly changedAt: Date | undefined;
  readonly connectorId: string;
  readonly login: PasswordLogin;
}

/** What to show instead of a change. */
interface Refusal {
  readonly status: number;
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

/** The page on which a password is changed, or a first one set. */
export function accountPasswordPages(parts: {
  gate: AccountGate;
  accounts: OwnAccounts;
  connectors: ConnectorSet;
  hasher: PasswordHasher;
  serviceName: string;
  idleSeconds: number;
  pages: Pages;
  logger: Logger;
}): readonly PageRoute[] {
  const { gate, accounts, connectors, hasher, serviceName, idleSeconds, pages, logger } = parts;

  async function readPresent(visit: Visit, session: Session): Promise<PresentPassword> {
    const overview = await accounts.read(session.user.id, visit.now, idleSeconds);
    const connector = findLocalConnector(connectors, overview?.identities ?? []);
    if (overview === undefined || connector?.login.kind !== "password") {
      throw new InvalidInput(404, "nobody signs in with a password here at the moment");
    }
    return { changedAt: overview.passwordChangedAt, connectorId: connector.id, login: connector.login };
  }

  function show(visit: Visit, session: Session, present: PresentPassword, refusal?: Refusal): void {
    const { status, message, retryAfterSeconds } = refusal ?? { status: 200 };
    if (retryAfterSeconds !== undefined) visit.response.setHeader("Retry-After", String(retryAfterSeconds));
    const view = {
      path: gate.href(ACCOUNT_PATH),
      formToken: gate.formToken(session),
      email: session.user.email,
      present: present.changedAt === undefined ? ("none" as const) : ("asked" as const),
      minimumLength: PASSWORD_MIN_LENGTH,
      message: message && toSentence(message),
    };
    pages.show(visit.response, status, (theme) => renderAccountPasswordPage(theme, view));
  }

  /** The present password is asked for once more: an unattended browser must not be enough to lock its owner out. */
  async function refuse(visit: Visit, form: OwnersForm, present: PresentPassword): Promise<Refusal | undefined> {
    const { session, fields } = form;
    const next = fields.get("new_password") ?? "";
    if (next !== (fields.get("repeated_password") ?? "")) {
      return { status: 400, message: "the new password was not typed the same both times" };
    }
    const decision = decidePassword(next, { email: session.user.email, serviceName });
    if (decision.kind === "refused") return { status: 400, message: REFUSALS[decision.reason] };
    if (present.changedAt === undefined) return undefined;
    const outcome = await present.login.verify({
      login: session.user.email,
      password: fields.get("current_password") ?? "",
      source: visit.request.ip ?? "",
      asked: { groups: false, offlineAccess: false },
      now: visit.now,
    });
    switch (outcome.kind) {
      case "identity":
        return outcome.identity.remoteId === session.user.id ? undefined : WRONG;
      case "refused":
        return WRONG;
      case "throttled": {
        const { retryAfterSeconds } = outcome;
        const message = `too many attempts; please try again ${renderWait(retryAfterSeconds)}`;
        return { status: 429, message, retryAfterSeconds };
      }
      case "busy":
        return { ...BUSY, retryAfterSeconds: outcome.retryAfterSeconds };
      case "unavailable":
        return { ...BUSY, retryAfterSeconds: 5 };
    }
  }

  return [
    {
      path: PASSWORD_PATH,
      async GET(visit) {
        const session = await gate.enter(visit, PASSWORD_PATH, "recent");
        if (session !== undefined) show(visit, session, await readPresent(visit, session));
      },
      async POST(visit) {
        const form = await gate.receive(visit, PASSWORD_PATH, "recent");
        if (form === undefined) return;
        const { session, owner, fields } = form;
        const present = await readPresent(visit, session);
        const refusal = await refuse(visit, form, present);
        if (refusal !== undefined) return show(visit, session, present, refusal);
        const hash = await hasher.hash(fields.get("new_password") ?? "");
        const { changedAt, connectorId } = present;
        const outcome = await accounts.setPassword(owner, { hash, changedAt, connectorId }, visit.now);
        if (outcome === "signed out") return gate.tellSignedOut(visit);
        if (outcome === "outdated") return show(visit, session, await readPresent(visit, session), OUTDATED);
        logger.info("password changed", { userId: owner.userId });
        gate.leave(visit, changedAt === undefined ? "password-set" : "password-changed");
      },
    },
  ];
}

const WRONG: Refusal = { status: 403, message: "the current password is not right" };
const BUSY: Refusal = { status: 503, message: "this cannot be done just now; please try again" };
const OUTDATED: Refusal = { status: 409, message: "the password was changed in the meantime; please look again" };

function toSentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}
