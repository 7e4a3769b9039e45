// Signing in through one connector: our own form for connectors that check a password, a trip to the upstream and back for
// the others. Both end with an identity, which accept-identity.ts turns into a person.
import type {
  AskedOfUpstream,
  CallbackLogin,
  CallbackRequest,
  Connector,
  LoginOutcome,
  LoginRefusal,
  PasswordLogin,
} from "@dex/connectors";
import type { LoginState } from "@dex/oidc";
import { equalInConstantTime, type JsonObject, type Logger, type Random } from "@dex/runtime";
import type { ConnectorSet } from "../live/connector-set.ts";
import { readForm, readQuery } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import { requestIdOf } from "../middleware/request-id.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import { soleHeader } from "../middleware/sole-header.ts";
import type { Pages } from "../pages.ts";
import type { Visit } from "../visit.ts";
import type { AcceptIdentity } from "./accept-identity.ts";
import { formTargets } from "./form-targets.ts";
import type { LoginCookies } from "./login-cookies.ts";
import { describeNotice } from "./notices.ts";
import { offeredConnectors } from "./offered-connectors.ts";
import { checkFormToken, openFlow, openFlowById } from "./open-flow.ts";
import type { LoginPaths } from "./paths.ts";

const HANDLE_BYTES = 16;
const MAX_FIELD_LENGTH = 1024;

export interface ConnectorLogin {
  /** GET: the password form, or off to the upstream. */
  begin(visit: Visit, connectorId: string): Promise<void>;
  /** POST of the password form. */
  submit(visit: Visit, connectorId: string): Promise<void>;
  /** GET: back from the upstream. */
  callback(visit: Visit, connectorId: string): Promise<void>;
}

export function makeConnectorLogin(parts: {
  issuerOrigin: string;
  registration: boolean;
  connectors: ConnectorSet;
  cookies: LoginCookies;
  paths: LoginPaths;
  pages: Pages;
  random: Random;
  acceptIdentity: AcceptIdentity;
  logger: Logger;
}): ConnectorLogin {
  const { connectors, cookies, paths, pages, random, acceptIdentity, logger } = parts;

  function openConnector(connectorId: string): Connector {
    const entry = connectors.find(connectorId);
    if (entry === undefined) throw new InvalidInput(404, "this way to sign in does not exist");
    if (entry.connector !== undefined) return entry.connector;
    throw new InvalidInput(404, "this way to sign in is not available; please choose another one");
  }

  function passwordForm(
    visit: Visit,
    state: LoginState,
    { id, type, displayName, login }: Connector & { login: PasswordLogin },
    answer: { status: number; typed: string; message?: string },
  ): void {
    // Other passwords than ours are made elsewhere.
    const registers = parts.registration && type === "local" && state.intent !== "link";
    const others = offeredConnectors(connectors, state, "sign in").filter((way) => way.id !== id);
    const view = {
      connectorName: displayName,
      loginLabel: login.loginLabel,
      action: paths.connector(id, state.id),
      formToken: state.formToken,
      login: answer.typed,
      ...(answer.message === undefined ? { notice: describeNotice(state, connectors) } : { message: answer.message }),
      ...(type === "local" ? { forgotHref: paths.sendResetPassword(state.id) } : {}),
      ...(registers ? { registerHref: paths.chooser(state.id, "register") } : {}),
      ...(others.length > 0 ? { otherWaysHref: paths.chooser(state.id) } : {}),
    };
    pages.password(visit.response, answer.status, view, formTargets(state.request.redirectUri));
  }

  /** Tells the person that this way did not work, and leads back to where another one can be taken. */
  function showRefusal(
    visit: Visit,
    state: LoginState,
    connector: Connector,
    refusal: LoginRefusal,
    typed: string,
  ): void {
    logger.warn("sign-in refused", {
      requestId: requestIdOf(visit.response),
      connectorId: connector.id,
      refusal: refusal.kind,
      ...("detail" in refusal ? { detail: refusal.detail } : {}),
    });
    const { status, message, retryAfterSeconds } = describeRefusal(refusal, connector);
    if (retryAfterSeconds !== undefined) visit.response.setHeader("Retry-After", String(retryAfterSeconds));
    if (isPassword(connector)) passwordForm(visit, state, connector, { status, typed, message });
    else showFailure(visit, state, connector, status, message);
  }

  function showFailure(visit: Visit, state: LoginState, connector: Connector, status: number, message: string): void {
    pages.error(visit.response, status, {
      title: "Sign-in was not completed",
      message,
      backHref: connectors.all().length > 1 ? paths.chooser(state.id) : paths.connector(connector.id, state.id),
    });
  }

  async function beginUpstream(
    visit: Visit,
    state: LoginState,
    connector: Connector & { login: CallbackLogin },
  ): Promise<void> {
    const handle = `${state.id}.${random(HANDLE_BYTES).toString("base64url")}`;
    const { prompt, maxAgeSeconds, loginHint } = state.request;
    const outcome = await connector.login.begin({
      callbackUrl: paths.callbackUrl(connector.id),
      state: handle,
      wish: {
        reauthenticate: prompt.includes("login"),
        // A new account, or one more way in: not simply whoever is signed in there.
        selectAccount: prompt.includes("select_account") || state.intent !== "sign in",
        maxAgeSeconds,
        loginHint,
        asked: askedOf(state),
      },
    });
    if (outcome.kind === "form") throw new Error(`connector "${connector.id}": forms are not posted yet`);
    if (outcome.kind !== "redirect") return showRefusal(visit, state, connector, outcome, "");
    const upstream = { connectorId: connector.id, data: { handle, held: outcome.data } };
    if (!cookies.write(visit.response, { ...state, upstream })) {
      throw new InvalidInput(400, "this request is too large to be taken to the other provider");
    }
    visit.response.redirect(303, outcome.to);
  }

  /** `typed` is the name that stands in our form again when the outcome is a refusal. */
  async function conclude(
    visit: Visit,
    state: LoginState,
    connector: Connector,
    outcome: LoginOutcome,
    typed: string,
  ): Promise<void> {
    if (outcome.kind !== "identity") return showRefusal(visit, state, connector, outcome, typed);
    await acceptIdentity(visit, state, connector, outcome);
  }

  return {
    async begin(visit, connectorId) {
      const state = openFlow(visit, cookies);
      const connector = openConnector(connectorId);
      if (isPassword(connector)) {
        return passwordForm(visit, state, connector, { status: 200, typed: state.request.loginHint ?? "" });
      }
      if (isCallback(connector)) return beginUpstream(visit, state, connector);
    },

    async submit(visit, connectorId) {
      refuseForeignOrigin(visit.request, parts.issuerOrigin);
      const state = openFlow(visit, cookies);
      const connector = openConnector(connectorId);
      if (!isPassword(connector)) throw new InvalidInput(405, "this way to sign in has no form", { Allow: "GET" });
      const form = await readForm(visit.request);
      checkFormToken(form, state.formToken);
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
      await conclude(visit, state, connector, outcome, login.slice(0, MAX_FIELD_LENGTH));
    },

    async callback(visit, connectorId) {
      const query = readQuery(visit.request);
      // RFC 6749 §3.1. Of a repeated parameter one part of the code might read the first, another the last.
      if (new Set(query.keys()).size < query.size) throw new InvalidInput(400, "a parameter was sent more than once");
      const handle = query.get("state") ?? "";
      const state = openFlowById(visit, cookies, handle.split(".")[0] ?? "");
      const connector = openConnector(connectorId);
      const trip = openTrip(state, connectorId, handle);
      if (trip === undefined || !isCallback(connector)) {
        throw new InvalidInput(
          400,
          "this answer does not belong to a sign-in that was begun here; please sign in again",
        );
      }
      const outcome = await connector.login.finish({
        callbackUrl: paths.callbackUrl(connectorId),
        query,
        state: handle,
        data: trip,
        asked: askedOf(state),
        request: callbackRequestOf(visit),
        now: visit.now,
      });
      // One answer per trip (MIX-2): whatever it was, it is not looked at again.
      const returned = { ...state, upstream: undefined };
      if (outcome.kind !== "identity") cookies.write(visit.response, returned);
      await conclude(visit, returned, connector, outcome, "");
    },
  };
}

