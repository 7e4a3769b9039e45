// The trip of a browser to an upstream provider and back to our callback. Where the answer is posted by the upstream's page,
// our cookies do not come with it (SameSite=Lax): it is then posted once more, by a page of ours, rather than weakening them.
import type {
  AskedOfUpstream,
  CallbackLogin,
  CallbackRequest,
  Connector,
  ProvedIdentity,
  UpstreamDeparture,
} from "@dex/connectors";
import type { Clients, LoginState } from "@dex/oidc";
import { equalInConstantTime, type JsonObject, type Random } from "@dex/runtime";
import type { ConnectorEntry, ConnectorSet } from "../live/connector-set.ts";
import { readForm, readQuery } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import type { Pages } from "../pages.ts";
import type { Visit } from "../visit.ts";
import { formTargets } from "./form-targets.ts";
import type { LoginCookies } from "./login-cookies.ts";
import { refuseUnlessAllowed } from "./offered-connectors.ts";
import { openFlowById } from "./open-flow.ts";
import type { LoginPaths } from "./paths.ts";
import type { RefusedLogin } from "./refused-login.ts";
import { makeTripHandle, pageTargetsOf } from "./trip-handle.ts";

/** A SAML response of 256 KiB in base64, each of whose characters may be escaped, and what else stands in the form. */
const MAX_ANSWER_BYTES = 512 * 1024;
/** Stands in the form that a page of ours posted: it is not posted a third time. */
const POSTED_AGAIN = "dex_posted_again";
const NOT_OURS = "this answer does not belong to a sign-in that was begun here; please sign in again";

export type CallbackConnector = Connector & { readonly login: CallbackLogin };

export interface UpstreamTrip {
  /** Sends the browser to the upstream. */
  begin(visit: Visit, state: LoginState, connector: CallbackConnector): Promise<void>;
  /** GET or POST: back from the upstream, at the connector's own address, or at the one that several may share. */
  callback(visit: Visit, connectorId: string | undefined): Promise<void>;
}

