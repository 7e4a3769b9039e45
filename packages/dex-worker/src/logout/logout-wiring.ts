// Signing out, built of its parts: for the account page and for the end session endpoint.
import type { NoticeSenders } from "@dex/email";
import { derivePairwiseKey, makeSubjects, type Subjects } from "@dex/oidc";
import { deriveKeys, makeOutgoingClient, makeSealer } from "@dex/runtime";
import { ACCOUNT_PATH } from "../accounts/account-gate.ts";
import type { WorkerConfig } from "../config.ts";
import { checkSessionPage } from "../login/check-session.ts";
import type { PageRoute } from "../visit.ts";
import type { LoginWiring } from "../wiring.ts";
import { endSessionPages } from "./end-session.ts";
import { makeLogoutHandles } from "./logout-handles.ts";
import { LOGOUT_NOTICE, makeLogoutNotices } from "./logout-notices.ts";
import { makeSignOut, type SignOut } from "./sign-out.ts";
import { signedOutPages } from "./signed-out-pages.ts";
import { makeUpstreamDepartures } from "./upstream-departure.ts";
import { upstreamLogoutRoute } from "./upstream-logout.ts";

/** The one way to sign out, and the pages where clients ask for it. */
export function wireLogout(
  config: WorkerConfig,
  wiring: LoginWiring,
): { readonly signOut: SignOut; readonly pages: readonly PageRoute[] } {
  const { outside, live, pages, paths, cookieNames, browserStates, sessionLimits } = wiring;
  const { storage, salt, random, logger } = outside;
  const { clients, connectors, keyRing } = live;
  const { keySecrets: secrets, issuerText: issuer } = config;
  const basePath = config.issuer.pathname.replace(/\/+$/, "");
  const handles = makeLogoutHandles(makeSealer({ secrets, salt, random, purpose: "logout-request" }));
  const { soleRemoteId } = storage.ownAccounts;
  const departures = makeUpstreamDepartures({ connectors, soleRemoteId, paths, random, logger });
  const signOut = makeSignOut({
    issuer,
    signInPath: `${basePath}${ACCOUNT_PATH}`,
    logouts: storage.logouts,
    clients,
    departures,
    paths,
    handles,
    cookieNames,
    browserStates,
    pages,
    logger,
  });
  return {
    signOut,
    pages: [
      checkSessionPage(cookieNames),
      upstreamLogoutRoute({ connectors, logouts: storage.logouts, logger }),
      ...signedOutPages({ basePath, departures, handles, cookieNames, paths, pages, logger }),
      ...endSessionPages({
        issuer,
        issuerOrigin: config.issuer.origin,
        basePath,
        clients,
        idTokens: keyRing.verifier,
        signIns: storage.signIns,
        subjects: subjectsOf(config, salt),
        sessionLimits,
        cookieNames,
        handles,
        signOut,
        formKeys: deriveKeys({ secrets, salt, purpose: "logout-form" }),
        pages,
      }),
    ],
  };
}

/** What the delivery of the outbox sends beside mail. */
export function wireNotices(
  config: WorkerConfig,
  { salt }: Pick<LoginWiring["outside"], "salt">,
  { clients, keyRing }: Pick<LoginWiring["live"], "clients" | "keyRing">,
): NoticeSenders {
  const privateAddresses = config.insecurePrivateClientAddresses ? "allowed" : "refused";
  const { postForm } = makeOutgoingClient({ privateAddresses });
  const { signer } = keyRing;
  const subjects = subjectsOf(config, salt);
  return { [LOGOUT_NOTICE]: makeLogoutNotices({ issuer: config.issuerText, clients, signer, subjects, postForm }) };
}

function subjectsOf({ subjectFormat: format }: WorkerConfig, salt: Buffer): Subjects {
  return makeSubjects({ format, pairwiseKey: derivePairwiseKey(salt) });
}
