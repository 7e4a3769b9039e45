// Signing in through one connector: our own form for connectors that check a password, a trip to the upstream and back
// (upstream-trip.ts) for the others. Both end with an identity, which accept-identity.ts turns into a person.
import type { Connector, PasswordLogin } from "@dex/connectors";
import type { Clients, LoginState, RememberedLimits } from "@dex/oidc";
import type { Logger, Random } from "@dex/runtime";
import type { ConnectorSet } from "../live/connector-set.ts";
import { readForm } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import type { Pages } from "../pages.ts";
import type { Visit } from "../visit.ts";
import type { AcceptIdentity } from "./accept-identity.ts";
import { formTargets } from "./form-targets.ts";
import type { LoginCookies } from "./login-cookies.ts";
import { makeNegotiate } from "./negotiate.ts";
import { describeNotice } from "./notices.ts";
import { offeredConnectors, refuseUnlessAllowed } from "./offered-connectors.ts";
import { checkFormToken, openFlow } from "./open-flow.ts";
import type { LoginPaths } from "./paths.ts";
import { makeRefusedLogin } from "./refused-login.ts";
import { askedOf, isCallback, makeUpstreamTrip } from "./upstream-trip.ts";

const MAX_FIELD_LENGTH = 1024;

export interface ConnectorLogin {
  /** GET: the password form, or off to the upstream. */
  begin(visit: Visit, connectorId: string): Promise<void>;
  /** POST of the password form. */
  submit(visit: Visit, connectorId: string): Promise<void>;
  /** GET or POST: back from the upstream. Without an id at the address that several connectors may share. */
  callback(visit: Visit, connectorId?: string): Promise<void>;
  /** GET: the document that the upstream is configured with, where the connector has one. */
  metadata(visit: Visit, connectorId: string): void;
}

export function makeConnectorLogin(parts: {
  issuerOrigin: string;
  registration: boolean;
  /** Left out where people cannot ask to be kept signed in. */
  remembered: RememberedLimits | undefined;
  clients: Clients;
  connectors: ConnectorSet;
  cookies: LoginCookies;
  paths: LoginPaths;
  pages: Pages;
  random: Random;
  acceptIdentity: AcceptIdentity;
  logger: Logger;
}): ConnectorLogin {
  const { connectors, cookies, paths, pages, acceptIdentity } = parts;
  const refused = makeRefusedLogin(parts);
  const negotiate = makeNegotiate({ ...parts, refused });
  const trip = makeUpstreamTrip({ ...parts, refused, accept: acceptIdentity });

  function openConnector(state: LoginState, connectorId: string): Connector {
    const entry = connectors.find(connectorId);
    if (entry?.connector !== undefined) return entry.connector;
    const what = entry === undefined ? "does not exist" : "is not available; please choose another one";
    throw new InvalidInput(404, `this way to sign in ${what}`, {}, paths.chooser(state.id));
  }

  async function passwordForm(
    visit: Visit,
    state: LoginState,
    { id, type, displayName, login }: Connector & { login: PasswordLogin },
    answer: { status: number; typed: string; message?: string },
  ): Promise<void> {
    // Other passwords than ours are made elsewhere.
    const registers = parts.registration && type === "local" && state.intent !== "link";
    const others = (await offeredConnectors(parts, state, "sign in")).filter((way) => way.id !== id);
    const view = {
      connectorName: displayName,
      loginLabel: login.loginLabel,
      action: paths.connector(id, state.id),
      formToken: state.formToken,
      login: answer.typed,
      ...(parts.remembered && { remember: state.remember ?? parts.remembered.byDefault }),
      ...(answer.message === undefined ? { notice: describeNotice(state, connectors) } : { message: answer.message }),
      ...(type === "local" ? { forgotHref: paths.sendResetPassword(state.id) } : {}),
      ...(registers ? { registerHref: paths.chooser(state.id, "register") } : {}),
      ...(others.length > 0 ? { otherWaysHref: paths.chooser(state.id) } : {}),
    };
    pages.password(visit.response, answer.status, view, formTargets(state.request.redirectUri));
  }

  return {
    async begin(visit, connectorId) {
      const state = openFlow(visit, cookies);
      const connector = openConnector(state, connectorId);
      await refuseUnlessAllowed(parts, state, connectorId);
      if (isPassword(connector)) {
        const status = await negotiate(visit, state, connector);
        if (status === "answered") return;
        return passwordForm(visit, state, connector, { status, typed: state.request.loginHint ?? "" });
      }
      if (isCallback(connector)) return trip.begin(visit, state, connector);
    },

    async submit(visit, connectorId) {
      refuseForeignOrigin(visit.request, parts.issuerOrigin);
      const begun = openFlow(visit, cookies);
      const connector = openConnector(begun, connectorId);
      await refuseUnlessAllowed(parts, begun, connectorId);
      if (!isPassword(connector)) throw new InvalidInput(405, "this way to sign in has no form", { Allow: "GET" });
      const form = await readForm(visit.request);
      checkFormToken(form, begun.formToken);
      const state = parts.remembered === undefined ? begun : { ...begun, remember: form.has("remember") };
      const login = form.get("login") ?? "";
      const password = form.get("password") ?? "";
      const missing = whatIsMissing(login, password, connector.login.loginLabel);
      if (missing !== undefined) {
        return passwordForm(visit, state, connector, {
          status: 400,
          typed: login.slice(0, MAX_FIELD_LENGTH),
          message: missing,
        });
      }
      const source = visit.request.ip ?? "";
      const outcome = await connector.login.verify({ login, password, source, asked: askedOf(state), now: visit.now });
      if (outcome.kind === "identity") return acceptIdentity(visit, state, connector, outcome);
      const typed = login.slice(0, MAX_FIELD_LENGTH);
      await passwordForm(visit, state, connector, { typed, ...refused.describe(visit, connector, outcome) });
    },

    callback: (visit, connectorId) => trip.callback(visit, connectorId),
    metadata(visit, connectorId) {
      const entry = connectors.find(connectorId);
      const document = entry?.connector?.metadata?.(paths.callbackUrl(connectorId), paths.signedOutUrl(connectorId));
      if (document === undefined) throw new InvalidInput(404, "there is nothing at this address");
      visit.response.setHeader("Content-Type", document.contentType);
      visit.response.setHeader("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
      visit.response.status(200).end(document.body);
    },
  };
}

function isPassword(connector: Connector): connector is Connector & { login: PasswordLogin } {
  return connector.login.kind === "password";
}

function whatIsMissing(login: string, password: string, loginLabel: string): string | undefined {
  if (login.trim() === "") return `please enter your ${loginLabel}`;
  if (password === "") return "please enter your password";
  return undefined;
}