export function makeUpstreamTrip(parts: {
  clients: Clients;
  connectors: ConnectorSet;
  cookies: LoginCookies;
  paths: LoginPaths;
  pages: Pages;
  random: Random;
  refused: RefusedLogin;
  accept: (visit: Visit, state: LoginState, connector: Connector, proved: ProvedIdentity) => Promise<void>;
}): UpstreamTrip {
  const { connectors, cookies, paths, pages, random, refused } = parts;

  /** Where the upstream answers to. Undefined when its configuration names an address that is none of ours. */
  function callbackUrlOf({ id, redirectUri }: Pick<ConnectorEntry, "id" | "redirectUri">): string | undefined {
    const own = paths.callbackUrl(id);
    if (redirectUri === undefined || redirectUri === own) return own;
    return redirectUri === paths.sharedCallbackUrl ? redirectUri : undefined;
  }

  function depart(visit: Visit, connector: Connector, departure: UpstreamDeparture): void {
    if (departure.kind === "redirect") visit.response.redirect(303, departure.to);
    else {
      const { to, fields } = departure;
      const view = { to: connector.displayName, action: to, fields: Object.entries(fields) };
      pages.continue(visit.response, view, formTargets(to));
    }
  }

  /** The answer again, from our own origin: with it come the cookies. Nothing is looked at or kept. */
  function postAgain(visit: Visit, answer: URLSearchParams, handle: string, callbackUrl: string): void {
    const fields = [...answer, [POSTED_AGAIN, "1"] as const];
    const view = { to: undefined, action: new URL(callbackUrl).pathname, fields };
    pages.continue(visit.response, view, pageTargetsOf(handle));
  }

  /** Throws InvalidInput unless the connector is there and answers in this way (MIX-1, SAM-8). */
  function openAnswered(connectorId: string, method: string): { connector: CallbackConnector; callbackUrl: string } {
    const entry = connectors.find(connectorId);
    if (entry?.connector === undefined) throw new InvalidInput(404, "this way to sign in does not exist");
    const { connector } = entry;
    if (!isCallback(connector)) throw new InvalidInput(400, NOT_OURS);
    const expected = connector.login.answersBy === "form" ? "POST" : "GET";
    const callbackUrl = callbackUrlOf(entry);
    if (method !== expected || callbackUrl === undefined) throw new InvalidInput(400, NOT_OURS);
    return { connector, callbackUrl };
  }

  /** The names that the state may have in an answer to the address that several share. */
  function sharedStateParameters(): ReadonlySet<string> {
    const sharing = connectors.all().filter((entry) => callbackUrlOf(entry) === paths.sharedCallbackUrl);
    const logins = sharing.map(({ connector }) => connector?.login).filter((login) => login?.kind === "callback");
    return new Set(logins.map(stateParameterOf));
  }

  /** The handle in an answer, and the name it came under. */
  function findHandle(answer: URLSearchParams, connectorId: string | undefined, method: string) {
    if (connectorId !== undefined) {
      const parameter = stateParameterOf(openAnswered(connectorId, method).connector.login);
      return { parameter, handle: answer.get(parameter) ?? "" };
    }
    const known = sharedStateParameters();
    if (known.size === 0) throw new InvalidInput(404, "there is nothing at this address");
    const [parameter = "state"] = [...known].filter((name) => answer.has(name));
    return { parameter, handle: answer.get(parameter) ?? "" };
  }

  return {
    async begin(visit, state, connector) {
      const callbackUrl = callbackUrlOf(connectors.find(connector.id) ?? { id: connector.id, redirectUri: undefined });
      if (callbackUrl === undefined) {
        const detail = `redirectURI: expected ${paths.callbackUrl(connector.id)} or ${paths.sharedCallbackUrl}`;
        return refused.show(visit, state, connector, { kind: "unavailable", detail });
      }
      const handle = makeTripHandle(state, random);
      const { prompt, maxAgeSeconds, loginHint } = state.request;
      const outcome = await connector.login.begin({
        callbackUrl,
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
      if (outcome.kind !== "redirect" && outcome.kind !== "form") return refused.show(visit, state, connector, outcome);
      const upstream = { connectorId: connector.id, data: { handle, held: outcome.data } };
      if (!cookies.write(visit.response, { ...state, upstream })) {
        throw new InvalidInput(400, "this request is too large to be taken to the other provider");
      }
      depart(visit, connector, outcome);
    },

    async callback(visit, connectorId) {
      const method = visit.request.method === "POST" ? "POST" : "GET";
      if (connectorId !== undefined) openAnswered(connectorId, method);
      const answer = method === "POST" ? await readForm(visit.request, MAX_ANSWER_BYTES) : readQuery(visit.request);
      // RFC 6749 §3.1. Of a repeated parameter one part of the code might read the first, another the last.
      if (new Set(answer.keys()).size < answer.size) throw new InvalidInput(400, "a parameter was sent more than once");
      const { parameter, handle } = findHandle(answer, connectorId, method);
      const flowId = handle.split(".")[0] ?? "";
      const here = connectorId === undefined ? paths.sharedCallbackUrl : paths.callbackUrl(connectorId);
      if (
        method === "POST" &&
        !answer.has(POSTED_AGAIN) &&
        cookies.read(visit.request, flowId, visit.now) === undefined
      ) {
        return postAgain(visit, answer, handle, here);
      }
      answer.delete(POSTED_AGAIN);
      const state = openFlowById(visit, cookies, flowId);
      const trip = openTrip(state, handle);
      if (trip === undefined) throw new InvalidInput(400, NOT_OURS);
      const { connector, callbackUrl } = openAnswered(trip.connectorId, method);
      // One address per trip, and it is not the answer that chooses it (MIX-1).
      if (callbackUrl !== here || stateParameterOf(connector.login) !== parameter)
        throw new InvalidInput(400, NOT_OURS);
      await refuseUnlessAllowed(parts, state, connector.id);
      const outcome = await connector.login.finish({
        callbackUrl,
        query: answer,
        state: handle,
        data: trip.held,
        asked: askedOf(state),
        request: callbackRequestOf(visit, connectorId === undefined ? "shared" : "own"),
        now: visit.now,
      });
      // One answer per trip (MIX-2): whatever it was, it is not looked at again.
      const returned = { ...state, upstream: undefined };
      if (outcome.kind === "identity") return parts.accept(visit, returned, connector, outcome);
      cookies.write(visit.response, returned);
      refused.show(visit, returned, connector, outcome);
    },
  };
}

/** Own pages ask for nothing: their scope is empty. */
export function askedOf({ request: { scope } }: LoginState): AskedOfUpstream {
  return { groups: scope.includes("groups"), offlineAccess: scope.includes("offline_access") };
}

export function isCallback(connector: Connector): connector is CallbackConnector {
  return connector.login.kind === "callback";
}

function stateParameterOf(login: CallbackLogin): string {
  return login.stateParameter ?? "state";
}

/**
 * Headers are only shown at a connector's own address. A proxy that vouches for people in headers guards one address, and
 * what comes to the shared one may not have passed it.
 */
function callbackRequestOf({ request }: Visit, address: "own" | "shared"): CallbackRequest {
  return {
    header(name) {
      const values = request.headersDistinct[name.toLowerCase()];
      return address === "own" && values?.length === 1 ? values[0] : undefined;
    },
    peer: request.socket.remoteAddress ?? "",
  };
}

/** The trip under way, if `handle` is the one that it was begun with (MIX-2). */
function openTrip({ upstream }: LoginState, handle: string): { connectorId: string; held: JsonObject } | undefined {
  if (upstream === undefined) return undefined;
  const { handle: expected, held } = upstream.data;
  if (typeof expected !== "string" || !equalInConstantTime(expected, handle)) return undefined;
  if (typeof held !== "object" || held === null || Array.isArray(held)) return undefined;
  return { connectorId: upstream.connectorId, held: held as JsonObject };
}
