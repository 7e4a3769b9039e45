// What an administrator changes of a client's metadata, member by member, under the rules that hold for all clients.
import type { Client } from "./client.ts";
import { type ClientDetails, renderClientDetails } from "./client-details.ts";
import { contradictionIn } from "./client-metadata.ts";
import { proofOf } from "./client-update.ts";

export type DetailsDecision =
  | { readonly kind: "change"; readonly details: ClientDetails }
  | { readonly kind: "refused"; readonly reason: string };

/** Decides what the client's details become. What it proves itself with stays: secrets and keys of another kind were not made. */
export function decideDetails(
  client: Client,
  { changed, removed }: { readonly changed: ClientDetails; readonly removed: readonly string[] },
): DetailsDecision {
  const members = Object.entries({ ...client.details, ...renderClientDetails(changed) });
  const details: ClientDetails = Object.fromEntries(members.filter(([member]) => !removed.includes(member)));
  const next = { ...client, details };
  if (proofOf(next) !== proofOf(client)) {
    return {
      kind: "refused",
      reason:
        "token_endpoint_auth_method: the kind of proof cannot be changed beside other members: see dexctl clients set --help",
    };
  }
  const contradiction = contradictionIn({ ...next, secret: undefined });
  return contradiction === undefined
    ? { kind: "change", details }
    : { kind: "refused", reason: `${contradiction.member}: ${contradiction.reason}` };
}
