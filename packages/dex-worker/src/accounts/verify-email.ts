// The link in a mail that confirms an address: of a registration, which then becomes a user, or of a user. Only the form
// behind the link uses it up (ACC-8).
import { type Clients, matchRedirectUri } from "@dex/oidc";
import type { Logger, Random } from "@dex/runtime";
import {
  type AccountLink,
  type AccountLinks,
  type LinkOrigin,
  type LinkTokens,
  newUserId,
  type PasswordHasher,
  type PendingRegistration,
  type Registrations,
} from "@dex/users";
import { type ConfirmAddressView, renderConfirmAddressPage } from "@dex/web";
import type { ConnectorSet } from "../live/connector-set.ts";
import type { Dispatcher } from "../login/dispatcher.ts";
import type { LoginCookies } from "../login/login-cookies.ts";
import type { LoginPaths } from "../login/paths.ts";
import type { CookieNames } from "../middleware/cookies.ts";
import { readForm } from "../middleware/form-body.ts";
import { requestIdOf } from "../middleware/request-id.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";
import type { IsLinkOwner } from "./link-owner.ts";
import type { MailedLinks } from "./mailed-link.ts";
import { isRegisteringBrowser } from "./registration-cookie.ts";
import type { RegistrationLimits } from "./registration-limits.ts";
import { renderWait } from "./request-limits.ts";

const PLACE = "verify-email";

export interface VerifyEmailParts {
  issuerOrigin: string;
  mailedLinks: MailedLinks;
  linkTokens: LinkTokens;
  registrations: Registrations;
  accountLinks: Pick<AccountLinks, "find" | "verifyEmail">;
  isLinkOwner: IsLinkOwner;
  limits: RegistrationLimits;
  hasher: PasswordHasher;
  clients: Clients;
  connectors: ConnectorSet;
  dispatcher: Dispatcher;
  cookies: LoginCookies;
  cookieNames: CookieNames;
  paths: LoginPaths;
  pages: Pages;
  random: Random;
  logger: Logger;
}

/** What a live link stands for. */
type Pending =
  | { readonly kind: "registration"; readonly registration: PendingRegistration }
  | { readonly kind: "user"; readonly link: AccountLink };

export function verifyEmailPage(parts: VerifyEmailParts): PageRoute {
  const { mailedLinks, linkTokens, registrations, accountLinks, isLinkOwner, paths, pages } = parts;

  async function find(token: string, now: Date): Promise<Pending | undefined> {
    const registrationId = linkTokens.read("registration", token);
    if (registrationId !== undefined) {
      const registration = await registrations.find(registrationId, now);
      return registration && { kind: "registration", registration };
    }
    const linkId = linkTokens.read("verify email", token);
    const link = linkId === undefined ? undefined : await accountLinks.find(linkId, "verify email", now);
    return link && { kind: "user", link };
  }

  // Used, expired, superseded and made up look the same (ACC-8, ACC-11).
  function refuse(visit: Visit): void {
    mailedLinks.leave(visit, PLACE);
    pages.error(visit.response, 400, {
      title: "This link cannot be used",
      message: "it was used already, is too old, or is not complete; please ask for a new one where you got it",
    });
  }

  return {
    path: "/verify-email",

    async GET(visit) {
      if (mailedLinks.arrive(visit, PLACE, paths.verifyEmail)) return;
      const token = mailedLinks.token(visit, PLACE);
      const pending = token === undefined ? undefined : await find(token, visit.now);
      if (token === undefined || pending === undefined) return refuse(visit);
      if (pending.kind === "user" && !(await isLinkOwner(visit, pending.link, `/${PLACE}`))) return;
      ask(parts, visit, pending, token, { status: 200 });
    },

    async POST(visit) {
      refuseForeignOrigin(visit.request, parts.issuerOrigin);
      const form = await readForm(visit.request);
      const token = mailedLinks.token(visit, PLACE);
      if (token === undefined) return refuse(visit);
      mailedLinks.checkForm(form, token);
      const pending = await find(token, visit.now);
      if (pending === undefined) return refuse(visit);
      if (pending.kind === "user") {
        if (!(await isLinkOwner(visit, pending.link, `/${PLACE}`))) return;
        const { id: userId } = pending.link.user;
        const actor = { kind: "user", id: userId, address: visit.request.ip } as const;
        const use = await accountLinks.verifyEmail(pending.link.id, userId, actor, visit.now);
        return use === "gone" ? refuse(visit) : done(parts, visit, pending.link);
      }
      if (!(await isRegistrant(parts, visit, pending, token, form.get("password") ?? ""))) return;
      return (await confirm(parts, visit, pending.registration)) === "confirmed"
        ? done(parts, visit, pending.registration)
        : refuse(visit);
    },
  };
}

