// Reads a person again without a password, when a client refreshes.
import * as z from "zod";
import type { Connector } from "../connector.ts";
import type { ConnectorParts } from "../connector-kind.ts";
import { invalidAnswer, userGone } from "../login-refused.ts";
import type { Directory } from "./directory.ts";
import { canonicalDn } from "./escape.ts";
import { findEntries, readIdentity, theOne } from "./person.ts";
import type { LdapSettings } from "./settings.ts";

const grantSchema = z.object({ username: z.string().min(1).max(255), dn: z.string().min(1).max(4096) });

/**
 * Who was found under a name must be found under it still, as the same entry with the same id: a name that went to somebody
 * else, or an entry that was made anew, ends it. Undefined where nobody but the person may search: dex v1 without a search.
 */
export function makeRefresh(parts: {
  readonly connectorId: string;
  readonly settings: LdapSettings;
  readonly directory: Directory;
  readonly trace: ConnectorParts["trace"];
}): Connector["refresh"] {
  const { settings, directory } = parts;
  const { find } = settings;
  if (find.kind !== "search") return undefined;
  return async ({ grant, remoteId, asked }) => {
    const kept = grantSchema.safeParse(grant);
    if (!kept.success) return invalidAnswer("the stored grant is not one of a directory").refusal;
    return directory.ask(async (connection) => {
      const { username, dn } = kept.data;
      const entries = await findEntries(connection, settings, find, username);
      if (entries.length === 0) throw userGone("the entry is gone");
      const entry = theOne(entries, "the entry is gone");
      if (canonicalDn(entry.dn) !== canonicalDn(dn)) throw userGone("the name is another entry's now");
      const proof = { amr: [], authTime: undefined };
      const identity = await readIdentity(connection, entry, { ...parts, asked, proof });
      if (identity.remoteId !== remoteId) throw userGone("the entry is about somebody else now");
      return { kind: "identity", identity };
    });
  };
}
