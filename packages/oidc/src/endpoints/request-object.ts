// Authorization requests whose parameters come in a JWT: by value in `request` or by reference in `request_uri`, OIDC Core §6
// and RFC 9101.
import { addSeconds, sha256, toEpochSeconds } from "@dex/runtime";
import { z } from "zod";
import type { ClientKeySets } from "../client-jwts/client-key-sets.ts";
import { type CompactJws, parseCompactJws } from "../client-jwts/compact-jws.ts";
import { CLIENT_SIGNING_ALGORITHMS, isSignedByOneOf, keysFor } from "../client-jwts/verify-jws.ts";
import { WORKERS_APART_SECONDS } from "../client-jwts/workers-apart.ts";
import type { Client } from "../clients/client.ts";
import type { ClientDetails } from "../clients/client-details.ts";
import { citing, demandsOf } from "../clients/profile.ts";
import { OAuthError } from "../errors.ts";
import { AUTHORIZATION_PARAMETERS } from "./authorization-parameters.ts";
import type { SingleUseObject } from "./authorization-request.ts";
import { refuseRepeated, refuseUnsafeParameters, single } from "./parameters.ts";
import { MAX_REQUEST_OBJECT_LENGTH, type RequestDocuments } from "./request-documents.ts";

/** The parameters that count. With an error they are those that were sent: it goes where these say, if that is registered. */
export interface EffectiveRequest {
  readonly params: URLSearchParams;
  readonly error: OAuthError | undefined;
  /** Set where they come from an object that may be used once. */
  readonly requestObject?: SingleUseObject | undefined;
}

/** Puts the parameters of a request object in the place of those around it; without one they stay as they are. */
export type ReadRequestObject = (sent: URLSearchParams, client: Client, now: Date) => Promise<EffectiveRequest>;

export interface RequestObjectParts {
  readonly issuer: string;
  readonly keySets: ClientKeySets;
  readonly documents: RequestDocuments;
}

type RequestObjectAlgorithm = NonNullable<ClientDetails["request_object_signing_alg"]>;

/** How far the client's clock may be ahead. */
const CLOCK_TOLERANCE_SECONDS = 60;
/** Of one that expires later, or never, the use is forgotten after a day: whoever cares says when it expires. */
const MAX_REMEMBERED_SECONDS = 86_400;
/** RFC 9101 §4 and §10.8: what is typed as anything else was made for something else (JWT-3). */
const TYPES: readonly (string | undefined)[] = [undefined, "jwt", "oauth-authz-req+jwt"];
/** What a request object cannot say: who asks is known by now, and none may lie in another (RFC 9101 §4). */
const NOT_INSIDE: readonly string[] = ["client_id", "request", "request_uri"];
/** RFC 6749 has these two in every request, so they may stay outside alone (OIDC Core §6.1). */
const MAY_STAY_OUTSIDE = ["response_type", "scope"] as const;

/** Refuses both parameters, for a deployment without request objects (AUT-11). */
export const refuseRequestObjects: ReadRequestObject = async (params) => ({
  params,
  error: malformedIn(params) ?? notSupportedIn(params),
});

/**
 * Nothing around a request object counts but what RFC 6749 wants there in any case (AUT-12): whoever leads the browser here
 * could write it.
 */
export function makeReadRequestObject(parts: RequestObjectParts): ReadRequestObject {
  return async (sent, client, now) => {
    if (!sent.has("request") && !sent.has("request_uri")) return { params: sent, error: refuseUnsigned(client) };
    const malformed = malformedIn(sent);
    if (malformed !== undefined) return { params: sent, error: malformed };
    const found = await findText(sent, client, parts.documents, now);
    if (found instanceof OAuthError) return { params: sent, error: found };
    const object = await readObject(found, client, parts, now);
    if (object instanceof OAuthError) return { params: sent, error: object };
    const params = parametersOf(object, sent, client);
    if (params instanceof OAuthError) return { params: sent, error: params };
    // What is at an address of the client's may be asked for again, by us too: only a copy in other hands is a replay.
    const requestObject = sent.has("request") ? singleUseOf(object, client, now) : undefined;
    return { params, error: undefined, requestObject };
  };
}

/** Whether every request must be signed: the client's profile says so, or it registered that (RFC 9101 §10.5). */
function mustSign(details: ClientDetails): boolean {
  return details.require_signed_request_object === true || demandsOf(details).signedRequests !== undefined;
}

function refuseUnsigned({ details }: Client): OAuthError | undefined {
  if (!mustSign(details)) return undefined;
  const { signedRequests } = demandsOf(details);
  return new OAuthError("invalid_request", `the request must be a signed request object${citing(signedRequests)}`);
}

/** AUT-10, RED-6 */
function malformedIn(sent: URLSearchParams): OAuthError | undefined {
  return refuseUnsafeParameters(sent) ?? refuseRepeated(sent, AUTHORIZATION_PARAMETERS);
}

