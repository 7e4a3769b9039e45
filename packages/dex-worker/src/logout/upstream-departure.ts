// Where the upstream of a session signs its person out, and how the browser is known when it comes back from there.
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Connector, UpstreamDeparture } from "@dex/connectors";
import type { EndedSession } from "@dex/oidc";
import { describeError, equalInConstantTime, type Logger, type Random, sha256 } from "@dex/runtime";
import type { ConnectorSet } from "../live/connector-set.ts";
import type { LoginPaths } from "../login/paths.ts";

const STATE_BYTES = 16;
/** For an upstream to say where it signs people out. The person waits. */
const ASK_SECONDS = 3;

export type SigningOut = Connector & Required<Pick<Connector, "signOut">>;

/** `failed`: it has such a place, and nobody can be sent there now. */
export type FoundDeparture =
  | { readonly kind: "none" }
  | { readonly kind: "failed"; readonly connector: SigningOut }
  | {
      readonly kind: "found";
      readonly connector: SigningOut;
      readonly departure: UpstreamDeparture;
      /** What the browser keeps, to be known when it comes back. */
      readonly mark: string;
    };

export interface UpstreamDepartures {
  find(ended: Pick<EndedSession, "userId" | "connectorId">): Promise<FoundDeparture>;
  /** The connector that signs people out, when there is one of this id. */
  connector(connectorId: string): SigningOut | undefined;
}

export function makeUpstreamDepartures(parts: {
  connectors: ConnectorSet;
  /** Whom the upstream knows the user as; undefined where that is not one alone. */
  soleRemoteId: (userId: string, connectorId: string) => Promise<string | undefined>;
  paths: LoginPaths;
  random: Random;
  logger: Logger;
}): UpstreamDepartures {
  const { connectors, soleRemoteId, paths, random, logger } = parts;

  function findSigningOut(connectorId: string): SigningOut | undefined {
    const connector = connectors.find(connectorId)?.connector;
    return connector !== undefined && signsOut(connector) ? connector : undefined;
  }

  async function askConnector(connector: SigningOut, userId: string, state: string) {
    const { id } = connector;
    const remoteId = await soleRemoteId(userId, id);
    if (remoteId === undefined) return undefined;
    const [callbackUrl, returnTo] = [paths.callbackUrl(id), paths.signedOutUrl(id)];
    return connector.signOut({ remoteId, callbackUrl, returnTo, state });
  }

  return {
    connector: findSigningOut,
    async find({ userId, connectorId }) {
      const connector = findSigningOut(connectorId);
      if (connector === undefined) return { kind: "none" };
      const state = random(STATE_BYTES).toString("base64url");
      try {
        const departure = await inTime(() => askConnector(connector, userId, state));
        if (departure === undefined) return { kind: "failed", connector };
        return { kind: "found", connector, departure, mark: markOf(connectorId, state) };
      } catch (error) {
        // The session has ended, and the person is to read that.
        logger.warn("not signed out upstream", { connectorId, ...describeError(error) });
        return { kind: "failed", connector };
      }
    },
  };
}

/**
 * Whether a request brings the state that the mark was made of. Whichever protocol it is: a parameter that is compared and
 * nothing else needs no parsing that could refuse it.
 */
export function bringsMark({ url = "" }: IncomingMessage, connectorId: string, mark: string): boolean {
  const parameters = new URLSearchParams(url.split("?")[1] ?? "");
  const state = parameters.get("state") ?? parameters.get("RelayState") ?? "";
  return equalInConstantTime(markOf(connectorId, state), mark);
}

/** The form that takes the browser there. One that is sent by GET has the query in its fields. */
export function formOf(departure: UpstreamDeparture) {
  if (departure.kind === "form") return { action: departure.to, fields: Object.entries(departure.fields) };
  const to = new URL(departure.to);
  return { action: `${to.origin}${to.pathname}`, fields: [...to.searchParams], method: "get" as const };
}

/** What the cookie holds: nothing that an upstream could set it from, and of no use for another connector. */
function markOf(connectorId: string, state: string): string {
  return sha256(`${connectorId}\0${state}`).toString("base64url");
}

function signsOut(connector: Connector): connector is SigningOut {
  return connector.signOut !== undefined;
}

async function inTime<T>(work: () => Promise<T>): Promise<T> {
  const waiting = new AbortController();
  const tooLate = sleep(ASK_SECONDS * 1000, undefined, { signal: waiting.signal }).then(() => {
    throw new Error(`the upstream took longer than ${ASK_SECONDS} s`);
  });
  const done = work();
  // Whichever comes second is nobody's any more.
  for (const one of [tooLate, done]) one.catch(() => {});
  try {
    return await Promise.race([done, tooLate]);
  } finally {
    waiting.abort();
  }
}
