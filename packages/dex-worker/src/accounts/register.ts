// Asking for an account: with a password, or with an identity that was proved a moment ago. Nobody is a user before the
// address is confirmed, and what is shown is the same for every address (ACC-2).
import { type Clients, type LoginState, OWN_PAGES_CLIENT_ID, type UnmatchedIdentity } from "@dex/oidc";
import type { Logger, Random } from "@dex/runtime";
import {
  decideRegistration,
  LINK_LIFETIME_SECONDS,
  PASSWORD_MIN_LENGTH,
  type PasswordHasher,
  type PendingRegistration,
  type RegistrationDecision,
  type RegistrationPolicy,
  type Registrations,
  registrationId,
  type Users,
  vouchedEmail,
} from "@dex/users";
import { renderCheckYourMailPage, renderRegisterPage } from "@dex/web";
import type { ConnectorSet } from "../live/connector-set.ts";
import { type AcceptIdentity, toIdentity } from "../login/accept-identity.ts";
import type { Dispatcher } from "../login/dispatcher.ts";
import { formTargets } from "../login/form-targets.ts";
import type { LoginCookies } from "../login/login-cookies.ts";
import { offeredLocalConnector } from "../login/offered-connectors.ts";
import { checkFormToken, openFlow } from "../login/open-flow.ts";
import type { LoginPaths } from "../login/paths.ts";
import { connectorOf } from "../login/unmatched-identity.ts";
import type { CookieNames } from "../middleware/cookies.ts";
import { readForm } from "../middleware/form-body.ts";
import { requestIdOf } from "../middleware/request-id.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";
import { PASSWORD_PROBLEMS } from "./password-words.ts";
import { markRegisteringBrowser } from "./registration-cookie.ts";
import type { RegistrationLimits } from "./registration-limits.ts";
import { renderWait } from "./request-limits.ts";

const MAX_FIELD_LENGTH = 1024;

export interface RegisterParts {
  issuerOrigin: string;
  policy: RegistrationPolicy;
  registrations: Registrations;
  limits: RegistrationLimits;
  hasher: PasswordHasher;
  users: Users;
  clients: Clients;
  connectors: ConnectorSet;
  dispatcher: Dispatcher;
  acceptIdentity: AcceptIdentity;
  cookies: LoginCookies;
  cookieNames: CookieNames;
  paths: LoginPaths;
  pages: Pages;
  random: Random;
  logger: Logger;
}

/** What an account is asked for with. */
type Applicant =
  | { readonly kind: "password"; readonly connectorId: string }
  | { readonly kind: "identity"; readonly connectorName: string; readonly identity: UnmatchedIdentity };

export function registerPage(parts: RegisterParts): PageRoute {
  const { dispatcher, cookies, paths } = parts;

  /** Where this flow registers nobody, or not here, the browser is sent on and nothing is returned. */
  async function findApplicant(visit: Visit, state: LoginState): Promise<Applicant | undefined> {
    const { unmatched, intent, request } = state;
    if (intent !== "register") return void (await dispatcher.next(visit, state));
    if (unmatched === undefined) {
      const local = await offeredLocalConnector(parts, state);
      if (local === undefined) return void (await dispatcher.authenticate(visit, state));
      return { kind: "password", connectorId: local.id };
    }
    const { user } = await parts.users.findByIdentity(toIdentity(unmatched), request.clientId);
    if (user !== undefined) return void dispatcher.goOn(visit, state, paths.identity(state.id));
    const { displayName, connector } = connectorOf(unmatched, parts.connectors);
    if (vouchedEmail(unmatched) !== undefined) {
      // The connector has the last word on the address, whatever a form says (v1 P03).
      const undecided = { ...state, unmatched: undefined };
      return void (await parts.acceptIdentity(visit, undecided, connector, {
        kind: "remembered",
        identity: toIdentity(unmatched),
      }));
    }
    return { kind: "identity", connectorName: displayName, identity: unmatched };
  }

  return {
    path: "/register",

    async GET(visit) {
      const state = openFlow(visit, cookies);
      const applicant = await findApplicant(visit, state);
      if (applicant === undefined) return;
      const known = applicant.kind === "identity" ? applicant.identity.email : undefined;
      await showForm(parts, visit, state, applicant, { status: 200, email: known ?? state.request.loginHint ?? "" });
    },

    async POST(visit) {
      refuseForeignOrigin(visit.request, parts.issuerOrigin);
      const state = openFlow(visit, cookies);
      const form = await readForm(visit.request);
      checkFormToken(form, state.formToken);
      const applicant = await findApplicant(visit, state);
      if (applicant === undefined) return;
      const typed = form.get("email") ?? "";
      const password = applicant.kind === "password" ? (form.get("password") ?? "") : undefined;
      const decision = decideRegistration({ email: typed, password }, parts.policy);
      const email = typed.trim().slice(0, MAX_FIELD_LENGTH);
      if (decision.kind === "refused") {
        return showForm(parts, visit, state, applicant, { status: 400, email, ...describe(decision) });
      }
      const wait = await parts.limits.countRegistration(decision.email, visit.request.ip ?? "", visit.now);
      if (wait !== undefined) {
        visit.response.setHeader("Retry-After", String(wait));
        const message = `There were too many attempts. Please try again ${renderWait(wait)}.`;
        return showForm(parts, visit, state, applicant, { status: 429, email, message });
      }
      await begin(parts, visit, state, applicant, { email: decision.email, password });
    },
  };
}

