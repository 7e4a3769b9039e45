// A connector that takes passwords, and whom it admits.
import { type JsonObject, silentLogger, systemClock, systemRandom } from "@dex/runtime";
import { NOTHING_ASKED } from "@dex/testing";
import type { AskedOfUpstream, Connector, LoginOutcome, UpstreamGrant } from "../src/connector.ts";
import type { ConnectorParts } from "../src/connector-kind.ts";
import { openConnector } from "../src/registry.ts";

export const ALL_ASKED: AskedOfUpstream = { groups: true, offlineAccess: true };

export function openPasswordConnector(
  type: string,
  config: JsonObject,
  parts: Partial<ConnectorParts> = {},
): Connector {
  const opened = openConnector(
    { id: "up", type, config },
    {
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      checkPassword: async () => ({ kind: "unavailable", detail: "not used here" }),
      ...parts,
    },
  );
  if (opened.kind === "refused") throw new Error(opened.reason);
  return opened.connector;
}

export function verify(
  { login }: Connector,
  typed: { readonly login: string; readonly password: string },
  asked: AskedOfUpstream = NOTHING_ASKED,
): Promise<LoginOutcome> {
  if (login.kind !== "password") throw new Error("expected a form");
  return login.verify({ ...typed, source: "192.0.2.7", asked, now: systemClock() });
}

/** Reads somebody again with what a sign-in left behind. */
export async function refresh(
  connector: Connector,
  given: { readonly grant: UpstreamGrant; readonly remoteId: string },
  asked: AskedOfUpstream = ALL_ASKED,
): Promise<LoginOutcome> {
  const keep = async () => {
    throw new Error("nothing is rotated here");
  };
  const outcome = await connector.refresh?.({ ...given, asked, now: systemClock(), keep });
  if (outcome === undefined) throw new Error("the connector cannot refresh");
  return outcome;
}

/** Signs in with everything asked, for who is then read again. */
export async function signInToRefresh(connector: Connector, typed: { login: string; password: string }) {
  const outcome = await verify(connector, typed, ALL_ASKED);
  if (outcome.kind !== "identity" || outcome.grant === undefined) throw new Error(JSON.stringify(outcome));
  return { identity: outcome.identity, grant: outcome.grant, remoteId: outcome.identity.remoteId };
}

/** Admits `allowed` attempts on each id, as the one in `users` does, and remembers what was asked. */
export function makeAdmission(allowed: number) {
  const attempts: string[] = [];
  const admitAttempt: NonNullable<ConnectorParts["admitAttempt"]> = async ({ connectorId, remoteId, source }) => {
    attempts.push([connectorId, remoteId, source].join(" "));
    const count = attempts.filter((one) => one === attempts.at(-1)).length;
    return count <= allowed ? { kind: "try" } : { kind: "throttled", retryAfterSeconds: 7 };
  };
  return { attempts, admitAttempt };
}
