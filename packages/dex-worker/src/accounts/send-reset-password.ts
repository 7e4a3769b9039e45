// "Forgot your password?": a mail with a link to choose a new one is asked for, in the flow of a sign-in or without one.
// The answer is the same for every address (ACC-2).
import { type Client, type Clients, type LoginState, matchRedirectUri, OWN_PAGES_CLIENT_ID } from "@dex/oidc";
import type { Logger } from "@dex/runtime";
import { type AccountLinks, canonicalEmail } from "@dex/users";
import { renderCheckYourMailPage, renderSendResetPasswordPage } from "@dex/web";
import type { LoginCookies } from "../login/login-cookies.ts";
import { checkFormToken } from "../login/open-flow.ts";
import type { LoginPaths } from "../login/paths.ts";
import { readForm, readQuery } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import { requestIdOf } from "../middleware/request-id.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";
import { type CountRequest, renderWait } from "./request-limits.ts";

const MAX_TYPED_LENGTH = 320;
/**
 * Less than a link lives: whoever must wait because others asked too often has a link in the mailbox that still works
 * (ACC-3).
 */
const WINDOW_SECONDS = 900;
const MAX_PER_ADDRESS = 5;
const MAX_PER_SOURCE = 100; // a lecture hall behind one address

export interface SendResetPasswordParts {
  issuerOrigin: string;
  links: Pick<AccountLinks, "requestPasswordReset">;
  count: CountRequest;
  clients: Clients;
  cookies: LoginCookies;
  paths: LoginPaths;
  pages: Pages;
  logger: Logger;
}

/** Where the person was going. */
interface Way {
  /** The flow of this browser, while it lives. */
  readonly flow: LoginState | undefined;
  /** Undefined on the way to a page of ours. */
  readonly clientId: string | undefined;
  readonly redirectUri: string | undefined;
}

export function sendResetPasswordPage(parts: SendResetPasswordParts): PageRoute {
  return {
    path: "/send-reset-password",

    async GET(visit) {
      const query = readQuery(visit.request);
      const way = await readWay(parts, visit, query);
      const email = query.get("email") ?? way.flow?.request.loginHint ?? "";
      ask(parts, visit, way, { status: 200, email: email.slice(0, MAX_TYPED_LENGTH) });
    },

    async POST(visit) {
      refuseForeignOrigin(visit.request, parts.issuerOrigin);
      const form = await readForm(visit.request);
      const way = await readWay(parts, visit, form);
      // Without a flow there is nothing to bind the form to: it says no more than an address that anybody may type in.
      if (way.flow !== undefined) checkFormToken(form, way.flow.formToken);
      const typed = form.get("email") ?? "";
      const email = canonicalEmail(typed);
      const answer = { email: typed.slice(0, MAX_TYPED_LENGTH) };
      if (email === undefined) {
        const message = "Please enter your email address, such as name@example.com.";
        return ask(parts, visit, way, { status: 400, message, ...answer });
      }
      const wait = await count(parts, email, visit);
      if (wait !== undefined) {
        visit.response.setHeader("Retry-After", String(wait));
        const message = `There were too many attempts. Please try again ${renderWait(wait)}.`;
        return ask(parts, visit, way, { status: 429, message, ...answer });
      }
      await send(parts, visit, way, email);
    },
  };
}

/** Throws InvalidInput when neither a flow nor the parameters say for which client this is (v1 W06). */
async function readWay(
  { cookies, clients }: SendResetPasswordParts,
  visit: Visit,
  from: URLSearchParams,
): Promise<Way> {
  // RFC 6749 §3.1. Of a repeated parameter one part of the code might read the first, another the last.
  if (new Set(from.keys()).size < from.size) throw new InvalidInput(400, "a parameter was sent more than once");
  const flow = cookies.read(visit.request, from.get("flow") ?? "", visit.now);
  if (flow !== undefined) {
    const { clientId, redirectUri } = flow.request;
    // Nobody can be led back to what is no client.
    const isOwn = clientId === OWN_PAGES_CLIENT_ID;
    return { flow, ...(isOwn ? { clientId: undefined, redirectUri: undefined } : { clientId, redirectUri }) };
  }
  const clientId = from.get("client_id") ?? "";
  if (clientId === "") {
    throw new InvalidInput(400, "this sign-in has expired or was begun in another browser; please sign in again");
  }
  const client = await clients.find(clientId);
  if (client === undefined) throw new InvalidInput(400, "the application that sent you here is not registered");
  return { flow, clientId, redirectUri: readRedirectUri(client, from.get("redirect_uri") ?? "") };
}

/** No mail may lead where the client did not say it would be led to (BRO-13, v1 W07). */
function readRedirectUri(client: Client, value: string): string | undefined {
  if (value === "") return undefined;
  const redirectUri = matchRedirectUri(client, value);
  if (redirectUri === undefined) throw new InvalidInput(400, "redirect_uri is not registered for this application");
  return redirectUri;
}

// An address that belongs to somebody is counted like any other, so that the answer tells nothing (ACC-2).
function count(parts: SendResetPasswordParts, email: string, { request, now }: Visit): Promise<number | undefined> {
  const limits = [
    { key: `password reset from ${request.ip ?? ""}`, times: MAX_PER_SOURCE, windowSeconds: WINDOW_SECONDS },
    { key: `password reset of ${email}`, times: MAX_PER_ADDRESS, windowSeconds: WINDOW_SECONDS },
  ];
  return parts.count(limits, now);
}

function ask(
  { paths, pages }: SendResetPasswordParts,
  { response }: Visit,
  { flow, clientId, redirectUri }: Way,
  { status, ...answer }: { status: number; email: string; message?: string },
): void {
  const fields = {
    ...(flow === undefined ? {} : { flow: flow.id, form_token: flow.formToken }),
    // With these the form still works when the flow has ended meanwhile.
    ...(clientId === undefined ? {} : { client_id: clientId }),
    ...(redirectUri === undefined ? {} : { redirect_uri: redirectUri }),
  };
  const signIn = flow === undefined ? {} : { signInHref: paths.chooser(flow.id, "sign in") };
  const view = { action: paths.sendResetPassword(), fields, ...signIn, ...answer };
  pages.show(response, status, (theme) => renderSendResetPasswordPage(theme, view));
}

async function send(
  { links, pages, logger }: SendResetPasswordParts,
  { response, now }: Visit,
  { flow, clientId, redirectUri }: Way,
  email: string,
): Promise<void> {
  const origin = { clientId, redirectUri, flowId: flow?.id, locale: undefined };
  await links.requestPasswordReset(email, origin, now);
  logger.info("password reset asked for", { requestId: requestIdOf(response), clientId });
  const explanation =
    "Follow the link in it to choose a new password. It works for half an hour. You can close this page.";
  const view = { email, explanation, sent: "if known" } as const;
  pages.show(response, 200, (theme) => renderCheckYourMailPage(theme, view));
}
