import type { BackchannelRequestLimits } from "./backchannel-requests.ts";

/** Nobody is to be worn out by asking, nor have their mailbox filled: not by one client, and not by many. */
export const BACKCHANNEL_REQUEST_LIMITS: BackchannelRequestLimits = {
  windowSeconds: 600,
  ofClient: 1_000,
  inAll: 5_000,
  ofPerson: 5,
  mails: 10,
};