interface FoundText {
  readonly text: string;
  readonly algorithms: readonly RequestObjectAlgorithm[];
}

async function findText(
  sent: URLSearchParams,
  { details }: Client,
  documents: RequestDocuments,
  now: Date,
): Promise<FoundText | OAuthError> {
  const { request_object_signing_alg: registered, request_uris: uris = [] } = details;
  const { algorithms: demanded } = demandsOf(details);
  const all = registered === undefined ? (demanded?.is ?? CLIENT_SIGNING_ALGORITHMS) : [registered];
  // Registration refuses the two together, and is not all that changes clients.
  const algorithms = all.filter((alg) => alg !== "none" || !mustSign(details));
  if (sent.has("request") && sent.has("request_uri")) {
    return new OAuthError("invalid_request", "request and request_uri must not come together");
  }
  if (sent.has("request")) {
    const verifiable = registered === "none" || details.jwks !== undefined || details.jwks_uri !== undefined;
    const text = single(sent, "request") ?? "";
    // An unsigned one of a client that never spoke of them is a wish that is not fulfilled here, not a broken object.
    const spokeOfThem = registered !== undefined || demanded !== undefined || mustSign(details);
    if (!verifiable || (!spokeOfThem && saysUnsigned(text))) return notSupported("request");
    return { text, algorithms };
  }
  if (uris.length === 0) return notSupported("request_uri");
  const uri = single(sent, "request_uri") ?? "";
  // Byte for byte, its fragment too; nothing else is ever fetched (AUT-11, SSR-1).
  if (!uris.includes(uri)) {
    return new OAuthError("invalid_request_uri", "the request_uri is not registered for this client");
  }
  const document = await documents.get(uri, now);
  if (document.kind === "failed") {
    return new OAuthError("invalid_request_uri", "nothing usable is at the request_uri", { detail: document.problem });
  }
  // What is at an https address that the client registered comes from the client, signed or not (OIDC Core §6.2).
  const vouched = registered === undefined && demanded === undefined && uri.startsWith("https:");
  return { text: document.text, algorithms: vouched && !mustSign(details) ? [...algorithms, "none"] : algorithms };
}

function saysUnsigned(text: string): boolean {
  return parseCompactJws(text, MAX_REQUEST_OBJECT_LENGTH)?.alg === "none";
}

async function readObject(
  { text, algorithms }: FoundText,
  client: Client,
  { issuer, keySets }: RequestObjectParts,
  now: Date,
): Promise<CompactJws | OAuthError> {
  const object = parseCompactJws(text, MAX_REQUEST_OBJECT_LENGTH);
  if (object === undefined || !TYPES.includes(object.typ)) return invalid("the request object is malformed");
  const alg = algorithms.find((one) => one === object.alg);
  if (alg === undefined)
    return invalid("the request object is not signed with an algorithm that the client registered");
  const forgery = alg === "none" ? unsignedProblem(object) : await forgeryIn(object, alg, client, keySets, now);
  if (forgery !== undefined) return invalid("the signature of the request object cannot be verified", forgery);
  const misfit = misfitIn(object.claims, alg === "none" ? "unsigned" : "signed", client, issuer, toEpochSeconds(now));
  return misfit === undefined ? object : invalid(misfit);
}

function unsignedProblem({ signature }: CompactJws): string | undefined {
  return signature.length === 0 ? undefined : "unsigned, with a signature";
}

async function forgeryIn(
  object: CompactJws,
  alg: Exclude<RequestObjectAlgorithm, "none">,
  client: Client,
  keySets: ClientKeySets,
  now: Date,
): Promise<string | undefined> {
  const wanted = { alg, kid: object.kid };
  const found = await keySets.find(client.details, (keys) => keysFor(keys, wanted).length > 0, now);
  if (isSignedByOneOf(object, alg, keysFor(found.keys, wanted))) return undefined;
  return found.problem ?? "no key of the client made it";
}

const seconds = z.number().min(0);
/** RFC 7519 §4.1. Everything else is a parameter, or nothing of ours. */
const jwtClaims = z.object({
  iss: z.string().optional(),
  sub: z.string().optional(),
  aud: z.union([z.string(), z.array(z.string()).max(20)]).optional(),
  exp: seconds.optional(),
  iat: seconds.optional(),
  nbf: seconds.optional(),
});

