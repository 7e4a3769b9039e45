// Every step of a sign-in ends here: the dispatcher reads the login state and who is signed in, asks the engine what is
// missing, and sends the browser there. Steps never call each other, so none can be skipped.
import type { Identity, UpstreamGrant } from "@dex/connectors";
import {
  type AuthorizationAnswers,
  answeredBefore,
  type Client,
  type Clients,
  type ConsentForRegistered,
  decideNextStep,
  endpointUrl,
  endsElsewhere,
  type IssueOutcome,
  type LoginState,
  limitsFor,
  type NewUpstreamGrant,
  type NextStep,
  nameForOneAnswer,
  newSession,
  OAuthError,
  OUT_OF_BAND,
  type PasswordAttemptOf,
  type PreparedAnswer,
  type Session,
  type SessionLimits,
  type Sharing,
  type SignIns,
  type Subjects,
  type UpstreamClaim,
} from "@dex/oidc";
import type { Logger, Random } from "@dex/runtime";
import type { User } from "@dex/users";
import { handOverCode, OOB_PATH } from "../accounts/oob.ts";
import type { ConnectorSet } from "../live/connector-set.ts";
import type { CookieNames } from "../middleware/cookies.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import type { Visit } from "../visit.ts";
import type { AuthorizationResponder } from "./authorization-responder.ts";
import type { BrowserStates } from "./browser-state.ts";
import { homeRealmOf } from "./home-realm.ts";
import type { LoginCookies } from "./login-cookies.ts";
import { type ChooserMode, offeredConnectors, scopeThrough, servesAnswer } from "./offered-connectors.ts";
import { isForOwnPages } from "./own-pages-client.ts";
import type { LoginPaths } from "./paths.ts";
import { newSessionId, readSessionHash, writeSession } from "./session-cookie.ts";
import type { UpstreamGrantSealer } from "./upstream-grant-sealer.ts";

/** A person whose identity has just been proved in this very flow. */
export interface ProvedPerson {
  readonly user: User;
  readonly identity: Identity;
  readonly consentedScope: readonly string[] | undefined;
  /** The attempt that turned out right, where a password was checked here. */
  readonly rightPassword: PasswordAttemptOf | undefined;
  /** What the connector was asked for beside who this is. */
  readonly asked: readonly UpstreamClaim[];
  /** What the connector gave to be asked again with. */
  readonly grant: UpstreamGrant | undefined;
}

export interface Dispatcher {
  /** Decides what this flow needs next and sends the browser there. */
  next(visit: Visit, state: LoginState): Promise<void>;
  /** Sends the browser to where this flow signs in or registers, whoever is signed in already. */
  authenticate(visit: Visit, state: LoginState): Promise<void>;
  /** The same as `next` after a credential was checked: opens the session, and answers with it when nothing else is missing. */
  signedIn(visit: Visit, state: LoginState, person: ProvedPerson): Promise<void>;
  /** Hands the state to the browser and sends it to the next page of this flow. */
  goOn(visit: Visit, state: LoginState, to: string): void;
  /** What is missing for this flow, for a step that must know before it acts. */
  decide(visit: Visit, state: LoginState): Promise<NextStep>;
  /** Ends the flow with what the client asked for, of `session`; `consent` is recorded with it. */
  finish(visit: Visit, state: LoginState, session: Session, consent: readonly string[] | undefined): Promise<void>;
  /** Ends the flow with an error that the client is told. `sessionHash`: of the browser's live session, where it has one. */
  refuse(visit: Visit, state: LoginState, error: OAuthError, sessionHash: Buffer | undefined): Promise<void>;
}

/** The steps that need the person: each has a page. */
type StepOfPerson = Exclude<NextStep, { kind: "finish" | "refuse" }>;

