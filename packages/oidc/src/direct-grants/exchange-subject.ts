// Whom the tokens of an exchange are about, and who acts for them: RFC 8693 §1.1, §2.1 and §4.1. Each token is looked at as a
// resource would: who made it, whether it stands, and whether it was made for the client that brings it (TX-1).
import { isDeepStrictEqual } from "node:util";
import type { JsonObject } from "@dex/runtime";
import { audiencesOf } from "../clients/audience.ts";
import type { Client } from "../clients/client.ts";
import { OAuthError, ProofRefused } from "../errors.ts";
import type { Revocations, TokenFamilies, TokenGrant } from "../ports.ts";
import type { Resources } from "../resources/resource.ts";
import type { AuthorizationDetail } from "../resources/terms.ts";
import type { AccessToken } from "../tokens/access-token.ts";
import { type Confirmation, confirms } from "../tokens/confirmation.ts";
import { liveGrantOf } from "../tokens/live-grant.ts";
import type { ReadOwnToken } from "../tokens/own-token.ts";
import { type Subjects, sectorOf } from "../tokens/subject.ts";
import type { ConnectorPeople, DirectGrant, UnprovedPerson } from "./direct-grants.ts";
import type { Derivation } from "./direct-terms.ts";
import type { ExchangeRequest } from "./exchange-request.ts";
import type { SubjectReach } from "./exchange-target.ts";

export interface ExchangeSubject
  extends Pick<DirectGrant, "userId" | "connectorId" | "amr" | "groups" | "preferredUsername"> {
  /** Undefined where nobody says. */
  readonly authTime: Date | undefined;
  /** Of the session that it comes of; undefined where there is none. */
  readonly sessionHash: Buffer | undefined;
  /** The scope of the subject token; undefined where it has none. */
  readonly scope: readonly string[] | undefined;
  /** When the subject token ends; undefined where nobody says. */
  readonly validUntil: Date | undefined;
  readonly derivedFrom: Derivation;
  /** What it is for, of that what counts for who brings it. */
  readonly reach: SubjectReach;
  /** Who acts for the user already. */
  readonly act: JsonObject | undefined;
  /** What the token is bound to where the client that brings it is its own, and so showed that. */
  readonly boundTo: Confirmation | undefined;
}

/** Who is to act for the user, by a token of theirs. */
export interface ExchangeActor {
  readonly subject: string;
  readonly validUntil: Date;
  readonly derivedFrom: Derivation;
}

/** Who brings a token. */
export interface Bringer {
  readonly client: Client;
  readonly confirmation: Confirmation | undefined;
  /** Every key that was proved: what a token was bound to it stays bound to. */
  readonly shown: Confirmation | undefined;
}

export interface ExchangeSubjectParts {
  readonly people: ConnectorPeople;
  readonly readOwnToken: ReadOwnToken;
  readonly families: Pick<TokenFamilies, "findLive">;
  readonly revocations: Pick<Revocations, "stands">;
  readonly subjects: Subjects;
  readonly resources: Resources;
  /** What a token for ourselves is for, where it says for whom it is. */
  readonly userinfoUrl: string;
}

const NOT_DERIVED: Derivation = { families: [], tokens: [] };

/** Who a token of a connector's issuer is about. Refusals are those of dex v2. */
export async function subjectOfConnector(
  subject: Extract<ExchangeRequest["subject"], { kind: "of a connector" }>,
  { client }: Bringer,
  { people }: Pick<ExchangeSubjectParts, "people">,
  now: Date,
): Promise<ExchangeSubject> {
  refuseConnector(subject.connectorId, client);
  const person = await people.bySubjectToken({ ...subject, clientId: client.id }, now);
  if (person.kind !== "person") throw refusalOf(person);
  return {
    ...person,
    connectorId: subject.connectorId,
    sessionHash: undefined,
    scope: undefined,
    derivedFrom: NOT_DERIVED,
    reach: { ourselves: true, resources: [], taken: true, details: [] },
    act: undefined,
    boundTo: undefined,
  };
}

/** Who an access token of ours is about: one that the client has, or that was made for it to take. */
export async function subjectOfOwnToken(
  text: string,
  bringer: Bringer,
  parts: ExchangeSubjectParts,
  now: Date,
): Promise<ExchangeSubject> {
  const own = await parts.readOwnToken(text, now);
  if (own?.kind !== "access token") throw unacceptable("subject", "it is no access token of a person");
  const { token } = own;
  const owned = ownedBy(bringer.client, token, parts.resources);
  const { grant, scope } = await standing(
    "subject",
    { ...token, audiences: [...audiencesOf(token.scope), ...owned.map(() => bringer.client.id)] },
    bringer,
    parts,
    now,
  );
  const { user, connectorId, sessionHash, authTime, amr, terms } = grant;
  refuseConnector(connectorId, bringer.client);
  if (!parts.people.mayExchange(connectorId)) throw notForExchange();
  return {
    userId: user.id,
    connectorId,
    sessionHash,
    amr,
    groups: user.groups,
    preferredUsername: user.preferredUsername,
    authTime: terms?.direct?.authTime === "unknown" ? undefined : authTime,
    scope,
    validUntil: own.token.expiresAt,
    derivedFrom: derivationOf(grant, own.token),
    reach: reachOf(token, grant, { owned, bringer }, parts),
    act: terms?.act,
    boundTo: token.clientId === bringer.client.id ? token.confirmation : undefined,
  };
}

