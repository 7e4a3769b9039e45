// People whom no browser brings: a client has a token of a connector's issuer, or their name and password. Who they are to us is
// decided as at a sign-in (users), with nobody there to be asked anything.
import type { Connector, ConnectorGrantType, Identity, LoginOutcome, LoginRefusal } from "@dex/connectors";
import { type ConnectorPeople, type ProvedPerson, TOKEN_EXCHANGE_GRANT, type UnprovedPerson } from "@dex/oidc";
import type { Logger, Random } from "@dex/runtime";
import { type Actor, attemptAccountOf, decideSignIn, newUserId, type User, type Users } from "@dex/users";
import type { ConnectorEntry, ConnectorSet } from "../live/connector-set.ts";
import type { UpstreamGrantSealer } from "./upstream-grant-sealer.ts";

export interface ConnectorPeopleParts {
  readonly connectors: ConnectorSet;
  readonly users: Pick<Users, "findByIdentity" | "register">;
  /** Whether somebody whom nobody here knows gets an account, as at a first sign-in. */
  readonly automaticRegistration: boolean;
  readonly grantSealer: UpstreamGrantSealer;
  readonly random: Random;
  readonly logger: Logger;
}

const RETRY_AFTER_SECONDS = 5;
/** As dex v2 has it. */
const NO_CONNECTOR: UnprovedPerson = { kind: "unsuitable", reason: "Requested connector does not exist." };

export function makeConnectorPeople(parts: ConnectorPeopleParts): ConnectorPeople {
  const { connectors, users, logger } = parts;

  async function findUser(identity: Identity, connector: Connector, whose: Whose): Promise<User | UnprovedPerson> {
    const policy = {
      wish: "sign in",
      automaticRegistration: parts.automaticRegistration,
      // There is no page on which to do it.
      registration: false,
      localConnectorId: connector.type === "local" ? connector.id : undefined,
    } as const;
    const look = async () =>
      decideSignIn(identity, await users.findByIdentity(identity, whose.clientId), policy, whose.now);
    let decision = await look();
    if (decision.kind === "register") {
      const actor: Actor = { kind: "registration", id: undefined, address: undefined };
      await users.register({ id: newUserId(parts.random), ...decision.user }, identity, actor);
      // Of two who race one has created the user; both find it now.
      decision = await look();
    }
    if (decision.kind === "sign in") return decision.user;
    return { kind: "refused", detail: decision.kind === "refused" ? decision.reason : decision.kind };
  }

  async function accept(
    outcome: LoginOutcome,
    entry: OpenedEntry,
    whose: Whose,
  ): Promise<ProvedPerson | UnprovedPerson> {
    const { connector } = entry;
    if (outcome.kind !== "identity") {
      const detail = "detail" in outcome ? { detail: outcome.detail } : {};
      logger.warn("sign-in refused", { connectorId: connector.id, refusal: outcome.kind, ...detail });
      return toUnproved(outcome);
    }
    const { identity, grant, validUntil } = outcome;
    const user = await findUser(identity, connector, whose);
    if ("kind" in user) return user;
    const typed = whose.source !== undefined;
    const account = connector.type === "local" ? user.email : attemptAccountOf(identity);
    const { remoteId, groups, preferredUsername, authTime, amr } = identity;
    const { upstream } = entry;
    const sealed =
      grant && parts.grantSealer.seal({ userId: user.id, connectorId: connector.id, remoteId, upstream }, grant);
    return {
      kind: "person",
      userId: user.id,
      groups,
      preferredUsername,
      authTime,
      amr,
      validUntil,
      attempt: typed ? { account, source: whose.source ?? "" } : undefined,
      upstreamGrant: sealed && { remoteId, sealed },
    };
  }

  return {
    offersOfflineAccess: (connectorId) => connectors.find(connectorId)?.offlineAccess === true,
    mayExchange: (connectorId) => serves(connectors.find(connectorId), TOKEN_EXCHANGE_GRANT),
    async bySubjectToken({ connectorId, token, type, clientId }, now) {
      const entry = opened(connectors.find(connectorId), TOKEN_EXCHANGE_GRANT);
      const { tokenIdentity } = entry?.connector ?? {};
      if (entry === undefined || tokenIdentity === undefined) return NO_CONNECTOR;
      return accept(await tokenIdentity({ token, type, now }), entry, { clientId, now });
    },
    async byPassword({ connectorId, login, password, source, asked, clientId }, now) {
      const entry = opened(connectors.find(connectorId), "password");
      if (entry?.connector.login.kind !== "password") return NO_CONNECTOR;
      const wanted = { groups: asked.includes("groups"), offlineAccess: asked.includes("offline_access") };
      const outcome = await entry.connector.login.verify({ login, password, source, asked: wanted, now });
      return accept(outcome, entry, { clientId, now, source });
    },
  };
}

interface Whose {
  readonly clientId: string;
  readonly now: Date;
  /** Set where a password was typed. */
  readonly source?: string;
}

type OpenedEntry = ConnectorEntry & { readonly connector: Connector };

function serves(entry: ConnectorEntry | undefined, grant: ConnectorGrantType): boolean {
  return entry !== undefined && (entry.grantTypes?.includes(grant) ?? true);
}

function opened(entry: ConnectorEntry | undefined, grant: ConnectorGrantType): OpenedEntry | undefined {
  if (entry?.connector === undefined || !serves(entry, grant)) return undefined;
  return { ...entry, connector: entry.connector };
}

function toUnproved(refusal: LoginRefusal): UnprovedPerson {
  switch (refusal.kind) {
    case "refused":
      return { kind: "refused", detail: `${refusal.reason}: ${refusal.detail}` };
    case "unavailable":
      return { ...refusal, retryAfterSeconds: RETRY_AFTER_SECONDS };
    case "busy":
      return { kind: "unavailable", detail: "too many at once", retryAfterSeconds: refusal.retryAfterSeconds };
    case "throttled":
      return refusal;
  }
}
