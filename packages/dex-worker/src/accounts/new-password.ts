// What is behind the links by which a password is chosen: to reset one, and to accept an invitation. Only the form uses the
// link up (ACC-8), and nobody is signed in by it.
import { type Client, type Clients, matchRedirectUri, OUT_OF_BAND } from "@dex/oidc";
import type { Logger } from "@dex/runtime";
import {
  type AccountLink,
  type AccountLinks,
  type Actor,
  decidePassword,
  type LinkTokens,
  type LinkUse,
  PASSWORD_MIN_LENGTH,
  type PasswordHasher,
} from "@dex/users";
import { type NewPasswordView, renderNewPasswordPage, renderPasswordSetPage } from "@dex/web";
import type { ConnectorSet } from "../live/connector-set.ts";
import type { Dispatcher } from "../login/dispatcher.ts";
import { formTargets } from "../login/form-targets.ts";
import type { LoginCookies } from "../login/login-cookies.ts";
import { offeredLocalConnector } from "../login/offered-connectors.ts";
import { readForm } from "../middleware/form-body.ts";
import { requestIdOf } from "../middleware/request-id.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";
import type { LinkPlace, MailedLinks } from "./mailed-link.ts";
import { PASSWORD_PROBLEMS } from "./password-words.ts";

export interface NewPasswordParts {
  issuerOrigin: string;
  /** The name of the service, which nobody's password may be made of (ACC-6). */
  serviceName: string;
  mailedLinks: MailedLinks;
  linkTokens: LinkTokens;
  links: Pick<AccountLinks, "find" | "resetPassword" | "acceptInvitation">;
  hasher: PasswordHasher;
  clients: Clients;
  connectors: ConnectorSet;
  dispatcher: Dispatcher;
  cookies: LoginCookies;
  /** The address of "your account". */
  accountHref: string;
  pages: Pages;
  logger: Logger;
}

/** What tells one such link from the other. */
export interface PasswordLink {
  readonly occasion: NewPasswordView["occasion"];
  readonly place: LinkPlace & ("reset-password" | "accept-invitation");
  readonly purpose: "reset password" | "invitation";
  /** The address of the page, for redirects and forms. */
  readonly href: string;
  use(id: string, passwordHash: string, actor: Actor, now: Date): Promise<LinkUse>;
}

export function newPasswordPage(parts: NewPasswordParts, { place, purpose, ...of }: PasswordLink): PageRoute {
  const { mailedLinks, linkTokens, links, pages } = parts;

  async function find(token: string, now: Date): Promise<AccountLink | undefined> {
    const id = linkTokens.read(purpose, token);
    return id === undefined ? undefined : links.find(id, purpose, now);
  }

  // Used, expired, superseded, for something else and made up look the same (ACC-8).
  function refuse(visit: Visit): void {
    mailedLinks.leave(visit, place);
    pages.error(visit.response, 400, {
      title: "This link cannot be used",
      message: "it was used already, is too old, or is not complete; please ask for a new one",
    });
  }

  async function ask(visit: Visit, link: AccountLink, token: string, message?: string): Promise<void> {
    const { redirectUri } = await findWay(parts.clients, link);
    const view = {
      occasion: of.occasion,
      email: link.email,
      action: of.href,
      formToken: mailedLinks.formToken(token),
      minimumLength: PASSWORD_MIN_LENGTH,
      message,
    };
    const status = message === undefined ? 200 : 400;
    const targets = redirectUri === undefined ? [] : formTargets(redirectUri);
    pages.show(visit.response, status, (theme) => renderNewPasswordPage(theme, view), targets);
  }

  return {
    path: `/${place}`,

    async GET(visit) {
      if (mailedLinks.arrive(visit, place, of.href)) return;
      const token = mailedLinks.token(visit, place);
      const link = token === undefined ? undefined : await find(token, visit.now);
      if (token === undefined || link === undefined) return refuse(visit);
      await ask(visit, link, token);
    },

    async POST(visit) {
      refuseForeignOrigin(visit.request, parts.issuerOrigin);
      const form = await readForm(visit.request);
      const token = mailedLinks.token(visit, place);
      if (token === undefined) return refuse(visit);
      mailedLinks.checkForm(form, token);
      const link = await find(token, visit.now);
      if (link === undefined) return refuse(visit);
      const password = form.get("password") ?? "";
      const problem = findProblem(parts, link, password, form.get("password_confirm") ?? "");
      if (problem !== undefined) return ask(visit, link, token, problem);
      const hash = await parts.hasher.hash(password);
      const actor = { kind: "user", id: link.user.id, address: visit.request.ip } as const;
      if ((await of.use(link.id, hash, actor, visit.now)) === "gone") return refuse(visit);
      parts.logger.info("password chosen behind a mailed link", {
        requestId: requestIdOf(visit.response),
        userId: link.user.id,
        purpose,
      });
      mailedLinks.leave(visit, place);
      await goOn(parts, visit, link, of.occasion);
    },
  };
}

function findProblem(
  { serviceName }: NewPasswordParts,
  { email }: AccountLink,
  password: string,
  confirmation: string,
): string | undefined {
  if (password === "") return PASSWORD_PROBLEMS.missing;
  const decision = decidePassword(password, { email, serviceName });
  if (decision.kind === "refused") return PASSWORD_PROBLEMS[decision.reason];
  return password === confirmation ? undefined : "The password was not typed the same both times.";
}

/** The client the person was on the way to, and where of it a browser can be sent, as it is registered now (BRO-13). */
async function findWay(
  clients: Clients,
  { origin }: AccountLink,
): Promise<{ client: Client | undefined; redirectUri: string | undefined }> {
  const client = origin.clientId === undefined ? undefined : await clients.find(origin.clientId);
  const matched = client && origin.redirectUri && matchRedirectUri(client, origin.redirectUri);
  return { client, redirectUri: matched === OUT_OF_BAND || matched === "" ? undefined : matched };
}

/** On to the sign-in of the flow, if this browser still has it, else to where the client takes people in (v1 W09). */
async function goOn(
  parts: NewPasswordParts,
  visit: Visit,
  link: AccountLink,
  occasion: NewPasswordView["occasion"],
): Promise<void> {
  const { cookies, connectors, dispatcher, clients, accountHref, pages } = parts;
  const { flowId } = link.origin;
  const flow = flowId === undefined ? undefined : cookies.read(visit.request, flowId, visit.now);
  const local = flow && (await offeredLocalConnector({ connectors, clients }, flow));
  if (flow !== undefined && local !== undefined) {
    const { intent, request } = flow;
    return dispatcher.authenticate(visit, {
      ...flow,
      intent: intent === "register" ? "sign in" : intent,
      notice: "password changed",
      request: { ...request, connectorId: local.id, loginHint: link.email },
    });
  }
  const { client, redirectUri } = await findWay(clients, link);
  if (redirectUri !== undefined) return visit.response.redirect(303, redirectUri);
  const view = { occasion, email: link.email, clientName: client && (client.name ?? client.id), accountHref };
  pages.show(visit.response, 200, (theme) => renderPasswordSetPage(theme, view));
}
