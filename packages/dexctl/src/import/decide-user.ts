// What becomes of one found user. Pure.

import type { Secret } from "@dex/runtime";
import type { ImportedUser, PresentUsers } from "@dex/storage";
import { canonicalEmail, decidePassword, parsePasswordHash, type User } from "@dex/users";
import type { FoundPassword, FoundUser } from "./import-source.ts";

/** Something of a user that stays behind while the user comes, or is here. One of `users` is about the record itself. */
export interface UserRemark {
  readonly kind: "passwords" | "identities" | "users";
  readonly reason: string;
}

export type UserDecision =
  | {
      readonly kind: "take";
      /** Its `passwordHash` is undefined where `plaintext` has yet to be hashed. */
      readonly entry: ImportedUser;
      readonly plaintext: Secret<string> | undefined;
      readonly remarks: readonly UserRemark[];
    }
  | {
      readonly kind: "here";
      readonly differs: boolean;
      readonly password: "here" | "none";
      readonly identitiesHere: number;
      readonly remarks: readonly UserRemark[];
    }
  | { readonly kind: "refused"; readonly reason: string };

/** OIDC Core §2: a sub has at most 255 ASCII characters. Spaces and controls have no business in one. */
const USER_ID = /^[\x21-\x7e]{1,255}$/;
const CONNECTOR_ID = /^[\x21-\x7e]{1,64}$/;
const MAX_REMOTE_ID = 1_000;
const MAX_NAME = 200;

/**
 * A user is taken whole or not at all, by the rules that hold for one who is created here. Nothing is added to a user who
 * is here already: what was taken away here, such as an identity that was unlinked, must not come back unseen.
 */
export function decideUser(
  found: FoundUser,
  present: PresentUsers,
  policy: { readonly emailsTwice: ReadonlySet<string>; readonly now: Date },
): UserDecision {
  if (!USER_ID.test(found.id)) return refused("its id is not 1 to 255 printable ASCII characters");
  const email = canonicalEmail(found.email);
  if (email === undefined) return refused(`its address is not one that can be kept: ${found.email.slice(0, 254)}`);
  if (policy.emailsTwice.has(email))
    return refused(`${email} belongs to several users there: leave one of them with it`);
  const here = present.users.find(({ id }) => id === found.id);
  if (here !== undefined) return decideHere(found, here, present, email);
  if (present.deletedIds.has(found.id)) return refused("it was deleted here, and an id is never given out again");
  const owner = present.users.find((user) => user.email === email);
  if (owner !== undefined) return refused(`${email} belongs to user ${owner.id} here`);
  return take(found, present, email, policy.now);
}

function take(found: FoundUser, present: PresentUsers, email: string, now: Date): UserDecision {
  const remarks: UserRemark[] = [];
  const identities = found.identities.filter((identity) => {
    const reason = whyNotLinked(identity, present);
    if (reason !== undefined) remarks.push({ kind: "identities", reason });
    return reason === undefined;
  });
  const password = decideFoundPassword(found.password, email, now);
  if (password.kind === "unusable") remarks.push({ kind: "passwords", reason: password.reason });
  const { id, emailVerified, admin, disabled, createdAt = now } = found;
  const user = { id, email, emailVerified, admin, disabled, createdAt, displayName: toDisplayName(found.displayName) };
  if (user.displayName === undefined && found.displayName !== "") {
    remarks.push({
      kind: "users",
      reason: "taken without its display name, which is too long or holds control characters",
    });
  }
  return {
    kind: "take",
    entry: { user, passwordHash: password.kind === "hash" ? password.hash : undefined, identities },
    plaintext: password.kind === "plaintext" ? password.password : undefined,
    remarks,
  };
}

function decideHere(found: FoundUser, here: User, present: PresentUsers, email: string): UserDecision {
  const remarks: UserRemark[] = [];
  const changed = Object.entries({
    address: here.email !== email,
    verified: here.emailVerified !== found.emailVerified,
    "display name": here.displayName !== toDisplayName(found.displayName),
    admin: here.admin !== found.admin,
    disabled: here.disabled !== found.disabled,
  }).flatMap(([name, differs]) => (differs ? [name] : []));
  if (changed.length > 0)
    remarks.push({ kind: "users", reason: `kept as it is here, other there: ${changed.join(", ")}` });
  const hasPassword = found.password.kind !== "none";
  if (hasPassword && !present.idsWithPassword.has(found.id)) {
    remarks.push({ kind: "passwords", reason: "the user is here already, without a password" });
  }
  let identitiesHere = 0;
  for (const { connectorId, remoteId } of found.identities) {
    const owner = present.owners.find((one) => one.connectorId === connectorId && one.remoteId === remoteId);
    if (owner?.userId === found.id) identitiesHere += 1;
    else
      remarks.push({ kind: "identities", reason: `the user is here already, without its identity at ${connectorId}` });
  }
  const password = hasPassword && present.idsWithPassword.has(found.id) ? "here" : "none";
  return { kind: "here", differs: changed.length > 0, password, identitiesHere, remarks };
}

function whyNotLinked(
  { connectorId, remoteId }: FoundUser["identities"][number],
  present: PresentUsers,
): string | undefined {
  if (!CONNECTOR_ID.test(connectorId)) return "the connector's id is not 1 to 64 printable ASCII characters";
  const storable = remoteId.isWellFormed() && !/\p{Cc}/u.test(remoteId);
  if (remoteId === "" || remoteId.length > MAX_REMOTE_ID || !storable) {
    return `its identity at ${connectorId} is empty, too long or holds control characters`;
  }
  const owner = present.owners.find((one) => one.connectorId === connectorId && one.remoteId === remoteId);
  return owner === undefined ? undefined : `its identity at ${connectorId} belongs to user ${owner.userId} here`;
}

type PasswordDecision =
  | { readonly kind: "none" }
  | { readonly kind: "hash"; readonly hash: string }
  | { readonly kind: "plaintext"; readonly password: Secret<string> }
  | { readonly kind: "unusable"; readonly reason: string };

function decideFoundPassword(found: FoundPassword, email: string, now: Date): PasswordDecision {
  if (found.kind === "none") return found;
  if (found.kind === "plaintext") {
    const decision = decidePassword(found.password.reveal(), { email, serviceName: "dex" });
    return decision.kind === "accepted"
      ? found
      : { kind: "unusable", reason: `the password is refused: ${decision.reason}` };
  }
  if (found.expiresAt !== undefined && found.expiresAt <= now) {
    return { kind: "unusable", reason: "the password has expired: the user can ask for a new one by mail" };
  }
  // Also where v1's API created the user: then random text stands in place of a hash until a password is chosen.
  return parsePasswordHash(found.hash) === undefined
    ? { kind: "unusable", reason: "there is no usable password hash: the user can ask for a new password by mail" }
    : { kind: "hash", hash: found.hash };
}

function toDisplayName(name: string): string | undefined {
  return name !== "" && name.length <= MAX_NAME && !/\p{C}/u.test(name) ? name : undefined;
}

function refused(reason: string): UserDecision {
  return { kind: "refused", reason };
}
