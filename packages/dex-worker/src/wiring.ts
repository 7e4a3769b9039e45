// What the parts of the worker are made of, between main.ts and wire.ts.
import type { KeyRing } from "@dex/keys";
import type { Clients, LoginStates, NoteKeyUse, NoteSecretUse, Resources, SessionLimits } from "@dex/oidc";
import type { FollowingClock, Logger, Random } from "@dex/runtime";
import type { Storage } from "@dex/storage";
import type { PasswordHasher } from "@dex/users";
import type { Health } from "./endpoints/health.ts";
import type { ClientCache } from "./live/client-cache.ts";
import type { ClientDocuments } from "./live/client-documents.ts";
import type { ConnectorSet } from "./live/connector-set.ts";
import type { AcceptIdentity } from "./login/accept-identity.ts";
import type { BrowserStates } from "./login/browser-state.ts";
import type { Dispatcher } from "./login/dispatcher.ts";
import type { LoginCookies } from "./login/login-cookies.ts";
import type { BeginOwnPages } from "./login/own-pages.ts";
import type { LoginPaths } from "./login/paths.ts";
import type { CookieNames } from "./middleware/cookies.ts";
import type { Pages } from "./pages.ts";

/** What main.ts opened. */
export interface Outside {
  readonly storage: Storage;
  /** Made by the first migration; without it the key secrets open nothing. */
  readonly salt: Buffer;
  readonly hasher: PasswordHasher;
  readonly clock: FollowingClock;
  readonly random: Random;
  readonly logger: Logger;
  /** False from the moment the process is asked to stop. */
  readonly live: () => boolean;
}

/** What follows the database while the worker runs. */
export interface Live {
  readonly clients: ClientCache;
  readonly clientDocuments: ClientDocuments;
  readonly keyRing: KeyRing;
  readonly connectors: ConnectorSet;
  readonly resources: Resources;
  readonly health: Health;
  readonly noteSecretUse: NoteSecretUse;
  readonly noteKeyUse: NoteKeyUse;
}

/** What pages around sign-in and accounts are made of. */
export interface LoginWiring {
  readonly outside: Outside;
  readonly live: Live;
  readonly pages: Pages;
  readonly dispatcher: Dispatcher;
  readonly cookies: LoginCookies;
  readonly cookieNames: CookieNames;
  readonly browserStates: BrowserStates;
  readonly paths: LoginPaths;
  readonly loginStates: LoginStates;
  readonly sessionLimits: SessionLimits;
  readonly acceptIdentity: AcceptIdentity;
  /** The clients with what stands for our own pages among them. */
  readonly flowClients: Clients;
  readonly beginOwnPages: BeginOwnPages;
}
