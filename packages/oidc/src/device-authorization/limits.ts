// How many devices may wait, and how often their codes may be tried. What is here decides how likely a code is guessed: the
// test beside this file computes it.

import { DEVICE_CODE_SECONDS } from "./device-code.ts";
import type { DeviceRequestLimits } from "./device-requests.ts";

/**
 * A window is as long as a device code lives, so at most two windows' worth is live. The short codes are few enough to be
 * found by nobody at the speed of ENTRY_LIMITS; beyond them codes are longer by a group, and nobody is turned away.
 */
export const DEVICE_REQUEST_LIMITS: DeviceRequestLimits = {
  windowSeconds: DEVICE_CODE_SECONDS,
  ofClient: 1_000,
  inAll: 5_000,
  withShortCode: 50,
};

/**
 * Requests for a device code from one address, by clients that cannot prove who they are or registered themselves. An office is
 * one address.
 */
export const DEVICE_REQUESTS_FROM_SOURCE = { times: 30, windowSeconds: DEVICE_CODE_SECONDS } as const;

/** Tries of user codes (DEV-1). Of all of them only wrong ones count; of the rest every one, before it is evaluated. */
export const ENTRY_LIMITS = {
  /** In one form, however often it is sent. */
  ofFlow: { times: 5, windowSeconds: DEVICE_CODE_SECONDS },
  /** Of whoever is signed in. */
  ofUser: { times: 10, windowSeconds: DEVICE_CODE_SECONDS },
  fromSource: { times: 10, windowSeconds: 60 },
  inAll: { times: 20, windowSeconds: 60 },
} as const;
