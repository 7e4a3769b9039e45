import { type JsonObject, toEpochSeconds } from "@dex/runtime";
import type { Client } from "../clients/client.ts";
import type { ClientAuthentication } from "../clients/client-authentication.ts";
import { introspectionEncryptionOf } from "../clients/encryption-key.ts";
import { defaultAlgorithmFor } from "../clients/profile.ts";
import { OAuthError } from "../errors.ts";
import type { TokenSigner } from "../ports.ts";
import type { EncryptToClient } from "../tokens/encrypt-to-client.ts";
import { type IntrospectParts, introspect } from "../tokens/introspect.ts";
import type { ReadOwnToken } from "../tokens/own-token.ts";
import { type ClientAnswer, type ClientEndpoint, refuseMalformedForm } from "./client-request.ts";
import { single } from "./parameters.ts";

export const INTROSPECTION_PATH = "/introspect";
/** The `typ` and the media type of a signed answer, RFC 9701 §5: it is taken for no other JWT of ours (JWT-3). */
const INTROSPECTION_JWT_TYP = "token-introspection+jwt";
const INTROSPECTION_JWT = `application/${INTROSPECTION_JWT_TYP}`;

export interface IntrospectionEndpointParts extends IntrospectParts {
  readonly clientAuthentication: ClientAuthentication;
  readonly readOwnToken: ReadOwnToken;
  readonly signer: TokenSigner;
  readonly encryptToClient: EncryptToClient;
}

/**
 * The introspection endpoint, RFC 7662: one statement and no signature, but for who asks for one (RFC 9701). Its callers
 * authenticate with something that they alone have: whoever merely holds a token is not to test it here (§4).
 */
export function makeIntrospectionEndpoint(parts: IntrospectionEndpointParts): ClientEndpoint {
  return {
    path: INTROSPECTION_PATH,
    crossOrigin: false,
    async handle(request, now) {
      const malformed = refuseMalformedForm(request, ["token", "token_type_hint"]);
      if (malformed !== undefined) throw malformed;
      const client = await parts.clientAuthentication.authenticate(request, now);
      if (client.public) {
        const detail = `public client ${client.id}`;
        throw new OAuthError("invalid_client", "client authentication failed", { detail });
      }
      const text = single(request.body, "token");
      if (text === undefined) throw new OAuthError("invalid_request", "token is missing");
      const presented = await parts.readOwnToken(text, now);
      const told = presented === undefined ? { active: false } : await introspect(presented, client, parts, now);
      return prefersJwt(request.accept)
        ? renderJwt(told, client, parts, now)
        : { kind: "json", status: 200, body: told };
    },
  };
}

/** RFC 9701 §5. What is told stands in one member, so that the answer itself cannot pass for an access token (§8.1). */
async function renderJwt(
  told: JsonObject,
  client: Client,
  { issuer, signer, encryptToClient }: IntrospectionEndpointParts,
  now: Date,
): Promise<ClientAnswer> {
  const claims = { iss: issuer, aud: client.id, iat: toEpochSeconds(now), token_introspection: told };
  const algorithm = client.details.introspection_signed_response_alg ?? defaultAlgorithmFor(client.details);
  const signed = await signer.sign(claims, { typ: INTROSPECTION_JWT_TYP, algorithm });
  const encryption = introspectionEncryptionOf(client.details);
  const jwt =
    encryption === undefined ? signed : await encryptToClient(client, { text: signed, cty: "JWT" }, encryption, now);
  return { kind: "jwt", jwt, contentType: INTROSPECTION_JWT };
}

/** Whether the header Accept names the signed answer, and no less gladly than plain JSON (RFC 9110 §12.5.1). */
export function prefersJwt(accept: string | undefined): boolean {
  const wishes = (accept ?? "").toLowerCase().split(",", 20);
  const wish = (type: string) => wishes.find((one) => one.split(";", 1)[0]?.trim() === type);
  const [signed, plain] = [wish(INTROSPECTION_JWT), wish("application/json")];
  if (signed === undefined) return false;
  return qualityOf(signed) > 0 && (plain === undefined || qualityOf(signed) >= qualityOf(plain));
}

function qualityOf(wish: string): number {
  const [, quality] = /;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*(?:;|$)/.exec(wish) ?? [];
  return quality === undefined ? 1 : Number(quality);
}
