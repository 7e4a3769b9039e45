// What somebody else than the person needs of a store to answer in their place what clients ask of them by name.
import type { DeviceDecision } from "../device-authorization/device-requests.ts";

/** A request that is still open. */
export interface PendingBackchannelRequest {
  readonly id: string;
  readonly clientId: string;
  readonly clientName: string | undefined;
  readonly scope: readonly string[];
  readonly bindingMessage: string | undefined;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** An answer that no browser signed in for. */
export interface DecisionInPlaceOfPerson {
  readonly decision: DeviceDecision;
  /** Who acts for the person, as tokens tell it: RFC 8693 §4.1. */
  readonly actor: { readonly sub: string };
  /** Random, for the grant to name: it has no session. */
  readonly sessionHash: Buffer;
  /** Connectors through which nobody gets offline access. */
  readonly connectorsWithoutOfflineAccess: readonly string[];
}

/**
 * `expired`: also when it is over for another reason than an answer. `nobody to sign in`: the person is disabled, or has no
 * identity through which this client may have them; only a yes needs that.
 */
export type OutcomeInPlaceOfPerson = "decided" | "decided before" | "expired" | "unknown" | "nobody to sign in";

/** Each method is one statement; `Actor` is whom the audit event names. */
export interface BackchannelDecisions<Actor> {
  /** The newest first, at most 100; undefined when there is no such user. */
  pending(userId: string, now: Date): Promise<readonly PendingBackchannelRequest[] | undefined>;
  /**
   * Answers a request that names this user, and promises the client its notice where it waits for one. Of racing decisions,
   * those of the person among them, the first is final.
   */
  decide(
    request: { readonly userId: string; readonly requestId: string },
    answer: DecisionInPlaceOfPerson,
    by: Actor,
    now: Date,
  ): Promise<OutcomeInPlaceOfPerson>;
}
