import type { Client } from "../clients/client.ts";
import { answeredBefore } from "../endpoints/one-answer.ts";
import { OAuthError } from "../errors.ts";
import type { Session, UpstreamClaim } from "../ports.ts";
import { scopeContains } from "../scope.ts";
import { isSharedWith, type Sharing } from "../sessions/sharing.ts";
import { acrOf } from "../tokens/acr.ts";
import { type Subjects, sectorOf } from "../tokens/subject.ts";
import { LOGIN_STATE_LIFETIME_SECONDS, type LoginState, type UnmatchedIdentity } from "./login-state.ts";
import { releasedScope } from "./released-scope.ts";

export type AuthenticationReason =
  | "no session"
  | "a new account is wanted"
  | "prompt=login"
  | "prompt=select_account"
  | "max_age passed"
  | "another user is signed in"
  | "the sign-in is not of the kind asked for"
  | "the client does not allow the connector"
  | "the sign-in was for a client that does not share it"
  | "the connector was asked for less";

/** What comes next on the way to a code. */
export type NextStep =
  /** `connectorId`: through this one, and no other will do. */
  | { readonly kind: "authenticate"; readonly reason: AuthenticationReason; readonly connectorId: string | undefined }
  /** The person is to say whether this identity becomes theirs (ACC-12). */
  | { readonly kind: "link"; readonly session: Session; readonly identity: UnmatchedIdentity }
  /** The person wants to link an identity and is to prove one. */
  | { readonly kind: "prove identity"; readonly session: Session }
  | { readonly kind: "consent"; readonly session: Session; readonly scope: readonly string[] }
  /** The person is to say whether the device may sign in as them, whoever its client is and whatever they allowed before. */
  | { readonly kind: "approve device"; readonly session: Session }
  | { readonly kind: "finish"; readonly session: Session }
  | { readonly kind: "refuse"; readonly error: OAuthError };

/** Upstream clocks may be off by this much. */
const CLOCK_TOLERANCE_SECONDS = 60;
/** `openid` itself releases nothing but an identifier. */
const SCOPES_WITHOUT_CONSENT: readonly string[] = ["openid"];

/** Whether what people allowed a client that registered itself is remembered, as for every other. */
export type ConsentForRegistered = "asked about each time" | "asked about once";

/** What a connector can give of that which a client asks by scope. Nothing, when it is not there. */
export type GivesOfUpstream = (connectorId: string) => readonly UpstreamClaim[];

/**
 * Decides the next step of a flow, OIDC Core §3.1.2.3 and §3.1.2.4. `session` is the browser's, looked up for the
 * request's client. A login_hint plays no part: it fills a form and selects nobody.
 */
export function decideNextStep(
  state: LoginState,
  facts: {
    readonly session: Session | undefined;
    readonly client: Client;
    readonly gives: GivesOfUpstream;
    readonly subjects: Subjects;
    /** Each time, when left out. */
    readonly registeredClients?: ConsentForRegistered;
    readonly sharing: Sharing;
    readonly now: Date;
  },
): NextStep {
  const { now } = facts;
  const { prompt } = state.request;
  const silent = prompt.includes("none");
  const session = facts.session !== undefined && facts.session.expiresAt > now ? facts.session : undefined;
  if (session === undefined) return authenticate("no session", silent);
  // The row of the first answer is what keeps it the only one; this is to say so before anything is asked for.
  if (session.answered === true) return { kind: "refuse", error: answeredBefore(state.request) };
  const reason = reasonToAuthenticate(state, session, facts);
  if (reason !== undefined) {
    // What this very flow has just established will not get better by asking again.
    if (signedInHere(state, session)) return refuse("login_required", `the sign-in does not satisfy: ${reason}`);
    return authenticate(reason, silent);
  }
  // Not what was asked for is missing, only what was asked of the upstream: a page may be shown for it, an error is not.
  if (!silent && state.intent === "sign in" && askedForLess(state, session, facts)) {
    const { connectorId } = session;
    return { kind: "authenticate", reason: "the connector was asked for less", connectorId };
  }
  const { unmatched } = state;
  const linking = state.intent === "link";
  // Whoever proved the identity must be who owns the account, so a session from before this flow is not enough.
  if (unmatched !== undefined && (linking || signedInHere(state, session))) {
    return { kind: "link", session, identity: unmatched };
  }
  if (linking) return { kind: "prove identity", session };
  // RFC 8628 §5.4: the code may have come from somebody else's device, which consent of another day says nothing about.
  if (endsElsewhere(state)) return { kind: "approve device", session };
  if (!consentNeeded(state, session, facts)) return { kind: "finish", session };
  if (silent) return refuse("consent_required", "the user has not consented to what the client asks for");
  return { kind: "consent", session, scope: releasedScope(state.request) };
}

