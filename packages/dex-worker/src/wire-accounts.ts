// The pages around accounts. Each group of pages is made by one function; this is the list of them.
import { accountPages } from "./accounts/account-pages.ts";
import { linkPages } from "./accounts/link-pages.ts";
import { oobPages } from "./accounts/oob.ts";
import { registrationPages } from "./accounts/registration-pages.ts";
import { resendVerifyEmailRoute } from "./accounts/resend-verify-email.ts";
import type { WorkerConfig } from "./config.ts";
import { wireLogout } from "./logout/logout-wiring.ts";
import type { PageRoute } from "./visit.ts";
import { backchannelPages } from "./wire-backchannel.ts";
import { devicePages } from "./wire-device.ts";
import type { LoginWiring } from "./wiring.ts";

/** Every page route beside the sign-in steps themselves. */
export function wireAccountPages(config: WorkerConfig, wiring: LoginWiring): readonly PageRoute[] {
  const { outside, live } = wiring;
  const { clients, userDirectory: users, accountLinks: links, revocations: accessTokens } = outside.storage;
  const { verifier } = live.keyRing;
  const logout = wireLogout(config, wiring);
  return [
    ...accountPages(config, wiring, logout.signOut),
    ...logout.pages,
    ...registrationPages(config, wiring),
    ...linkPages(config, wiring),
    resendVerifyEmailRoute({ issuer: config.issuerText, verifier, clients, accessTokens, users, links }),
    ...oobPages(wiring),
    ...devicePages(config, wiring),
    ...backchannelPages(config, wiring),
  ];
}
