// What becomes of one found client. Pure.
import { type Client, type NewClientMetadata, parseNewClient } from "@dex/oidc";
import type { JsonObject } from "@dex/runtime";
import { parsePasswordHash } from "@dex/users";
import type { FoundClient } from "./import-source.ts";

export type ClientDecision =
  | { readonly kind: "take"; readonly metadata: NewClientMetadata }
  | { readonly kind: "here"; readonly differs: readonly string[] }
  | { readonly kind: "refused"; readonly reason: string };

/** What dex v1 stored for a public client, since it had to store something. */
const PLACEHOLDER = "http://localhost:0";

/** By the validator of a client that is created here: an import is no way around it. */
export function decideClient(found: FoundClient, here: Client | undefined): ClientDecision {
  if (found.wanted === undefined) return refused("its stored metadata is not JSON of client metadata");
  const parsed = parseNewClient({
    ...asPublicHere(found.wanted),
    ...(found.secret.kind === "text" && found.wanted.public !== true ? { secret: found.secret.secret.reveal() } : {}),
  });
  if (parsed.kind === "refused") return refused(parsed.reason);
  const { metadata } = parsed;
  if (found.secret.kind === "bcrypt" && !metadata.public && parsePasswordHash(found.secret.hash)?.kind !== "bcrypt") {
    return refused("its secret is no bcrypt hash");
  }
  return here === undefined ? { kind: "take", metadata } : { kind: "here", differs: differencesOf(metadata, here) };
}

/** v1 let a public client send people to their own machine whatever was registered, and its files gave it no name. */
function asPublicHere(wanted: JsonObject): JsonObject {
  if (wanted.public !== true) return wanted;
  const given = Array.isArray(wanted.redirectURIs) ? wanted.redirectURIs.filter((uri) => uri !== PLACEHOLDER) : [];
  const name =
    given.length > 0 || wanted.clientName !== undefined ? {} : { clientName: String(wanted.id).slice(0, 100) };
  return { ...wanted, ...name, redirectURIs: given };
}

/** What the found client says otherwise than the one that is here; what only we know of is not compared. */
function differencesOf(found: NewClientMetadata, here: Client): readonly string[] {
  const sorted = (values: readonly string[]) => JSON.stringify([...values].sort());
  return Object.entries({
    name: found.name !== here.name,
    logo: found.logoUri !== here.logoUri,
    "home page": found.clientUri !== here.clientUri,
    "redirect URIs": sorted(found.redirectUris) !== sorted(here.redirectUris),
    public: found.public !== here.public,
    admin: found.admin !== here.admin,
    "trusted peers": sorted(found.trustedPeers) !== sorted(here.trustedPeers),
  }).flatMap(([name, differs]) => (differs ? [name] : []));
}

function refused(reason: string): ClientDecision {
  return { kind: "refused", reason };
}