/** Whether the flow lets somebody in elsewhere: a device, or a client that asked for this person. */
export function endsElsewhere({ deviceUserCode, backchannelRequest }: LoginState): boolean {
  return deviceUserCode !== undefined || backchannelRequest !== undefined;
}

function signedInHere(state: LoginState, session: Session): boolean {
  return state.signedInSession !== undefined && state.signedInSession === session.hash.toString("base64url");
}

/** A sign-in asks for all that its client asks for, whatever the upstream gives then, so that nobody is sent twice. */
function askedForLess(
  { request }: LoginState,
  session: Session,
  { client, gives }: { readonly client: Client; readonly gives: GivesOfUpstream },
): boolean {
  const scope = releasedScope(request);
  return gives(session.connectorId).some((claim) => {
    if (!scope.includes(claim) || session.asked.includes(claim)) return false;
    return claim === "groups" ? session.user.groups === undefined : client.grantTypes.includes("refresh_token");
  });
}

function reasonToAuthenticate(
  state: LoginState,
  session: Session,
  facts: { readonly client: Client; readonly subjects: Subjects; readonly sharing: Sharing; readonly now: Date },
): AuthenticationReason | undefined {
  const { client, subjects, sharing, now } = facts;
  const { prompt, maxAgeSeconds, essentialAcr } = state.request;
  const here = signedInHere(state, session);
  const ageSeconds = (now.getTime() - session.authTime.getTime()) / 1000;
  // AUT-5: a sign-in of this flow counts, unless the upstream answered from a session of its own that is older.
  const stale = !here || ageSeconds > LOGIN_STATE_LIFETIME_SECONDS + CLOCK_TOLERANCE_SECONDS;
  if (client.allowedConnectors?.includes(session.connectorId) === false) {
    return "the client does not allow the connector"; // SAM-8
  }
  if (!here && !isSharedWith(client.id, session, sharing)) return "the sign-in was for a client that does not share it";
  if (state.intent === "register" && !here) return "a new account is wanted";
  if (prompt.includes("login") && stale) return "prompt=login";
  if (prompt.includes("select_account") && !here) return "prompt=select_account";
  if (maxAgeSeconds !== undefined && stale && (maxAgeSeconds === 0 || ageSeconds > maxAgeSeconds)) {
    return "max_age passed";
  }
  if (!isWantedPerson(state, session, client, subjects)) return "another user is signed in";
  // OIDC Core §5.5.1.1: what cannot be had is a failed sign-in, not a weaker one.
  return essentialAcr?.includes(acrOf(session.amr)) === false ? "the sign-in is not of the kind asked for" : undefined;
}

/** AUT-6, AUT-7: whom a client, a hint or a `claims` parameter names may be signed in, and nobody else. */
function isWantedPerson(state: LoginState, session: Session, client: Client, subjects: Subjects): boolean {
  const { request, backchannelRequest } = state;
  if (backchannelRequest !== undefined && backchannelRequest.userId !== session.user.id) return false;
  const { hintedUserId, hintedSector, subjects: wanted } = request;
  if (hintedUserId !== undefined && hintedUserId !== subjects.of(session, hintedSector)) return false;
  return wanted?.includes(subjects.of(session, sectorOf(client))) ?? true;
}

function consentNeeded(
  state: LoginState,
  session: Session,
  { client, registeredClients }: { readonly client: Client; readonly registeredClients?: ConsentForRegistered },
): boolean {
  const { prompt } = state.request;
  if (prompt.includes("consent")) return true;
  // RFC 9396 §3: one payment allowed is not the next. So also of a client that nobody is asked about otherwise.
  if (state.request.authorizationDetails !== undefined) return true;
  // DCR-3: whoever registered itself could have taken a name that was trusted before.
  if (client.dynamic && registeredClients !== "asked about once") return true;
  if (client.trusted) return false;
  if (session.consentedScope === undefined) return true;
  return !scopeContains([...session.consentedScope, ...SCOPES_WITHOUT_CONSENT], releasedScope(state.request));
}

// AUT-4: prompt=none shows no page.
function authenticate(reason: AuthenticationReason, silent: boolean): NextStep {
  return silent
    ? refuse("login_required", `the user must sign in: ${reason}`)
    : { kind: "authenticate", reason, connectorId: undefined };
}

function refuse(code: "login_required" | "consent_required", message: string): NextStep {
  return { kind: "refuse", error: new OAuthError(code, message) };
}
