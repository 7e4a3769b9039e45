// "Your account" with all its pages.
import { deriveKeys } from "@dex/runtime";
import type { WorkerConfig } from "../config.ts";
import type { SignOut } from "../logout/sign-out.ts";
import type { PageRoute } from "../visit.ts";
import type { LoginWiring } from "../wiring.ts";
import { accountAccessPages } from "./account-access.ts";
import { accountEmailPages } from "./account-email.ts";
import { makeAccountGate } from "./account-gate.ts";
import { accountIdentityPages } from "./account-identities.ts";
import { accountOverviewPages } from "./account-overview.ts";
import { accountPasswordPages } from "./account-password.ts";

/** Every page of "your account". */
export function accountPages(config: WorkerConfig, wiring: LoginWiring, signOut: SignOut): readonly PageRoute[] {
  const { outside, live, pages, cookieNames, browserStates, sessionLimits, beginOwnPages } = wiring;
  const { storage, salt, hasher, logger } = outside;
  const gate = makeAccountGate({
    basePath: config.issuer.pathname.replace(/\/+$/, ""),
    issuerOrigin: config.issuer.origin,
    signIns: storage.signIns,
    cookieNames,
    browserStates,
    sessionLimits,
    beginOwnPages,
    formKeys: deriveKeys({ secrets: config.keySecrets, salt, purpose: "account-form" }),
    pages,
  });
  const { ownAccounts: accounts, accountLinks: links, failures } = storage;
  const { connectors } = live;
  const { idleSeconds } = sessionLimits;
  const serviceName = config.issuerName;
  return [
    ...accountOverviewPages({ gate, accounts, connectors, idleSeconds, issuer: config.issuerText, pages }),
    ...accountPasswordPages({ gate, accounts, connectors, hasher, serviceName, idleSeconds, pages, logger }),
    ...accountEmailPages({ gate, links, failures, pages }),
    ...accountIdentityPages({ gate, accounts, connectors, beginOwnPages, idleSeconds, pages, logger }),
    ...accountAccessPages({ gate, accounts, signOut, pages }),
  ];
}
