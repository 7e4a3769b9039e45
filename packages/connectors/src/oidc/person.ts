// From verified claims to an outcome, the same way at a login, at a refresh and for a subject token.
import type { AskedOfUpstream, LoginOutcome } from "../connector.ts";
import type { ConnectorParts } from "../connector-kind.ts";
import { outcomeOf } from "../login-refused.ts";
import type { Claims } from "./claim-values.ts";
import { decideClaims } from "./claims.ts";
import type { ArrivedClaims, OidcHooks } from "./hooks.ts";
import type { OidcSettings } from "./settings.ts";

/** What is known beside the claims. `startedAt` and what follows are a login's. */
export interface Occasion {
  readonly occasion: "login" | "refresh" | "subject token";
  readonly asked: AskedOfUpstream;
  readonly accessToken: string | undefined;
  readonly now: Date;
  readonly answer?: URLSearchParams;
  readonly startedAt?: Date;
  readonly reauthenticate?: boolean;
  readonly maxAgeSeconds?: number | undefined;
}

export type ReadPerson = (arrived: ArrivedClaims, occasion: Occasion) => Promise<LoginOutcome>;

export function makeReadPerson(parts: {
  readonly connectorId: string;
  readonly settings: OidcSettings;
  readonly hooks: OidcHooks;
  readonly trace: ConnectorParts["trace"];
}): ReadPerson {
  const { connectorId, settings, hooks, trace } = parts;
  return (arrived, given) =>
    outcomeOf(async () => {
      for (const [source, claims] of Object.entries(arrived)) {
        if (claims !== undefined) trace?.({ kind: "claims", source, claims });
      }
      const { occasion, answer, now } = given;
      const { idToken, userInfo } = hooks.claims?.(arrived, { occasion, answer }) ?? arrived;
      const decision = decideClaims(idToken, userInfo, settings, {
        connectorId,
        startedAt: given.startedAt ?? now,
        reauthenticate: given.reauthenticate ?? false,
        maxAgeSeconds: given.maxAgeSeconds,
        now,
        occasion,
        trace,
      });
      if (decision.kind !== "identity") return toLoginRefusal(decision);
      if (hooks.readGroups === undefined) return decision;
      const claims: Claims = { ...idToken, ...userInfo };
      const call = { accessToken: given.accessToken, now };
      const groups = await hooks.readGroups(decision.identity, claims, given.asked, call);
      return { kind: "identity", identity: { ...decision.identity, groups } };
    });
}

function toLoginRefusal({ kind, detail }: { kind: "not permitted" | "refused"; detail: string }): LoginOutcome {
  return { kind: "refused", reason: kind === "not permitted" ? "not permitted" : "invalid answer", detail };
}
