// What upstreams gave us to ask them again (tokens, names to look up) lies in the database sealed, like our secrets at them:
// whoever steals the database has none of it (C 20).
import type { UpstreamGrant } from "@dex/connectors";
import { type KeySecrets, makeSealer, type Random } from "@dex/runtime";
import type { GrantOwner } from "@dex/storage";

const MAX_GRANT_BYTES = 16 * 1024;

/** Whom a grant is about, and who gave it: moved to anybody else it opens nothing. */
export interface GrantSubject extends GrantOwner {
  readonly remoteId: string;
  /** ConnectorEntry.upstream: tokens of one are not sent to another that took its id. */
  readonly upstream: string;
}

export interface UpstreamGrantSealer {
  /** Undefined when the grant is larger than 16 KiB as JSON. */
  seal(of: GrantSubject, grant: UpstreamGrant): Buffer | undefined;
  /** Undefined when no key secret opens it, or it was sealed for another subject. */
  open(of: GrantSubject, sealed: Buffer): OpenedGrant | undefined;
}

export interface OpenedGrant {
  readonly grant: UpstreamGrant;
  /** Time to seal it again: an older key secret had sealed it. */
  readonly outdated: boolean;
}

/** `salt` lives in the database, the key secrets do not: each alone opens nothing. */
export function makeUpstreamGrantSealer(parts: {
  secrets: KeySecrets;
  salt: Buffer;
  random: Random;
}): UpstreamGrantSealer {
  const sealer = makeSealer({ ...parts, purpose: "upstream-grant" });
  const contextOf = (of: GrantSubject) => JSON.stringify([of.userId, of.connectorId, of.remoteId, of.upstream]);
  return {
    seal(of, grant) {
      const plaintext = Buffer.from(JSON.stringify(grant));
      return plaintext.length > MAX_GRANT_BYTES ? undefined : sealer.seal(plaintext, contextOf(of));
    },
    open(of, sealed) {
      const opened = sealer.open(sealed, contextOf(of));
      // The seal is ours, so this is the JSON that was sealed.
      return opened && { grant: JSON.parse(opened.plaintext.toString()), outdated: !opened.underFirstSecret };
    },
  };
}
