// Builds the pages of registration, of confirming an address, and of proved identities that belong to nobody.
import { makeLinkTokens } from "@dex/users";
import type { WorkerConfig } from "../config.ts";
import { linkIdentityPage } from "../login/link-identity.ts";
import { unmatchedIdentityPage } from "../login/unmatched-identity.ts";
import type { PageRoute } from "../visit.ts";
import type { LoginWiring } from "../wiring.ts";
import { makeIsLinkOwner } from "./link-owner.ts";
import { makeMailedLinks } from "./mailed-link.ts";
import { registerPage } from "./register.ts";
import { makeRegistrationLimits } from "./registration-limits.ts";
import { verifyEmailPage } from "./verify-email.ts";

export function registrationPages(config: WorkerConfig, wiring: LoginWiring): readonly PageRoute[] {
  const { outside, live, pages, dispatcher, cookies, cookieNames, paths, acceptIdentity } = wiring;
  const { storage, salt, hasher, random, logger } = outside;
  const { users, registrations, ownAccounts, failures } = storage;
  const shared = {
    issuerOrigin: config.issuer.origin,
    users,
    clients: wiring.flowClients,
    connectors: live.connectors,
    dispatcher,
    cookies,
    paths,
    pages,
    logger,
  };
  const limits = makeRegistrationLimits(failures);
  const confirming = { ...shared, registrations, limits, hasher, cookieNames, random };
  const emailDomains = config.registrationEmailDomains.map((domain) => domain.toLowerCase());
  return [
    // Where nobody can register there is no such page. What was begun before may still be confirmed.
    ...(config.enableRegistration
      ? [registerPage({ ...confirming, acceptIdentity, policy: { emailDomains, serviceName: config.issuerName } })]
      : []),
    verifyEmailPage({
      ...confirming,
      clients: live.clients,
      mailedLinks: makeMailedLinks(cookieNames),
      linkTokens: makeLinkTokens({ secrets: config.keySecrets, salt }),
      accountLinks: storage.accountLinks,
      isLinkOwner: makeIsLinkOwner(wiring),
    }),
    unmatchedIdentityPage({ ...shared, acceptIdentity }),
    linkIdentityPage({ ...shared, ownAccounts }),
  ];
}
