// What the device authorization grant needs of a store: RFC 8628.
import type { GrantTerms, NewTokenFamily, Session, TokenGrant } from "../ports.ts";
import type { RequestedTargets } from "../resources/requested-targets.ts";
import type { AskedOfGrant } from "../resources/terms.ts";
import type { Confirmation } from "../tokens/confirmation.ts";

/** A device that asks for a person, to be stored. */
export interface NewDeviceRequest {
  readonly deviceCodeHash: Buffer;
  /** Of a short and of a long user code: which of them becomes the code is decided by how many there are. */
  readonly userCodeHashes: { readonly short: Buffer; readonly long: Buffer };
  readonly clientId: string;
  readonly scope: readonly string[];
  readonly targets: RequestedTargets;
  /** S256 of what the device will show when it polls; undefined when it proves nothing beside who it is. */
  readonly codeChallenge: string | undefined;
  readonly expiresAt: Date;
}

/** How many rows may come about in a window, counted for all workers by the statement that makes them. */
export interface DeviceRequestLimits {
  readonly windowSeconds: number;
  readonly ofClient: number;
  readonly inAll: number;
  /** Beyond these the user codes become long. */
  readonly withShortCode: number;
}

/** Of all but `stored` nothing was stored. `client gone`: it was deleted while it asked. */
export type NewDeviceRequestOutcome =
  | { readonly kind: "stored"; readonly length: "short" | "long" }
  | { readonly kind: "client full" | "full"; readonly until: Date }
  | { readonly kind: "client gone" };

/** What became of a user code that somebody typed. */
export type EnteredUserCode =
  | {
      readonly kind: "found";
      readonly clientId: string;
      readonly scope: readonly string[];
      readonly targets: RequestedTargets;
    }
  | { readonly kind: "unknown" }
  /** Whether it is right is not told. */
  | { readonly kind: "too many"; readonly until: Date };

export type DeviceDecision = "approved" | "denied";

/** A request as a poll finds it. */
export interface StoredDeviceRequest {
  readonly clientId: string;
  /** What was asked for, and from the approval on what was approved. */
  readonly scope: readonly string[];
  readonly codeChallenge: string | undefined;
  readonly terms?: GrantTerms | undefined;
  readonly expiresAt: Date;
  readonly decision: DeviceDecision | undefined;
  /** Whether this poll came before its time. */
  readonly early: boolean;
  readonly spentAt: Date | undefined;
  /** Where and by whom it was approved; undefined before. */
  readonly connectorId: string | undefined;
  /** False when what it was approved with has ended: the user's access, the connector, or the session where only it counts. */
  readonly ownerActive: boolean;
}

/** What the token endpoint was given with a device code, in comparable form. */
export interface DeviceCodeRedemption {
  readonly deviceCodeHash: Buffer;
  readonly clientId: string;
  /** The scope of this request; undefined when none was sent. */
  readonly scope: readonly string[] | undefined;
  /** S256 of the verifier that was sent; undefined when none was. */
  readonly challengeOfVerifier: string | undefined;
  /** Of the client; undefined allows all. */
  readonly allowedConnectors: readonly string[] | undefined;
  readonly confirmation: Confirmation | undefined;
  /** What has to be among the terms of the request: see refuseUngranted. */
  readonly asked?: AskedOfGrant | undefined;
  readonly family: NewTokenFamily;
}

/** Devices that wait for their person. Each method is one statement. */
export interface DeviceRequests {
  /** Stores the request unless there are too many: of racing callers no more than the limits say succeed. */
  create(request: NewDeviceRequest, limits: DeviceRequestLimits, now: Date): Promise<NewDeviceRequestOutcome>;
  /**
   * The live, undecided request with one of these user code hashes. Wrong ones are counted for all workers, and when
   * `limit.times` of a window were wrong, right ones are refused as well: no guess is evaluated beyond them, however many
   * come at once.
   */
  enter(
    userCodeHashes: readonly Buffer[],
    limit: { readonly times: number; readonly windowSeconds: number },
    now: Date,
  ): Promise<EnteredUserCode>;
  /**
   * Approves for the person of the session, with what tokens will say of the sign-in, and lets the session know the client;
   * or denies. Of racing decisions the first is final: false for every other, and when the request has expired, was of
   * another client, or the session has ended.
   */
  decide(
    userCodeHashes: readonly Buffer[],
    answer: {
      readonly decision: DeviceDecision;
      readonly clientId: string;
      readonly session: Session;
      readonly scope: readonly string[];
      /** What the person was shown of resources: from then on among the terms of the request (DEV-2). */
      readonly targets: RequestedTargets;
    },
    now: Date,
  ): Promise<boolean>;
  /** The request, or undefined when there is none. Notes the poll of the right client, and that it came too early. */
  poll(deviceCodeHash: Buffer, clientId: string, now: Date): Promise<StoredDeviceRequest | undefined>;
  /**
   * Spends the request and opens its family, when every condition of decideDevicePoll for `redeem` holds at `now`. Of racing
   * callers one gets the grant, the others undefined, as does every refusal.
   */
  redeem(redemption: DeviceCodeRedemption, now: Date): Promise<TokenGrant | undefined>;
}
