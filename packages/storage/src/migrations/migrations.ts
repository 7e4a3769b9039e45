import type { Knex } from "knex";
import { initial } from "./0001-initial.ts";
import { outbox } from "./0002-outbox.ts";
import { accounts } from "./0003-accounts.ts";
import { wrongGuesses } from "./0004-wrong-guesses.ts";
import { usedOnce } from "./0005-used-once.ts";
import { upstreamGrants } from "./0006-upstream-grants.ts";
import { clientDetails } from "./0010-client-details.ts";
import { frontChannelFamilies } from "./0011-front-channel-families.ts";
import { logout } from "./0012-logout.ts";
import { claims } from "./0014-claims.ts";
import { sessionOrigins } from "./0020-session-origins.ts";
import { clientSecrets } from "./0021-client-secrets.ts";
import { grantTerms } from "./0022-grant-terms.ts";
import { revokedAccessTokens } from "./0023-revoked-access-tokens.ts";
import { deviceRequests } from "./0024-device-requests.ts";
import { resources } from "./0031-resources.ts";
import { backchannelRequests } from "./0032-backchannel-requests.ts";
import { upstreamSessions } from "./0033-upstream-sessions.ts";
import { clientDocuments } from "./0034-client-documents.ts";
import { askedOfResources } from "./0037-asked-of-resources.ts";
import { clientKeyUses } from "./0041-client-key-uses.ts";

/** One step forward of the schema. Each runs in a transaction of its own; there is no way back. */
export interface Migration {
  /** Four digits and words, as the file is called. Stays in the database for good. */
  readonly name: string;
  up(db: Knex): Promise<void>;
}

/** All of them, in order. A list rather than a look into a directory: a bundled program has none. */
export const MIGRATIONS: readonly Migration[] = [
  initial,
  outbox,
  accounts,
  wrongGuesses,
  usedOnce,
  upstreamGrants,
  clientDetails,
  frontChannelFamilies,
  logout,
  claims,
  sessionOrigins,
  clientSecrets,
  grantTerms,
  revokedAccessTokens,
  deviceRequests,
  resources,
  backchannelRequests,
  upstreamSessions,
  clientDocuments,
  askedOfResources,
  clientKeyUses,
];
