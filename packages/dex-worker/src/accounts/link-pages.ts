// Builds the pages around links that are mailed to users: where one is asked for, and what is behind them. The links that
// confirm an address are with registration.
import { makeLinkTokens } from "@dex/users";
import type { WorkerConfig } from "../config.ts";
import type { PageRoute } from "../visit.ts";
import type { LoginWiring } from "../wiring.ts";
import { acceptInvitationPage } from "./accept-invitation.ts";
import { ACCOUNT_PATH } from "./account-gate.ts";
import { changeEmailPage } from "./change-email.ts";
import { makeIsLinkOwner } from "./link-owner.ts";
import { makeMailedLinks } from "./mailed-link.ts";
import { countWithin } from "./request-limits.ts";
import { resetPasswordPage } from "./reset-password.ts";
import { sendResetPasswordPage } from "./send-reset-password.ts";

export function linkPages(config: WorkerConfig, wiring: LoginWiring): readonly PageRoute[] {
  const { outside, live, pages, dispatcher, cookies, paths } = wiring;
  const { storage, salt, hasher, logger } = outside;
  const shared = {
    issuerOrigin: config.issuer.origin,
    links: storage.accountLinks,
    mailedLinks: makeMailedLinks(wiring.cookieNames),
    linkTokens: makeLinkTokens({ secrets: config.keySecrets, salt }),
    accountHref: `${config.issuer.pathname.replace(/\/+$/, "")}${ACCOUNT_PATH}`,
    pages,
    logger,
  };
  const { clients, connectors } = live;
  const choosing = { ...shared, serviceName: config.issuerName, hasher, clients, connectors, dispatcher, cookies };
  return [
    sendResetPasswordPage({ ...shared, count: countWithin(storage.failures), clients, cookies, paths }),
    resetPasswordPage(choosing, paths.resetPassword),
    acceptInvitationPage(choosing, paths.acceptInvitation),
    changeEmailPage({ ...shared, isLinkOwner: makeIsLinkOwner(wiring), href: paths.changeEmail }),
  ];
}