/** Own pages ask for nothing: their scope is empty. */
function askedOf({ request: { scope } }: LoginState): AskedOfUpstream {
  return { groups: scope.includes("groups"), offlineAccess: scope.includes("offline_access") };
}

function callbackRequestOf({ request }: Visit): CallbackRequest {
  return {
    header: (name) => soleHeader(request.headersDistinct[name.toLowerCase()]),
    peer: request.socket.remoteAddress ?? "",
  };
}

/** What the connector kept for this trip, if `handle` and connector are those that it was begun with (MIX-1, MIX-2). */
function openTrip(state: LoginState, connectorId: string, handle: string): JsonObject | undefined {
  if (state.upstream?.connectorId !== connectorId) return undefined;
  const { handle: expected, held } = state.upstream.data;
  if (typeof expected !== "string" || !equalInConstantTime(expected, handle)) return undefined;
  return typeof held === "object" && held !== null && !Array.isArray(held) ? (held as JsonObject) : undefined;
}

function isPassword(connector: Connector): connector is Connector & { login: PasswordLogin } {
  return connector.login.kind === "password";
}

function isCallback(connector: Connector): connector is Connector & { login: CallbackLogin } {
  return connector.login.kind === "callback";
}

function whatIsMissing(login: string, password: string, loginLabel: string): string | undefined {
  if (login.trim() === "") return `please enter your ${loginLabel}`;
  if (password === "") return "please enter your password";
  return undefined;
}

function describeRefusal(
  refusal: LoginRefusal,
  connector: Connector,
): { status: number; message: string; retryAfterSeconds?: number } {
  switch (refusal.kind) {
    case "throttled": {
      const { retryAfterSeconds } = refusal;
      const message = `too many attempts; please try again in ${retryAfterSeconds} seconds`;
      return { status: 429, message, retryAfterSeconds };
    }
    case "busy": {
      const { retryAfterSeconds } = refusal;
      return { status: 503, message: "too many people are signing in just now; please try again", retryAfterSeconds };
    }
    case "unavailable":
      return { status: 503, message: `${connector.displayName} cannot be reached just now`, retryAfterSeconds: 5 };
    case "refused":
      if (refusal.reason === "invalid credentials") {
        return { status: 403, message: "the name or the password is not right" };
      }
      if (refusal.reason === "not permitted") {
        const message = `your account at ${connector.displayName} is in none of the groups that may sign in here`;
        return { status: 403, message };
      }
      if (refusal.reason === "denied upstream")
        return { status: 403, message: `${connector.displayName} did not sign you in` };
      return { status: 403, message: `the answer of ${connector.displayName} could not be accepted` };
  }
}
