// What client-initiated backchannel authentication needs of a store: CIBA Core 1.0. Polls, redemptions and decisions are those
// of DeviceRequests: a request that waits for a person is one thing, whether they come to it by a code or by a mail.
import type { NewDeviceRequestOutcome } from "../device-authorization/device-requests.ts";
import type { RequestedTargets } from "../resources/requested-targets.ts";

/** Whom a client wants to be signed in, as far as that can be looked up. */
export type NamedPerson =
  /** A confirmed address, in its canonical form. */
  | { readonly kind: "email"; readonly email: string }
  | { readonly kind: "user"; readonly id: string }
  | { readonly kind: "identity"; readonly connectorId: string; readonly remoteId: string }
  /** Nobody, for certain. */
  | { readonly kind: "nobody"; readonly text: string };

/** A client that asks for a person, to be stored. */
export interface NewBackchannelRequest {
  /** A UUID; names the request in links, and proves nothing. */
  readonly id: string;
  readonly authReqIdHash: Buffer;
  readonly approvalHash: Buffer;
  readonly clientId: string;
  readonly person: NamedPerson;
  /** When nobody is found: `refused` stores nothing; `kept` stores a request that nobody can allow. */
  readonly unknownPerson: "refused" | "kept";
  readonly scope: readonly string[];
  readonly targets: RequestedTargets;
  readonly bindingMessage: string | undefined;
  /** Of a client that is told of the decision: see NotificationSealer. */
  readonly sealedNotification: Buffer | undefined;
  readonly expiresAt: Date;
}

export interface BackchannelRequestLimits {
  readonly windowSeconds: number;
  readonly ofClient: number;
  readonly inAll: number;
  /** Of one client about one person, who may not exist. */
  readonly ofPerson: number;
  /** Mails to one person, whoever asks; beyond them requests are seen in "your account" alone. */
  readonly mails: number;
}

export type NewBackchannelRequestOutcome =
  | { readonly kind: "stored" | "unknown person" }
  | { readonly kind: "person full"; readonly until: Date }
  | Exclude<NewDeviceRequestOutcome, { kind: "stored" }>;

/** A request that is still open. */
export interface WaitingBackchannelRequest {
  readonly id: string;
  readonly clientId: string;
  /** Whom it names. */
  readonly userId: string;
  readonly scope: readonly string[];
  readonly targets: RequestedTargets;
  readonly bindingMessage: string | undefined;
}

/** Clients that wait for a person. Each method is one statement. */
export interface BackchannelRequests {
  /** Stores the request and promises the mail to the person: both or neither. Of racing callers no more than the limits say succeed. */
  create(
    request: NewBackchannelRequest,
    limits: BackchannelRequestLimits,
    now: Date,
  ): Promise<NewBackchannelRequestOutcome>;
  /** The open request with this id; undefined also when it names nobody. */
  find(requestId: string, now: Date): Promise<WaitingBackchannelRequest | undefined>;
}