/** The resources of the token that are the client's own: it asks about tokens for them (RFC 7662 §2.1). */
function ownedBy({ id }: Client, { audience = [] }: AccessToken, resources: Resources): readonly string[] {
  return audience.filter((one) => resources.find(one)?.introspectedBy.includes(id) === true);
}

/** What it can do at a resource it cannot do elsewhere by the result. */
function reachOf(
  { clientId, audience, scope, details: places, authorizationDetails }: AccessToken,
  { terms }: TokenGrant,
  { owned, bringer }: { readonly owned: readonly string[]; readonly bringer: Bringer },
  { resources, userinfoUrl }: ExchangeSubjectParts,
): SubjectReach {
  const { id } = bringer.client;
  const isHolder = clientId === id;
  const isNamed = audiencesOf(scope).includes(id);
  const given = terms?.authorizationDetails ?? [];
  // Those of a JWT are in it as they were granted.
  const has = (one: AuthorizationDetail, place: number) =>
    places?.includes(place) ?? authorizationDetails?.some((other) => isDeepStrictEqual(one, other)) ?? false;
  return {
    ourselves: (audience?.includes(userinfoUrl) ?? true) && (isHolder || isNamed),
    resources: isHolder ? (audience ?? []).filter((one) => resources.find(one) !== undefined) : owned,
    taken: isNamed || owned.length > 0,
    details: given.filter(has),
  };
}

/** Who the actor token is of: a person, or a client for itself. */
export async function actorOf(
  text: string,
  bringer: Bringer,
  parts: ExchangeSubjectParts,
  now: Date,
): Promise<ExchangeActor> {
  const own = await parts.readOwnToken(text, now);
  if (own?.kind === "access token") {
    const token = { ...own.token, audiences: audiencesOf(own.token.scope) };
    const { grant } = await standing("actor", token, bringer, parts, now);
    return {
      subject: parts.subjects.of(grant, sectorOf(bringer.client)),
      validUntil: own.token.expiresAt,
      derivedFrom: derivationOf(grant, own.token),
    };
  }
  if (own?.kind !== "client access token") throw unacceptable("actor", "it is no access token of ours");
  const { token } = own;
  refuseForeign("actor", { ...token, audiences: token.audience }, bringer);
  if (!(await parts.revocations.stands(token))) throw unacceptable("actor", "it was given back, or its client is gone");
  return {
    subject: token.clientId,
    validUntil: token.expiresAt,
    derivedFrom: { families: [], tokens: [token.id] },
  };
}

async function standing(
  which: "subject" | "actor",
  token: AccessToken & { readonly audiences: readonly string[] },
  bringer: Bringer,
  { families }: Pick<ExchangeSubjectParts, "families">,
  now: Date,
): Promise<{ readonly grant: TokenGrant; readonly scope: readonly string[] }> {
  refuseForeign(which, token, bringer);
  const live = await liveGrantOf(token, families, now);
  if (live === undefined) throw unacceptable(which, "it was given back, or what it belongs to has ended");
  return live;
}

/**
 * A client brings its own token, with the key that it is bound to, or one that it takes as a resource. What it takes it was
 * shown with a proof, if it needs one, and cannot prove again: there its own authentication stands for it.
 */
function refuseForeign(
  which: "subject" | "actor",
  token: {
    readonly clientId: string;
    readonly audiences: readonly string[];
    readonly confirmation?: Confirmation | undefined;
  },
  { client, shown }: Bringer,
): void {
  if (token.clientId === client.id) {
    if (!confirms(shown, token.confirmation)) throw unacceptable(which, "it is bound to another key");
  } else if (!token.audiences.includes(client.id)) {
    throw unacceptable(which, "it was made for another client");
  }
}

function derivationOf({ familyId, terms }: TokenGrant, { id }: AccessToken): Derivation {
  const { families, tokens } = terms?.derivedFrom ?? NOT_DERIVED;
  return { families: [...families, familyId], tokens: [...tokens, id] };
}

function refuseConnector(connectorId: string, { allowedConnectors }: Client): void {
  if (allowedConnectors === undefined || allowedConnectors.includes(connectorId)) return;
  throw new OAuthError("invalid_grant", "the client may not be used through this connector");
}

function notForExchange(): OAuthError {
  return new OAuthError("invalid_request", "tokens of people who came through this connector are not exchanged");
}

/** RFC 8693 §2.2.2. One message for every reason: what a token is to others is not told. */
function unacceptable(which: "subject" | "actor", detail: string): OAuthError {
  return new OAuthError("invalid_request", `the ${which} token is not valid for this client`, { detail });
}

/** What a connector's refusal is at the token endpoint. */
export function refusalOf(person: UnprovedPerson, message = "the subject token was not accepted"): OAuthError {
  switch (person.kind) {
    case "unsuitable":
      return new OAuthError("invalid_request", person.reason);
    case "refused":
      return new ProofRefused(message, person.detail);
    case "unavailable":
      return new OAuthError("temporarily_unavailable", "who vouches for the person is out of reach", person);
    case "throttled":
      return new OAuthError("too_many_requests", "too many attempts", person);
  }
}
