// How one client proves itself: moved from a secret to a key or certificates, and back, without making it anew.
import {
  type ClientDetails,
  type ClientSecret,
  clientProofShape,
  decideProof,
  FIRST_SECRET,
  generateSecret,
  needsSealedSecret,
  type SealSecret,
} from "@dex/oidc";
import { type JsonObject, type Random, Secret } from "@dex/runtime";
import type { Actor } from "@dex/users";
import { type ChangeableClients, CLIENT_ID, SEAL_REFUSED } from "./clients.ts";
import { type KeyAddresses, keysProblemOf } from "./new-keys.ts";

type GeneratedClientSecret = ClientSecret & { readonly hash: Extract<ClientSecret["hash"], { kind: "sha256" }> };

/** What is needed of the stores. Each write and its audit event are one statement (ADM-6). */
export interface ManagedProofs {
  replace(
    clientId: string,
    proof: {
      readonly read: ClientDetails;
      readonly next: ClientDetails;
      readonly secret: GeneratedClientSecret | undefined;
    },
    actor: Actor,
  ): Promise<{ readonly kind: "done"; readonly endedSecrets: number } | { readonly kind: "changed" | "unknown" }>;
}

export interface ClientAuthenticationParts extends KeyAddresses {
  readonly clients: Pick<ChangeableClients, "find" | "setDetails">;
  readonly proofs: ManagedProofs;
  readonly sealClientSecret?: SealSecret | undefined;
  /** Whether those who ask may say how a client proves itself that can administer. */
  readonly adminClients: "allowed" | "refused";
  readonly random: Random;
}

export type AuthenticationChange =
  | { readonly kind: "done"; readonly shown: JsonObject; readonly secret: Secret<string> | undefined }
  | { readonly kind: "unknown" }
  | { readonly kind: "refused"; readonly code: "invalid_request" | "forbidden"; readonly reason: string };

/** Changes how a client proves itself. `wanted` is unchecked; a secret that is made for it is given out this once. */
export async function changeClientAuthentication(
  parts: ClientAuthenticationParts,
  clientId: string,
  wanted: unknown,
  actor: Actor,
  now: Date,
): Promise<AuthenticationChange> {
  const parsed = clientProofShape.safeParse(wanted);
  if (!parsed.success) return refused(describe(parsed.error));
  const problem = keysProblemOf(parsed.data, parts, now);
  if (problem !== undefined) return refused(problem);
  const client = CLIENT_ID.test(clientId) ? await parts.clients.find(clientId) : undefined;
  if (client === undefined) return { kind: "unknown" };
  // A stolen admin token lives for minutes. Were it able to give an admin client a proof, the theft would outlive it.
  if (client.admin && parts.adminClients === "refused") return ADMIN_REFUSED;
  const decision = decideProof(client, parsed.data);
  if (decision.kind === "refused") return refused(decision.reason);
  const { details: next, secrets } = decision;
  const method = parsed.data.token_endpoint_auth_method;
  const read = client.details;
  if (secrets === "kept") {
    const written = await parts.clients.setDetails(clientId, { read, next }, actor);
    return written === "done" ? done(method, 0, undefined) : notDone(written);
  }
  const { sealClientSecret: sealSecret, random } = parts;
  if (secrets === "new" && needsSealedSecret(next) && sealSecret === undefined) return refused(SEAL_REFUSED.reason);
  const made = secrets === "new" ? generateSecret({ id: client.id, details: next }, { random, sealSecret }) : undefined;
  const secret = made && {
    id: FIRST_SECRET,
    hash: made.hash,
    sealed: made.sealed,
    createdAt: now,
    expiresAt: undefined,
  };
  const written = await parts.proofs.replace(clientId, { read, next, secret }, actor);
  return written.kind === "done" ? done(method, written.endedSecrets, made?.secret) : notDone(written.kind);
}

function done(method: string, endedSecrets: number, secret: string | undefined): AuthenticationChange {
  return {
    kind: "done",
    shown: { tokenEndpointAuthMethod: method, endedSecrets },
    secret: secret === undefined ? undefined : new Secret(secret),
  };
}

function notDone(outcome: "changed" | "unknown"): AuthenticationChange {
  if (outcome === "unknown") return { kind: outcome };
  return refused("somebody else changed the client at the same moment: try again");
}

const ADMIN_REFUSED: AuthenticationChange = {
  kind: "refused",
  code: "forbidden",
  reason: "how an admin client proves itself can only be changed with dexctl on the database",
};

function describe({ issues: [issue] }: { readonly issues: readonly { path: PropertyKey[]; message: string }[] }) {
  const where = issue === undefined || issue.path.length === 0 ? "authentication" : issue.path.join(".");
  return `${where}: ${issue?.message ?? "is not valid"}`;
}

function refused(reason: string): AuthenticationChange {
  return { kind: "refused", code: "invalid_request", reason };
}