function ask(
  { mailedLinks, cookieNames, paths, pages }: VerifyEmailParts,
  visit: Visit,
  pending: Pending,
  token: string,
  answer: { status: number; message?: string },
): void {
  const { email } = pending.kind === "user" ? pending.link : pending.registration;
  const here = pending.kind === "user" || isRegisteringBrowser(visit, cookieNames, pending.registration.browserHash);
  const view: ConfirmAddressView =
    !here && pending.registration.proof.kind === "identity"
      ? { kind: "other browser", email }
      : {
          kind: "ask",
          email,
          action: paths.verifyEmail,
          formToken: mailedLinks.formToken(token),
          password: here ? "not needed" : "asked",
          ...(answer.message === undefined ? {} : { message: answer.message }),
        };
  pages.show(visit.response, answer.status, (theme) => renderConfirmAddressPage(theme, view));
}

/**
 * Whether the reader of the mail is also who registered (ACC-13): otherwise somebody could register a stranger's address
 * with a password of their own, and wait until the stranger clicks. If not, the answer has been given.
 */
async function isRegistrant(
  parts: VerifyEmailParts,
  visit: Visit,
  pending: Pending & { kind: "registration" },
  token: string,
  password: string,
): Promise<boolean> {
  const { browserHash, proof, id } = pending.registration;
  if (isRegisteringBrowser(visit, parts.cookieNames, browserHash)) return true;
  if (proof.kind === "identity") {
    ask(parts, visit, pending, token, { status: 403 });
    return false;
  }
  const wait = await parts.limits.countPassword(id, visit.request.ip ?? "", visit.now);
  if (wait !== undefined) {
    visit.response.setHeader("Retry-After", String(wait));
    const message = `There were too many attempts. Please try again ${renderWait(wait)}.`;
    ask(parts, visit, pending, token, { status: 429, message });
    return false;
  }
  if (await parts.hasher.verify(password, proof.hash)) return true;
  ask(parts, visit, pending, token, {
    status: 403,
    message: "This is not the password that was chosen. In the browser in which you registered you do not need it.",
  });
  return false;
}

async function confirm(parts: VerifyEmailParts, visit: Visit, registration: PendingRegistration): Promise<string> {
  const { id, email, displayName } = registration;
  const userId = newUserId(parts.random);
  const user = { id: userId, email, emailVerified: true, displayName, admin: false, createdAt: visit.now };
  const actor = { kind: "registration", id: undefined, address: visit.request.ip } as const;
  const outcome = await parts.registrations.confirm(id, user, actor);
  const { connectorId } = registration;
  const fields = { requestId: requestIdOf(visit.response), connectorId, outcome };
  parts.logger.info("registration used", outcome === "confirmed" ? { ...fields, userId } : fields);
  return outcome;
}

/** On to where the person was going: the flow, if this browser still has it, else what the client is called. */
async function done(
  parts: VerifyEmailParts,
  visit: Visit,
  { email, origin, ...of }: { email: string; origin: Omit<LinkOrigin, "locale">; connectorId?: string },
): Promise<void> {
  const { mailedLinks, cookies, dispatcher, clients, connectors, pages } = parts;
  mailedLinks.leave(visit, PLACE);
  const flow = origin.flowId === undefined ? undefined : cookies.read(visit.request, origin.flowId, visit.now);
  if (flow !== undefined) {
    const local = of.connectorId !== undefined && connectors.find(of.connectorId)?.connector?.type === "local";
    return dispatcher.authenticate(visit, {
      ...flow,
      intent: "sign in",
      unmatched: undefined,
      notice: "address confirmed",
      request: { ...flow.request, connectorId: local ? of.connectorId : undefined, loginHint: email },
    });
  }
  const client = origin.clientId === undefined ? undefined : await clients.find(origin.clientId);
  const href = client && origin.redirectUri && matchRedirectUri(client, origin.redirectUri);
  const view = { kind: "done", email, clientName: client && (client.name ?? client.id), href } as const;
  pages.show(visit.response, 200, (theme) => renderConfirmAddressPage(theme, view));
}
