// Whom the hint of an authentication request names: CIBA Core §7.1.
import { OAuthError } from "../errors.ts";
import type { Clients, OwnTokenVerifier } from "../ports.ts";
import { ID_TOKEN_TYP } from "../tokens/id-token.ts";
import { parseDexV2Subject, type SubjectFormat, sectorOf } from "../tokens/subject.ts";
import type { NamedPerson } from "./backchannel-requests.ts";
import type { BackchannelRequest } from "./parse-request.ts";

const MAX_HINT_LENGTH = 16_384;
const MAX_LOGIN_HINT_LENGTH = 320;

export interface NamedPersonParts {
  readonly issuer: string;
  readonly clients: Clients;
  readonly idTokens: OwnTokenVerifier;
  readonly subjectFormat: SubjectFormat;
  /** An email address in the form in which accounts have it; undefined when it is none. */
  readonly canonicalEmail: (text: string) => string | undefined;
}

/**
 * A login_hint is an email address. An id_token_hint is an ID token of ours to this very client, expired or not: what it got
 * for others it has not got from the person. Throws an OAuthError.
 */
export async function namePerson(
  { kind, text }: BackchannelRequest["hint"],
  clientId: string,
  { issuer, clients, idTokens, subjectFormat, canonicalEmail }: NamedPersonParts,
): Promise<NamedPerson> {
  if (kind === "login_hint") {
    const email = text.length > MAX_LOGIN_HINT_LENGTH ? undefined : canonicalEmail(text);
    return email === undefined ? { kind: "nobody", text } : { kind: "email", email };
  }
  const claims = text.length > MAX_HINT_LENGTH ? undefined : await idTokens.verify(text, ID_TOKEN_TYP);
  const { iss, sub, aud, azp } = claims ?? {};
  if (iss !== issuer || typeof sub !== "string" || (typeof azp === "string" ? azp : aud) !== clientId) {
    throw new OAuthError("invalid_request", "id_token_hint is not an ID token of this issuer for this client");
  }
  const client = await clients.find(clientId);
  // A pairwise name says who it is to nobody, us included: it is made of the person, who cannot be made of it.
  if (client !== undefined && sectorOf(client) !== undefined) {
    throw new OAuthError("invalid_request", "id_token_hint cannot name people to a client with pairwise subjects");
  }
  if (subjectFormat === "uuid") return { kind: "user", id: sub };
  const identity = parseDexV2Subject(sub);
  return identity === undefined ? { kind: "nobody", text: sub } : { kind: "identity", ...identity };
}
