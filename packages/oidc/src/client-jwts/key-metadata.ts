// What of a client's keys and ways to sign contradicts itself: RFC 7591 §2, OIDC Registration §2.
import type { JsonObject } from "@dex/runtime";
import type { ClientDetails } from "../clients/client-details.ts";
import { hasCertificate } from "../mutual-tls/certificate-authentication.ts";
import { SUBJECT_MEMBERS, subjectMembersIn } from "../mutual-tls/certificate-subject.ts";
import { CLIENT_MAC_ALGORITHMS } from "./shared-secret-mac.ts";
import { CLIENT_SIGNING_ALGORITHMS, keysFor } from "./verify-jws.ts";

/** A member of what a client describes, and why it cannot be. */
export interface KeyProblem {
  readonly member: string;
  readonly reason: string;
}

/** Members of a key that only its owner may know, RFC 7518 §6. */
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] as const;

/** Undefined where everything fits, as far as can be told without fetching jwks_uri. */
export function keyProblemIn(details: ClientDetails, isPublic: boolean): KeyProblem | undefined {
  const { jwks, jwks_uri: uri } = details;
  if (jwks !== undefined && uri !== undefined) return { member: "jwks", reason: "must not come with jwks_uri" };
  if (jwks?.keys.some(isPrivate)) return { member: "jwks", reason: "holds what only the client may know" };
  return authenticationProblem(details, isPublic) ?? certificateProblem(details) ?? requestObjectProblem(details);
}

function authenticationProblem(details: ClientDetails, isPublic: boolean): KeyProblem | undefined {
  const { token_endpoint_auth_method: method, token_endpoint_auth_signing_alg: alg } = details;
  if (method !== undefined && (method === "none") !== isPublic) {
    return { member: "token_endpoint_auth_method", reason: "none is for public clients, and they have no other" };
  }
  const signing = "token_endpoint_auth_signing_alg";
  if (method === "private_key_jwt") {
    const known = CLIENT_SIGNING_ALGORITHMS.find((one) => one === alg);
    if (alg !== undefined && known === undefined) return { member: signing, reason: "does not fit private_key_jwt" };
    return hasKeyFor(details, known === undefined ? CLIENT_SIGNING_ALGORITHMS : [known])
      ? undefined
      : { member: "token_endpoint_auth_method", reason: "private_key_jwt needs a fitting key in jwks, or jwks_uri" };
  }
  if (method === "client_secret_jwt") {
    return alg === undefined || CLIENT_MAC_ALGORITHMS.some((known) => known === alg)
      ? undefined
      : { member: signing, reason: "does not fit client_secret_jwt" };
  }
  return alg === undefined ? undefined : { member: signing, reason: "does not fit token_endpoint_auth_method" };
}

/** RFC 8705 §2.1.2 and §2.2.2. */
function certificateProblem(details: ClientDetails): KeyProblem | undefined {
  const { token_endpoint_auth_method: method } = details;
  const [subject, ...more] = subjectMembersIn(details);
  if (method === "tls_client_auth") {
    if (subject !== undefined && more.length === 0) return undefined;
    const reason = `tls_client_auth needs exactly one of ${SUBJECT_MEMBERS.join(", ")}`;
    return { member: "token_endpoint_auth_method", reason };
  }
  if (subject !== undefined) return { member: subject, reason: "needs the token_endpoint_auth_method tls_client_auth" };
  if (method !== "self_signed_tls_client_auth" || hasCertificate(details)) return undefined;
  const reason = "self_signed_tls_client_auth needs a certificate, as x5c of a key in jwks, or jwks_uri";
  return { member: "token_endpoint_auth_method", reason };
}

function requestObjectProblem(details: ClientDetails): KeyProblem | undefined {
  const { request_object_signing_alg: alg } = details;
  if (alg === undefined || alg === "none" || hasKeyFor(details, [alg])) return undefined;
  return { member: "request_object_signing_alg", reason: `${alg} needs a fitting key in jwks, or jwks_uri` };
}

/** Whether the client published a key that can sign with one of these, or may have. */
export function hasKeyFor(
  { jwks, jwks_uri }: ClientDetails,
  algorithms: readonly (typeof CLIENT_SIGNING_ALGORITHMS)[number][],
) {
  const keys = jwks?.keys ?? [];
  return jwks_uri !== undefined || algorithms.some((alg) => keysFor(keys, { alg, kid: undefined }).length > 0);
}

/** Whether the key holds anything that must not leave its owner. */
export function isPrivate(key: JsonObject): boolean {
  return key.kty === "oct" || PRIVATE_MEMBERS.some((member) => key[member] !== undefined);
}
