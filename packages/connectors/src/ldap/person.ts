// From a name to an entry, and from an entry to an identity.
import * as z from "zod";
import type { AskedOfUpstream, Identity, ProvedIdentity } from "../connector.ts";
import type { ConnectorParts } from "../connector-kind.ts";
import { invalidAnswer, LoginRefused } from "../login-refused.ts";
import type { LdapConnection, LdapEntry } from "./connection.ts";
import { readGroups, valuesOf } from "./groups.ts";
import { type FindUser, isDnAttribute, type LdapSettings } from "./settings.ts";

/** What the refusals of this file say to the person is the same for all of them: see `bind-refusal.ts`. */
export function notThem(detail: string): LoginRefused {
  return new LoginRefused({ kind: "refused", reason: "invalid credentials", detail });
}

/** The entries that `login` may mean: at most two, since two are as bad as more. The connection is the service's. */
export function findEntries(
  connection: LdapConnection,
  settings: LdapSettings,
  find: FindUser & { kind: "search" },
  login: string,
): Promise<readonly LdapEntry[]> {
  const { baseDn, scope } = find;
  const filter = find.filterFor(login);
  return connection.search({ baseDn, scope, filter, attributes: wantedAttributes(settings), limit: 2 });
}

export function theOne(entries: readonly LdapEntry[], none: string): LdapEntry {
  const [entry, second] = entries;
  if (entry === undefined) throw notThem(none);
  // LDA-3. Whose password is right decides nothing: who may sign in would depend on the order of a search.
  if (second !== undefined) throw invalidAnswer("more than one entry has this name");
  return entry;
}

/**
 * Who the entry is, now that they proved it. The connection is the service's. Throws LoginRefused where the account is not to
 * be used, or its entry or a group of it lacks a configured attribute.
 */
export async function readIdentity(
  connection: LdapConnection,
  entry: LdapEntry,
  parts: {
    readonly connectorId: string;
    readonly settings: LdapSettings;
    readonly asked: AskedOfUpstream;
    readonly proof: Pick<Identity, "amr" | "authTime">;
    readonly trace: ConnectorParts["trace"];
  },
): Promise<Identity> {
  const { settings, asked, trace } = parts;
  trace?.({ kind: "claims", source: "entry", claims: { dn: entry.dn, ...Object.fromEntries(entry.attributes) } });
  await refuseUnusable(connection, entry, settings);
  const groups =
    settings.groups === undefined || !asked.groups ? undefined : await readGroups(connection, entry, settings.groups);
  if (groups !== undefined) trace?.({ kind: "claims", source: "groups", claims: groups });
  const identity = toIdentity(entry, settings, groups);
  if (settings.attributes.emailSuffix !== undefined) {
    const { emailSuffix } = settings.attributes;
    trace?.({ kind: "rule", rule: "emailSuffix", before: emailSuffix, after: identity.email });
  }
  return { ...identity, connectorId: parts.connectorId, ...parts.proof };
}

async function refuseUnusable(
  connection: LdapConnection,
  { dn }: LdapEntry,
  { usableFilter }: LdapSettings,
): Promise<void> {
  if (usableFilter === undefined) return;
  const search = { baseDn: dn, scope: "base", filter: usableFilter, attributes: [], limit: 1 } as const;
  if ((await connection.search(search)).length === 0) throw notThem("the entry does not match usableFilter");
}

/** What a later refresh needs, when one is wanted. */
export function toGrant(
  username: string,
  { dn }: LdapEntry,
  { offlineAccess }: AskedOfUpstream,
): Pick<ProvedIdentity, "grant"> {
  return offlineAccess ? { grant: { username, dn } } : {};
}

export function wantedAttributes({ attributes, groups }: LdapSettings): readonly string[] {
  const { id, email, name, preferredUsername } = attributes;
  const names = [id, email, name, preferredUsername, ...(groups?.matchers ?? []).map((one) => one.userAttribute)];
  return names.filter((one) => one !== undefined).filter((one) => !isDnAttribute(one));
}

const value = z
  .string()
  .min(1)
  .max(255)
  .regex(/^\P{Cc}*$/u);

/** Pure. Throws LoginRefused where a configured attribute is missing: it names the attributes. */
function toIdentity(
  entry: LdapEntry,
  { attributes, trustedEmailProvider }: LdapSettings,
  groups: readonly string[] | undefined,
): Omit<Identity, "connectorId" | "authTime" | "amr"> {
  const unusable: string[] = [];
  const read = (attribute: string | undefined) => {
    if (attribute === undefined) return undefined;
    const parsed = value.safeParse(valuesOf(entry, attribute)[0]);
    if (!parsed.success) unusable.push(attribute);
    return parsed.data;
  };
  const remoteId = read(attributes.id) ?? "";
  const displayName = read(attributes.name);
  const preferredUsername = read(attributes.preferredUsername);
  const local = attributes.email === undefined ? (displayName ?? remoteId) : undefined;
  const email = local === undefined ? read(attributes.email) : `${local}@${attributes.emailSuffix}`;
  if (unusable.length > 0) throw invalidAnswer(`the entry has no usable ${unusable.join(", ")}`);
  return {
    remoteId,
    email,
    emailVerified: email !== undefined && trustedEmailProvider,
    displayName,
    preferredUsername,
    groups,
  };
}