/** RFC 9101 §4 to §6.3. OIDC Core §6.1 asks for iss and aud of a signed one, and no more. */
function misfitIn(
  claims: CompactJws["claims"],
  kind: "signed" | "unsigned",
  client: Client,
  issuer: string,
  now: number,
): string | undefined {
  const parsed = jwtClaims.safeParse(claims);
  if (!parsed.success) return "a claim of the request object is malformed";
  const { iss, sub, aud, exp, iat, nbf } = parsed.data;
  if (iss !== client.id && (kind === "signed" || iss !== undefined))
    return "iss of the request object is not the client";
  if (![aud].flat().includes(issuer) && (kind === "signed" || aud !== undefined)) {
    return "aud of the request object is not this issuer";
  }
  // RFC 9101 §10.8: that is how a client authenticates.
  if (sub === client.id) return "a client assertion is no request object";
  if (exp !== undefined && exp <= now) return "the request object has expired";
  const { requestObjectSeconds } = demandsOf(client.details);
  if (requestObjectSeconds !== undefined && !isWithin(requestObjectSeconds.is, { exp, nbf }, now)) {
    return `nbf and exp of the request object must be there and at most ${requestObjectSeconds.is} seconds apart and ago${citing(requestObjectSeconds)}`;
  }
  const latest = now + CLOCK_TOLERANCE_SECONDS;
  return (iat ?? 0) > latest || (nbf ?? 0) > latest ? "the request object is from the future" : undefined;
}

function isWithin(
  most: number,
  { exp, nbf }: { readonly exp: number | undefined; readonly nbf: number | undefined },
  now: number,
): boolean {
  return exp !== undefined && nbf !== undefined && nbf >= now - most && exp <= nbf + most;
}

/**
 * One that expires and has no `jti` goes by what was signed: the signature would not do, since of some algorithms each is
 * another. So it must hold what is another at each sign-in, or of two people in the same second one would be refused. One
 * with neither is meant to be used again. What the client did not sign could have been given any `jti` by anybody.
 */
function singleUseOf({ alg, claims, signedText }: CompactJws, { id }: Client, now: Date): SingleUseObject | undefined {
  const { jti, exp, nonce, code_challenge: codeChallenge } = claims;
  const named = typeof jti === "string" && jti !== "";
  const ofOneSignIn = typeof nonce === "string" || typeof codeChallenge === "string";
  if (alg === "none" || !(named || (typeof exp === "number" && ofOneSignIn))) return undefined;
  const [expiry, most] = [typeof exp === "number" ? exp : Number.POSITIVE_INFINITY, MAX_REMEMBERED_SECONDS];
  const seconds = Math.min(Math.ceil(expiry - toEpochSeconds(now)) + WORKERS_APART_SECONDS, most);
  const name = named ? `request object\0${id}\0${jti}` : `request object without jti\0${id}\0${signedText}`;
  return { name: sha256(name).toString("base64url"), until: addSeconds(now, seconds) };
}

function parametersOf({ claims }: CompactJws, sent: URLSearchParams, client: Client): URLSearchParams | OAuthError {
  if (claims.request !== undefined || claims.request_uri !== undefined) {
    return invalid("a request object must not refer to another");
  }
  if (claims.client_id !== undefined && claims.client_id !== client.id) {
    return invalid("client_id of the request object is another");
  }
  const params = new URLSearchParams({ client_id: client.id });
  for (const name of AUTHORIZATION_PARAMETERS.filter((one) => !NOT_INSIDE.includes(one))) {
    const value = textOf(name, Object.hasOwn(claims, name) ? claims[name] : undefined);
    if (value === null) return invalid(`${name} of the request object is malformed`);
    if (value !== undefined) params.set(name, value);
  }
  for (const resource of [claims.resource ?? []].flat()) {
    if (typeof resource !== "string") return invalid("resource of the request object is malformed"); // RFC 8707 §2.1
    params.append("resource", resource);
  }
  const outside = single(sent, "response_type");
  if (outside !== undefined && params.has("response_type") && params.get("response_type") !== outside) {
    return invalid("response_type of the request object is another"); // OIDC Core §6.1
  }
  // RFC 9101 §6.3 says that nothing outside counts, and is held to where requests are signed on demand.
  const mayStayOutside = mustSign(client.details) ? [] : MAY_STAY_OUTSIDE;
  for (const name of mayStayOutside) {
    const value = single(sent, name);
    if (value !== undefined && !params.has(name)) params.set(name, value);
  }
  return params;
}

/** As it would be in a query: numbers may be JSON numbers, and `claims` is an object (OIDC Core §6.1). Null: it cannot be. */
function textOf(name: string, value: unknown): string | null | undefined {
  if (value === undefined || typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return ["claims", "authorization_details"].includes(name) && typeof value === "object" && value !== null
    ? JSON.stringify(value)
    : null;
}

function notSupportedIn(params: URLSearchParams): OAuthError | undefined {
  if (params.has("request")) return notSupported("request");
  return params.has("request_uri") ? notSupported("request_uri") : undefined;
}

function notSupported(name: "request" | "request_uri"): OAuthError {
  return new OAuthError(`${name}_not_supported`, `the parameter ${name} is not supported for this client`);
}

function invalid(message: string, detail?: string): OAuthError {
  return new OAuthError("invalid_request_object", message, detail === undefined ? {} : { detail });
}
