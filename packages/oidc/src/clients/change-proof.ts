// An administrator moves a client from a secret to a key or a certificate, or back, under the rules that hold for all clients.
import { z } from "zod";
import { SUBJECT_MEMBERS } from "../mutual-tls/certificate-subject.ts";
import type { Client } from "./client.ts";
import { type ClientDetails, clientDetailsShape } from "./client-details.ts";
import { contradictionIn } from "./client-metadata.ts";
import { proofOf } from "./client-update.ts";

/** How a client proves itself from now on, in the names of RFC 7591 §2 and RFC 8705 §2.1.2. */
export const clientProofShape = z.strictObject({
  token_endpoint_auth_method: clientDetailsShape.shape.token_endpoint_auth_method.unwrap(),
  ...clientDetailsShape.pick({
    token_endpoint_auth_signing_alg: true,
    jwks: true,
    jwks_uri: true,
    tls_client_auth_subject_dn: true,
    tls_client_auth_san_dns: true,
    tls_client_auth_san_uri: true,
    tls_client_auth_san_ip: true,
    tls_client_auth_san_email: true,
  }).shape,
});

export type ProofChange =
  /** `secrets`: they stay, all end, or all end and a new one takes their place. */
  | { readonly kind: "change"; readonly details: ClientDetails; readonly secrets: "kept" | "ended" | "new" }
  | { readonly kind: "refused"; readonly reason: string };

/** What belongs to one method, and means nothing beside another. */
const OF_A_METHOD: readonly string[] = [
  "token_endpoint_auth_method",
  "token_endpoint_auth_signing_alg",
  ...SUBJECT_MEMBERS,
];

/**
 * Decides what becomes of a client that is to prove itself so. Its keys stay unless there are new ones, for other things are
 * signed and encrypted with them too.
 */
export function decideProof(client: Client, wanted: z.infer<typeof clientProofShape>): ProofChange {
  if (client.public) return refused("the client is public and proves nothing: make a confidential one");
  const replaced = wanted.jwks !== undefined || wanted.jwks_uri !== undefined ? ["jwks", "jwks_uri"] : [];
  const gone = [...OF_A_METHOD, ...replaced];
  const stays = Object.fromEntries(Object.entries(client.details).filter(([member]) => !gone.includes(member)));
  const details: ClientDetails = { ...stays, ...wanted };
  const next = { ...client, details };
  const contradiction = contradictionIn({ ...next, secret: undefined });
  if (contradiction !== undefined) return refused(`${contradiction.member}: ${contradiction.reason}`);
  const [before, after] = [proofOf(client), proofOf(next)];
  if (after !== "secret" && after !== "client_secret_jwt") return { kind: "change", details, secrets: "ended" };
  return { kind: "change", details, secrets: before === after ? "kept" : "new" };
}

function refused(reason: string): ProofChange {
  return { kind: "refused", reason };
}
