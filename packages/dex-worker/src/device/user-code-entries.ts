// How often codes may be typed, and what becomes of one: DEV-1.
import {
  type DeviceRequests,
  ENTRY_LIMITS,
  type EnteredUserCode,
  type FailureCounter,
  type UserCode,
  type UserCodeHashes,
} from "@dex/oidc";
import { countWithin } from "../accounts/request-limits.ts";

export interface UserCodeEntry {
  readonly userCode: UserCode;
  readonly flowId: string;
  /** The peer's address. */
  readonly source: string;
  /** Of whoever is signed in. */
  readonly userId: string | undefined;
}

export type EntryOutcome =
  | Extract<EnteredUserCode, { kind: "found" | "unknown" }>
  | { readonly kind: "too many"; readonly retryAfterSeconds: number };

/** Looks for the device whose code was typed, after it was counted. */
export type EnterUserCode = (entry: UserCodeEntry, now: Date) => Promise<EntryOutcome>;

export function makeEnterUserCode(parts: {
  devices: Pick<DeviceRequests, "enter">;
  failures: FailureCounter;
  userCodeHashes: UserCodeHashes;
}): EnterUserCode {
  const { devices, userCodeHashes } = parts;
  const count = countWithin(parts.failures);
  // What this process has been told: those who come then cause no round trip.
  let fullUntil = new Date(0);

  const secondsUntil = (until: Date, now: Date) => Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000));

  return async ({ userCode, flowId, source, userId }, now) => {
    if (fullUntil > now) return { kind: "too many", retryAfterSeconds: secondsUntil(fullUntil, now) };
    const { ofFlow, ofUser, fromSource, inAll } = ENTRY_LIMITS;
    // From the narrowest to what all share: who has used up their own tries takes none of the others'.
    const limits = [
      { key: `device user codes of flow ${flowId}`, ...ofFlow },
      ...(userId === undefined ? [] : [{ key: `device user codes of user ${userId}`, ...ofUser }]),
      { key: `device user codes from ${source}`, ...fromSource },
    ];
    const retryAfterSeconds = await count(limits, now);
    if (retryAfterSeconds !== undefined) return { kind: "too many", retryAfterSeconds };
    const outcome = await devices.enter(userCodeHashes.all(userCode), inAll, now);
    if (outcome.kind !== "too many") return outcome;
    fullUntil = outcome.until;
    return { kind: "too many", retryAfterSeconds: secondsUntil(outcome.until, now) };
  };
}