interface FormAnswer {
  readonly status: number;
  readonly email: string;
  readonly message?: string;
  readonly emailProblem?: string | undefined;
  readonly passwordProblem?: string | undefined;
}

async function showForm(
  { clients, paths, pages }: RegisterParts,
  { response }: Visit,
  state: LoginState,
  applicant: Applicant,
  { status, ...answer }: FormAnswer,
): Promise<void> {
  const { clientId, redirectUri } = state.request;
  const client = await clients.find(clientId);
  const rule = `At least ${PASSWORD_MIN_LENGTH} characters. A few words you can remember are best.`;
  const view = {
    ...answer,
    clientName: client?.name ?? clientId,
    action: paths.register(state.id),
    formToken: state.formToken,
    proof:
      applicant.kind === "password"
        ? ({ kind: "password", rule } as const)
        : ({ kind: "identity", name: applicant.connectorName } as const),
    signInHref: paths.chooser(state.id, "sign in"),
  };
  pages.show(response, status, (theme) => renderRegisterPage(theme, view), formTargets(redirectUri));
}

async function begin(
  { hasher, registrations, cookieNames, pages, random, logger }: RegisterParts,
  visit: Visit,
  state: LoginState,
  applicant: Applicant,
  { email, password }: { email: string; password: string | undefined },
): Promise<void> {
  const { now, response } = visit;
  // Before the statement and for every address, known or not: it is what takes the time (ACC-2).
  const hash = password === undefined ? undefined : await hasher.hash(password);
  const proof: PendingRegistration["proof"] =
    applicant.kind === "identity"
      ? { kind: "identity", remoteId: applicant.identity.remoteId }
      : { kind: "password", hash: hash ?? "" };
  const { clientId, redirectUri } = state.request;
  await registrations.begin({
    id: registrationId(state.id, email),
    email,
    displayName: applicant.kind === "identity" ? applicant.identity.displayName : undefined,
    connectorId: applicant.kind === "identity" ? applicant.identity.connectorId : applicant.connectorId,
    proof,
    browserHash: markRegisteringBrowser(visit, cookieNames, random),
    origin: {
      // Nobody can be led back to what is no client.
      ...(clientId === OWN_PAGES_CLIENT_ID
        ? { clientId: undefined, redirectUri: undefined }
        : { clientId, redirectUri }),
      flowId: state.id,
      locale: undefined,
    },
    createdAt: now,
    expiresAt: new Date(now.getTime() + LINK_LIFETIME_SECONDS.registration * 1000),
  });
  logger.info("registration begun", { requestId: requestIdOf(response), clientId });
  const explanation = "Follow the link in it to finish. It works for one day. You can close this page.";
  pages.show(response, 200, (theme) => renderCheckYourMailPage(theme, { email, explanation }));
}

function describe({
  email,
  password,
}: RegistrationDecision & { kind: "refused" }): Pick<FormAnswer, "emailProblem" | "passwordProblem"> {
  const emailProblem = {
    "not an address": "Please enter your email address, such as name@example.com.",
    "domain not allowed": "Addresses of this domain cannot be registered here.",
  };
  return {
    emailProblem: email && emailProblem[email],
    passwordProblem: password && PASSWORD_PROBLEMS[password],
  };
}