export function makeDispatcher(parts: {
  issuer: string;
  clients: Clients;
  /** As they are stored: of what other clients say nothing is fetched. */
  storedClients: Clients;
  /** Before something is granted to a client that describes itself in a document: it must be stored by then. */
  keepClient: (client: Client) => Promise<void>;
  connectors: ConnectorSet;
  signIns: SignIns;
  cookies: LoginCookies;
  cookieNames: CookieNames;
  browserStates: BrowserStates;
  paths: LoginPaths;
  newFormToken: () => string;
  responder: AuthorizationResponder;
  answers: AuthorizationAnswers;
  random: Random;
  sessionLimits: SessionLimits;
  sharedByDefault: Sharing["byDefault"];
  grantSealer: UpstreamGrantSealer;
  subjects: Subjects;
  registeredClients: ConsentForRegistered;
  logger: Logger;
}): Dispatcher {
  const {
    issuer,
    clients,
    connectors,
    signIns,
    cookies,
    cookieNames,
    browserStates,
    paths,
    answers,
    random,
    sessionLimits,
    grantSealer,
    subjects,
  } = parts;

  async function clientOf(state: LoginState): Promise<Client> {
    const client = await clients.find(state.request.clientId);
    if (client === undefined) throw new OAuthError("invalid_request", "the application is no longer registered");
    return client;
  }

  function gives(connectorId: string): readonly UpstreamClaim[] {
    return connectors.find(connectorId)?.gives ?? [];
  }

  function forAnswer(state: LoginState, connectorId: string): LoginState {
    const scope = scopeThrough(connectors.find(connectorId), state.request.scope);
    return { ...state, request: { ...state.request, scope } };
  }

  function sealGrant({ user, identity, grant }: ProvedPerson): NewUpstreamGrant | undefined {
    const { connectorId, remoteId } = identity;
    const upstream = connectors.find(connectorId)?.upstream;
    if (grant === undefined || upstream === undefined) return undefined;
    const sealed = grantSealer.seal({ userId: user.id, connectorId, remoteId, upstream }, grant);
    // Without it the upstream would never be asked again, which the client must not take for its consent.
    if (sealed === undefined) throw new OAuthError("server_error", "the provider's answer is too large to be kept");
    return { remoteId, sealed };
  }

  const rules = { gives, subjects, registeredClients: parts.registeredClients };

  async function look(visit: Visit, state: LoginState): Promise<{ step: NextStep; live: Session | undefined }> {
    const hash = readSessionHash(visit.request, cookieNames);
    const { clientId } = state.request;
    const oneAnswer = nameForOneAnswer(state.request);
    const [client, found] = await Promise.all([
      clientOf(state),
      hash && signIns.findSession(hash, clientId, visit.now, sessionLimits.idleSeconds, oneAnswer),
    ]);
    const session = found !== undefined && countsFor(state, found) ? found : undefined;
    const sharing = await sharingOf(session);
    return { step: decideNextStep(state, { ...rules, session, client, sharing, now: visit.now }), live: found };
  }

  /** What the clients say that the person has signed in to: of a few, and as good as always from memory. */
  async function sharingOf(session: Pick<Session, "provedFor"> | undefined): Promise<Sharing> {
    const origins = session?.provedFor ?? [];
    const found = await Promise.all(origins.map((id) => parts.storedClients.find(id)));
    const sharedWith = new Map(origins.map((id, index) => [id, found[index]?.details.sso_shared_with]));
    return { byDefault: parts.sharedByDefault, sharedWith };
  }

  /** A session through a connector that is not for this kind of answer is none to this request; our own pages get no answer. */
  function countsFor(state: LoginState, { connectorId }: Session): boolean {
    const entry = connectors.find(connectorId);
    return entry === undefined || isForOwnPages(state) || servesAnswer(entry, state);
  }

  async function finish(
    visit: Visit,
    state: LoginState,
    session: Session,
    consent: readonly string[] | undefined,
  ): Promise<void> {
    if (isForOwnPages(state)) return backToOwnPage(visit, state);
    const client = await clientOf(state);
    const refusal = await answers.refusalOf(state.request, client);
    if (refusal !== undefined) return refuse(visit, state, refusal, session.hash);
    const answer = answers.prepare({ state: forAnswer(state, session.connectorId), session, client, now: visit.now });
    await parts.keepClient(client);
    refuseUnissued(await signIns.issueCode({ code: answer.stored, consent }), state);
    await deliver(visit, state, { answer, client });
  }

  /** The answer is stored, so whatever it holds is good. */
  async function deliver(
    visit: Visit,
    state: LoginState,
    { answer, client }: { readonly answer: PreparedAnswer; readonly client: Client },
  ): Promise<void> {
    const { response, now } = visit;
    const { redirectUri } = state.request;
    if (redirectUri === OUT_OF_BAND && answer.code !== undefined) {
      cookies.clear(response, state.id);
      browserStates.begin(visit, answer.session.hash);
      handOverCode(response, cookieNames, answer.code);
      response.redirect(303, endpointUrl(issuer, OOB_PATH));
      return;
    }
    const members = await answers.complete(answer, client, now).catch((error: unknown) => {
      if (error instanceof OAuthError) return error;
      throw error;
    });
    if (members instanceof OAuthError) return await refuseUnmade(visit, state, members, answer.session);
    cookies.clear(response, state.id);
    const all = [...members, ...browserStates.describe(visit, state.request, answer.session.hash)];
    await parts.responder.answer(visit, state.request, all);
  }

  /** What the client registered does not let its answer be made, such as a key that cannot be encrypted to. */
  function refuseUnmade(
    visit: Visit,
    state: LoginState,
    { message, detail }: OAuthError,
    { hash }: Session,
  ): Promise<void> {
    parts.logger.warn("answer not made", { clientId: state.request.clientId, message, detail });
    return refuse(visit, state, new OAuthError("server_error", message), hash);
  }

  // The session is all that our own pages need.
  function backToOwnPage({ response }: Visit, state: LoginState): void {
    cookies.clear(response, state.id);
    response.redirect(303, state.request.redirectUri);
  }

  async function refuse(
    visit: Visit,
    state: LoginState,
    error: OAuthError,
    sessionHash: Buffer | undefined,
  ): Promise<void> {
    const { response } = visit;
    cookies.clear(response, state.id);
    if (isForOwnPages(state) || error.code === "invalid_request_uri") throw error;
    // Nobody listens there, so the person is told, in whose hands everything else is too.
    if (state.request.redirectUri === OUT_OF_BAND || endsElsewhere(state)) {
      const nothing =
        state.deviceUserCode === undefined ? "the application gets nothing" : "the device is not signed in";
      throw new InvalidInput(error.code === "access_denied" ? 403 : 400, `${nothing}: ${error.message}`);
    }
    const beside = browserStates.describe(visit, state.request, sessionHash);
    await parts.responder.refuse(visit, state.request, error, beside);
  }

  /** Hands the state to the browser and sends it on. */
  function goOn({ response }: Visit, state: LoginState, to: string): void {
    if (!cookies.write(response, state)) throw new OAuthError("invalid_request", "the request is too large");
    response.redirect(303, to);
  }

  /** Straight to the connector that was asked for, or that the person's address belongs to, or to the only one there is. */
  async function placeOfConnector(state: LoginState, mode: ChooserMode, wanted: string | undefined): Promise<string> {
    const offered = await offeredConnectors(parts, state, mode);
    const [only] = offered;
    const chosen =
      offered.find(({ id }) => id === wanted) ?? (offered.length === 1 ? only : homeRealmOf(state, offered, mode));
    if (chosen === undefined) return paths.chooser(state.id);
    const registersHere = mode === "register" && chosen.connector?.type === "local";
    return registersHere ? paths.register(state.id) : paths.connector(chosen.id, state.id);
  }

  function placeOfSignIn(state: LoginState): Promise<string> {
    const { intent, request } = state;
    if (intent === "register") return placeOfConnector(state, "register", request.connectorId);
    // The connector whose identity is to be linked cannot sign in the person who is to own it.
    return placeOfConnector(state, "sign in", intent === "link" ? undefined : request.connectorId);
  }

  async function placeOf(state: LoginState, step: StepOfPerson): Promise<string> {
    switch (step.kind) {
      case "authenticate":
        return step.connectorId === undefined ? placeOfSignIn(state) : paths.connector(step.connectorId, state.id);
      case "prove identity":
        return placeOfConnector(state, "link", state.request.connectorId);
      case "link":
        return paths.link(state.id);
      case "consent":
        return paths.consent(state.id);
      case "approve device":
        return state.deviceUserCode === undefined
          ? paths.backchannelApproval(state.id)
          : paths.deviceApproval(state.id);
    }
  }

  return {
    decide: async (visit, state) => (await look(visit, state)).step,
    finish,
    refuse,
    goOn,
    authenticate: async (visit, state) => goOn(visit, state, await placeOfSignIn(state)),

    async next(visit, state) {
      const { step, live } = await look(visit, state);
      if (step.kind === "finish") return finish(visit, state, step.session, undefined);
      if (step.kind === "refuse") return refuse(visit, state, step.error, live?.hash);
      goOn(visit, state, await placeOf(state, step));
    },

    async signedIn(visit, state, person) {
      const { now } = visit;
      const client = await clientOf(state);
      const id = newSessionId(random);
      const limits = limitsFor(sessionLimits, state.remember);
      const stored = newSession({
        hash: id.hash,
        user: person.user,
        identity: { ...person.identity, asked: person.asked },
        clientId: client.id,
        userAgent: visit.request.headers["user-agent"],
        limits,
        now,
      });
      const session = toSession(stored, person);
      const proved: LoginState = {
        ...state,
        upstream: undefined,
        signedInSession: id.hash.toString("base64url"),
        notice: undefined,
        formToken: parts.newFormToken(), // forms from before the sign-in are dead (BRO-1)
      };
      const sharing = await sharingOf(undefined); // this sign-in is for this client
      const step = decideNextStep(proved, { ...rules, session, client, sharing, now });
      const answered = step.kind === "finish" && !isForOwnPages(proved);
      const refusal = answered ? await answers.refusalOf(proved.request, client) : undefined;
      // Refused, the browser stays in the session that it came with.
      const before = readSessionHash(visit.request, cookieNames);
      if (refusal !== undefined) return refuse(visit, state, refusal, before);
      // The credentials are right but not what was asked for: another person than the hint named, an old upstream session.
      if (step.kind === "refuse") return refuse(visit, state, step.error, before);
      const answering = { state: forAnswer(proved, session.connectorId), session, client, now };
      const answer = answered ? answers.prepare(answering) : undefined;
      if (answer !== undefined) await parts.keepClient(client);
      refuseUnissued(
        await signIns.signIn({
          session: stored,
          code: answer?.stored,
          replaces: before,
          rightPassword: person.rightPassword,
          upstreamGrant: sealGrant(person),
        }),
        state,
      );
      parts.logger.info("signed in", {
        clientId: client.id,
        connectorId: person.identity.connectorId,
        userId: person.user.id,
      });
      writeSession(visit.response, cookieNames, id.value, limits.cookieSeconds);
      if (answer !== undefined) return deliver(visit, proved, { answer, client });
      browserStates.begin(visit, id.hash);
      if (step.kind === "finish") return backToOwnPage(visit, proved);
      goOn(visit, proved, await placeOf(proved, step));
    },
  };
}

function toSession(stored: ReturnType<typeof newSession>, { user, identity, consentedScope }: ProvedPerson): Session {
  return {
    hash: stored.hash,
    user: {
      id: user.id,
      email: user.email,
      emailVerified: user.emailVerified,
      displayName: user.displayName,
      preferredUsername: stored.preferredUsername,
      groups: stored.groups,
      profile: user.profile,
      remoteId: identity.remoteId,
    },
    connectorId: stored.connectorId,
    authTime: stored.authTime,
    amr: stored.amr,
    expiresAt: stored.expiresAt,
    asked: stored.asked,
    provedFor: stored.provedFor === undefined ? [] : [stored.provedFor],
    consentedScope,
  };
}

function refuseUnissued(outcome: IssueOutcome, { request }: LoginState): void {
  if (outcome === "issued") return;
  // On a page of ours: with the first answer the client has what it asked for.
  if (outcome === "flow used") throw answeredBefore(request);
  throw new OAuthError("invalid_request", "this account can no longer sign in", { detail: outcome });
}
