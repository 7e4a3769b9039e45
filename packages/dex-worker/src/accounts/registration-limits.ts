// How often people may ask for accounts and try passwords of registrations, counted before anything is done (ACC-3, ACC-5).
import type { FailureCounter } from "@dex/oidc";
import { countWithin } from "./request-limits.ts";

export interface RegistrationLimits {
  /** Counts a registration. Seconds to wait when there were too many for this address or from this source. */
  countRegistration(email: string, source: string, now: Date): Promise<number | undefined>;
  /** The same for a password that is tried for a registration. */
  countPassword(registrationId: string, source: string, now: Date): Promise<number | undefined>;
}

const QUARTER_OF_AN_HOUR = 900;
const HOUR = 3600;

export function makeRegistrationLimits(failures: FailureCounter): RegistrationLimits {
  // An address that belongs to somebody is counted like any other, so that the answer tells nothing (ACC-2).
  const count = countWithin(failures);
  const ofSource = (source: string) => ({
    key: `registration from ${source}`,
    times: 100, // a lecture hall behind one address
    windowSeconds: QUARTER_OF_AN_HOUR,
  });
  return {
    countRegistration: (email, source, now) =>
      // Nobody's mailbox is to be filled.
      count([ofSource(source), { key: `registration of ${email}`, times: 5, windowSeconds: HOUR }], now),
    countPassword: (id, source, now) =>
      count(
        [ofSource(source), { key: `registration password ${id}`, times: 5, windowSeconds: QUARTER_OF_AN_HOUR }],
        now,
      ),
  };
}
