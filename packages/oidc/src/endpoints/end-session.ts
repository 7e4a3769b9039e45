// The end session endpoint, OIDC RP-Initiated Logout 1.0: what was asked, and whether the person must say yes first. What ends
// is the session of the browser that asks; a hint names nobody else's.
import { toEpochSeconds } from "@dex/runtime";
import type { Client } from "../clients/client.ts";
import { OAuthError } from "../errors.ts";
import type { Clients, OwnTokenVerifier, Session } from "../ports.ts";
import { sidOf } from "../sessions/session-id.ts";
import { ID_TOKEN_TYP } from "../tokens/id-token.ts";
import { type Subjects, sectorOf } from "../tokens/subject.ts";
import { refuseRepeated, refuseUnsafeParameters, single } from "./parameters.ts";

/** Below the issuer. */
export const END_SESSION_PATH = "/logout";

const MAX_HINT_LENGTH = 16 * 1024;
const MAX_STATE_LENGTH = 1024;
const MAX_CLIENT_ID_LENGTH = 512;
const CLOCK_TOLERANCE_SECONDS = 60;

/** OIDC RP-Initiated Logout §2. Known, once each; logout_hint and ui_locales are taken and change nothing. */
const PARAMETERS = [
  "id_token_hint",
  "logout_hint",
  "client_id",
  "post_logout_redirect_uri",
  "state",
  "ui_locales",
] as const;

/** What an ID token says of the session that it was issued in. */
export interface HintedSession {
  readonly subject: string;
  /** Of the client that knows the person by this name, where it has pairwise ones. */
  readonly sector: string | undefined;
  readonly sid: string | undefined;
}

/** A request to sign out that holds together. */
export interface LogoutRequest {
  /** Whose ID token came with it, and of which session. */
  readonly hint: HintedSession | undefined;
  readonly clientId: string | undefined;
  /** A registered address of the client with the state of the request: where to go on afterwards. */
  readonly returnTo: string | undefined;
}

export type LogoutDecision =
  | { readonly kind: "read"; readonly request: LogoutRequest }
  /** Told to the person: nobody else is known to have asked. */
  | { readonly kind: "refused"; readonly error: OAuthError };

export interface EndSessionParts {
  readonly issuer: string;
  readonly clients: Clients;
  readonly idTokens: OwnTokenVerifier;
  readonly now: Date;
}

/** Reads a request to sign out. One that names an address to go to, and not whose it is, is refused. */
export async function decideEndSession(params: URLSearchParams, parts: EndSessionParts): Promise<LogoutDecision> {
  const malformed = refuseUnsafeParameters(params) ?? refuseRepeated(params, PARAMETERS);
  if (malformed !== undefined) return { kind: "refused", error: malformed };
  const hint = await readHint(params, parts);
  if (hint === "refused") return refused("id_token_hint is not an ID token of this issuer");
  const clientId = single(params, "client_id") ?? hint?.clientId;
  // §2: where both are there, the ID token must have been issued to this client.
  if (clientId !== undefined && hint !== undefined && !hint.audience.includes(clientId)) {
    return refused("id_token_hint was issued to another application than client_id");
  }
  const uri = single(params, "post_logout_redirect_uri");
  const hinted = hint && (await toHintedSession(hint, parts.clients));
  const request = { hint: hinted, clientId, returnTo: undefined };
  if (uri === undefined) return { kind: "read", request };
  const client = await findClient(clientId, parts.clients);
  if (client === undefined) return refused("post_logout_redirect_uri needs an id_token_hint or a known client_id");
  // Byte for byte, as a redirect_uri: no query may be added to it (§3).
  if (client.details.post_logout_redirect_uris?.includes(uri) !== true) {
    return refused("post_logout_redirect_uri is not registered for this application");
  }
  const state = single(params, "state");
  if (state !== undefined && state.length > MAX_STATE_LENGTH) return refused("state is too long");
  return { kind: "read", request: { ...request, returnTo: state === undefined ? uri : withState(uri, state) } };
}

/**
 * Whether the person must say yes first: another site may have sent them here. An ID token of theirs proves that it was an
 * application they are signed in to (BRO-9).
 */
export function mustConfirmLogout(
  request: LogoutRequest,
  session: Pick<Session, "hash" | "user" | "connectorId">,
  subjects: Subjects,
): boolean {
  const { hint } = request;
  if (hint === undefined) return true;
  return !namesSession(request, session.hash) && hint.subject !== subjects.of(session, hint.sector);
}

/** Whether the ID token that came along was issued in this very session: it proves as much where the session has expired. */
export function namesSession({ hint }: LogoutRequest, sessionHash: Buffer): boolean {
  return hint?.sid === sidOf(sessionHash);
}

interface Hint {
  readonly subject: string;
  readonly sid: string | undefined;
  readonly audience: readonly string[];
  /** The client that it was issued to, where it says so. */
  readonly clientId: string | undefined;
}

/** Signature, issuer and audience count; an expired token will do (§4). */
async function readHint(
  params: URLSearchParams,
  { issuer, idTokens, now }: EndSessionParts,
): Promise<Hint | undefined | "refused"> {
  const text = single(params, "id_token_hint");
  if (text === undefined) return undefined;
  const claims = text.length > MAX_HINT_LENGTH ? undefined : await idTokens.verify(text, ID_TOKEN_TYP);
  if (claims === undefined || claims.iss !== issuer) return "refused";
  const { sub, aud, azp, iat, sid } = claims;
  if (typeof sub !== "string" || sub === "" || typeof iat !== "number") return "refused";
  if (iat > toEpochSeconds(now) + CLOCK_TOLERANCE_SECONDS) return "refused";
  const audience = (Array.isArray(aud) ? aud : [aud]).filter((one): one is string => typeof one === "string");
  if (audience.length === 0) return "refused";
  const clientId = typeof azp === "string" ? azp : audience.length === 1 ? audience[0] : undefined;
  return {
    subject: sub,
    sid: typeof sid === "string" ? sid : undefined,
    audience: typeof azp === "string" ? [...audience, azp] : audience,
    clientId,
  };
}

// Appended as text: URL would write the registered address anew.
function withState(uri: string, state: string): string {
  const separator = !uri.includes("?") ? "?" : /[?&]$/.test(uri) ? "" : "&";
  return `${uri}${separator}state=${encodeURIComponent(state)}`;
}

async function toHintedSession({ subject, sid, clientId }: Hint, clients: Clients): Promise<HintedSession> {
  const client = await findClient(clientId, clients);
  return { subject, sid, sector: client && sectorOf(client) };
}

async function findClient(clientId: string | undefined, clients: Clients): Promise<Client | undefined> {
  return clientId === undefined || clientId.length > MAX_CLIENT_ID_LENGTH ? undefined : clients.find(clientId);
}

function refused(message: string): LogoutDecision {
  return { kind: "refused", error: new OAuthError("invalid_request", message) };
}
