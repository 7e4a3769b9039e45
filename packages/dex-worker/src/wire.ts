import { makeConnectorSealer, openConnector, openSealedConnector } from "@dex/connectors";
import type { NoticeSenders } from "@dex/email";
import { encryptToken, type KeyRing, makeKeyRing, makeSigningKeySealer } from "@dex/keys";
import {
  derivePairwiseKey,
  type EncryptToClient,
  makeApiResource,
  makeAuthorizationAnswers,
  makeAuthorizationResponses,
  makeEncryptToClient,
  makeEngineSealers,
  makeLoginStates,
  makeResourceSet,
  makeSubjects,
  makeTokenLifetimes,
  makeUserinfoEndpoint,
  type SessionLimits,
  type Subjects,
  supportedWith,
} from "@dex/oidc";
import { makeOutgoingClient } from "@dex/runtime";
import { makeAttemptGate, makePasswordSignIn, THROTTLE_POLICY } from "@dex/users";
import { staticFiles, stylesheetPath, type Theme } from "@dex/web";
import type { Express } from "express";
import { makeApp } from "./app.ts";
import type { WorkerConfig } from "./config.ts";
import { makeAuthorizationEndpoint } from "./endpoints/authorization.ts";
import type { Health } from "./endpoints/health.ts";
import { makeClientCache } from "./live/client-cache.ts";
import { makeConnectorSet } from "./live/connector-set.ts";
import { type CredentialUses, makeCredentialUses } from "./live/credential-uses.ts";
import { type ChangeWatcher, makeChangeWatcher } from "./live/watch-changes.ts";
import { makeAcceptIdentity } from "./login/accept-identity.ts";
import { makeAuthorizationResponder } from "./login/authorization-responder.ts";
import { makeBrowserStates } from "./login/browser-state.ts";
import { makeConnectorChooser } from "./login/choose-connector.ts";
import { makeConnectorLogin } from "./login/connector-login.ts";
import { makeConsent } from "./login/consent.ts";
import { makeDispatcher } from "./login/dispatcher.ts";
import { makeLoginCookies } from "./login/login-cookies.ts";
import { makeBeginOwnPages } from "./login/own-pages.ts";
import { withOwnPages } from "./login/own-pages-client.ts";
import { makeLoginPaths } from "./login/paths.ts";
import { makeUpstreamGrantSealer, type UpstreamGrantSealer } from "./login/upstream-grant-sealer.ts";
import { wireNotices } from "./logout/logout-wiring.ts";
import { makeReadClientCertificate } from "./middleware/client-certificate.ts";
import { makeCookieNames } from "./middleware/cookies.ts";
import { makePages, type Pages } from "./pages.ts";
import { wireAccountPages } from "./wire-accounts.ts";
import { wireApi } from "./wire-api.ts";
import { type AuthorizationWiring, responseTypesOfDeployment, wireAuthorization } from "./wire-authorization.ts";
import { wirePings } from "./wire-backchannel.ts";
import { wireClientDocuments } from "./wire-client-documents.ts";
import { wireClientEndpoints } from "./wire-client-endpoints.ts";
import { reachOf, wireClientJwts } from "./wire-client-jwts.ts";
import { ownResourcesOf, publishDiscovery, publishOwnResources } from "./wire-published.ts";
import { wireRegistration } from "./wire-registration.ts";
import { wireSenderConstraint } from "./wire-sender-constraint.ts";
import type { Live, LoginWiring, Outside } from "./wiring.ts";

export interface Worker {
  readonly app: Express;
  readonly watcher: ChangeWatcher;
  readonly keyRing: KeyRing;
  readonly secretUses: CredentialUses;
  readonly keyUses: CredentialUses;
  /** What is delivered with the mail and is none. */
  readonly notices: NoticeSenders;
}

/** Builds every part of the worker. Nothing runs yet: the caller refreshes the watcher before it serves. */
export function wire(config: WorkerConfig, outside: Outside): Worker {
  const { storage, clock, random, logger } = outside;
  const { clients, clientDocuments } = wireClientDocuments(config, outside, makeClientCache(storage.clients));
  const keyRing = makeKeyRing({
    sealer: makeSigningKeySealer({ secrets: config.keySecrets, salt: outside.salt, random }),
    logger,
    // A key that a faster worker signs with may not be loaded here yet (JWT-4).
    unknownKey: { reload: () => watcher.refresh(), clock: clock.now },
  });
  const checkPassword = makePasswordSignIn({
    passwords: storage.passwords,
    hasher: outside.hasher,
    logger,
    policy: THROTTLE_POLICY,
  });
  const admitAttempt = makeAttemptGate({ passwords: storage.passwords, policy: THROTTLE_POLICY });
  const connectorSealer = makeConnectorSealer({ secrets: config.keySecrets, salt: outside.salt, random });
  const connectors = makeConnectorSet({
    unseal: (stored) => openSealedConnector(stored, connectorSealer),
    open: (stored) =>
      openConnector(stored, {
        mocksAllowed: config.insecureMockConnectors,
        clock: clock.now,
        random,
        logger,
        checkPassword,
        admitAttempt,
        useOnce: storage.useOnce,
      }),
    logger,
  });
  const resources = makeResourceSet([makeApiResource({ issuer: config.issuerText, issuerName: config.issuerName })]);
  const watcher = makeChangeWatcher({
    changes: storage.changes,
    reload: {
      keys: async () => keyRing.replace(await storage.signingKeys.load()),
      connectors: async () => connectors.replace(await storage.connectors.list()),
      resources: async () => resources.replace(await storage.resources.list()),
      clients: async () => clients.clear(),
    },
    clock,
    logger,
  });
  const health: Health = {
    live: outside.live,
    ready: () => keyRing.ready() && watcher.upToDate(),
  };
  const notices = { ...wireNotices(config, outside, { clients, keyRing }), ...wirePings(config, outside, { clients }) };
  const { clientSecrets, clientKeys } = storage;
  const secretUses = makeCredentialUses({ what: "client secrets", record: clientSecrets.recordUses, logger });
  const keyUses = makeCredentialUses({ what: "client keys", record: clientKeys.recordUses, logger });
  const live: Live = {
    clients,
    clientDocuments,
    keyRing,
    connectors,
    resources,
    health,
    noteSecretUse: secretUses.note,
    noteKeyUse: keyUses.note,
  };
  return { app: wireApp(config, outside, live), watcher, keyRing, secretUses, keyUses, notices };
}

function wireApp(config: WorkerConfig, outside: Outside, live: Live): Express {
  const { storage, clock, random, logger } = outside;
  const { clients, keyRing } = live;
  const issuer = config.issuerText;
  const basePath = config.issuer.pathname.replace(/\/+$/, "");
  const sealers = makeEngineSealers({ secrets: config.keySecrets, salt: outside.salt, random });
  const lifetimes = makeTokenLifetimes({
    accessTokenSeconds: config.accessTokenLifetime,
    idTokenSeconds: config.idTokenLifetime,
    refreshIdleSeconds: config.refreshTokenIdleLifetime,
    refreshAbsoluteSeconds: config.refreshTokenAbsoluteLifetime,
    refreshGraceSeconds: config.refreshTokenGrace,
    upstreamRefreshSeconds: config.upstreamRefreshInterval,
  });
  const pages = makePages(themeOf(config, basePath));
  const grantSealer = makeUpstreamGrantSealer({ secrets: config.keySecrets, salt: outside.salt, random });
  const { families } = storage;
  const { signer, verifier } = keyRing;
  const subjects = makeSubjects({ format: config.subjectFormat, pairwiseKey: derivePairwiseKey(outside.salt) });
  const outgoing = makeOutgoingClient(reachOf(config));
  const clientJwts = wireClientJwts(config, outside, outgoing, live);
  const encryptToClient = makeEncryptToClient({ findKeys: clientJwts.keySets.find, encrypt: encryptToken });
  const proveSender = wireSenderConstraint(config, outside, sealers);
  const ownResources = ownResourcesOf(config);
  const { readRequestObject } = clientJwts;
  const authorization = wireAuthorization(config, outside, live, { sealers, readRequestObject });
  return makeApp({
    basePath,
    overTls: config.issuer.protocol === "https:",
    trustedProxies: config.trustedProxies,
    ...wireLogin(config, outside, live, {
      sealers,
      lifetimes,
      pages,
      grantSealer,
      authorization,
      encryptToClient,
      subjects,
    }),
    clientEndpoints: wireClientEndpoints(config, outside, live, {
      ...clientJwts,
      encryptToClient,
      subjects,
      sealers,
      lifetimes,
      grantSealer,
      proveSender,
      authorization,
    }),
    userinfo: makeUserinfoEndpoint({
      issuer,
      families,
      sealers,
      accessTokenVerifier: verifier,
      clients,
      signer,
      encryptToClient,
      subjects,
      proveSender,
    }),
    registration: wireRegistration(config, outside, {
      supported: supportedWith(responseTypesOfDeployment(config), config.mutualTls.certificates),
      outgoing,
      sealSecret: clientJwts.clientSecrets.seal,
    }),
    discovery: publishDiscovery(config, live.resources),
    ownResources,
    resourceMetadata: publishOwnResources(ownResources),
    jwks: keyRing.jwks,
    health: live.health,
    managementApi: wireApi(config, outside, live, { sealers, proveSender, resource: ownResources.api.identifier }),
    isClientOrigin: clients.isClientOrigin,
    readClientCertificate: makeReadClientCertificate(config.mutualTls),
    staticFiles: staticFiles(),
    pages,
    clock: clock.now,
    random,
    logger,
  });
}

function wireLogin(
  config: WorkerConfig,
  outside: Outside,
  live: Live,
  parts: {
    sealers: ReturnType<typeof makeEngineSealers>;
    lifetimes: ReturnType<typeof makeTokenLifetimes>;
    pages: Pages;
    grantSealer: UpstreamGrantSealer;
    authorization: AuthorizationWiring;
    encryptToClient: EncryptToClient;
    subjects: Subjects;
  },
) {
  const { storage, random, logger } = outside;
  const { keyRing, connectors, clientDocuments } = live;
  const { clients } = clientDocuments;
  const flowClients = withOwnPages(clients, config.issuerName);
  const { pages, lifetimes } = parts;
  const issuer = config.issuerText;
  const issuerOrigin = config.issuer.origin;
  const cookieNames = makeCookieNames(config.issuer, issuer);
  const loginStates = makeLoginStates({ sealer: parts.sealers.loginState, random });
  const cookies = makeLoginCookies(loginStates, cookieNames);
  const browserStates = makeBrowserStates({ cookieNames, random });
  const paths = makeLoginPaths(config.issuer);
  const sessionLimits: SessionLimits = {
    idleSeconds: config.sessionIdleLifetime,
    absoluteSeconds: config.sessionAbsoluteLifetime,
    remembered: rememberedOf(config),
  };
  const responder = makeAuthorizationResponder({
    responses: makeAuthorizationResponses({
      issuer,
      clients,
      signer: keyRing.signer,
      encryptToClient: parts.encryptToClient,
    }),
    pages,
  });
  const dispatcher = makeDispatcher({
    issuer,
    clients: flowClients,
    storedClients: live.clients,
    keepClient: clientDocuments.keep,
    connectors,
    signIns: storage.signIns,
    cookies,
    cookieNames,
    browserStates,
    paths,
    newFormToken: loginStates.newFormToken,
    responder,
    answers: makeAuthorizationAnswers({
      issuer,
      clients,
      signer: keyRing.signer,
      encryptToClient: parts.encryptToClient,
      subjects: parts.subjects,
      sealers: parts.sealers,
      random,
      lifetimes,
    }),
    random,
    sessionLimits,
    sharedByDefault: config.ssoSharedWithDefault,
    grantSealer: parts.grantSealer,
    subjects: parts.subjects,
    registeredClients: config.insecureRememberRegisteredClients ? "asked about once" : "asked about each time",
    logger,
  });
  const acceptIdentity = makeAcceptIdentity({
    users: storage.users,
    requestVerification: storage.accountLinks.requestVerification,
    automaticRegistration: config.enableAutomaticRegistration,
    registration: config.enableRegistration,
    dispatcher,
    connectors,
    cookies,
    paths,
    pages,
    random,
    logger,
  });
  const wiring: LoginWiring = {
    outside,
    live,
    pages,
    dispatcher,
    cookies,
    cookieNames,
    browserStates,
    paths,
    loginStates,
    sessionLimits,
    acceptIdentity,
    flowClients,
    beginOwnPages: makeBeginOwnPages({
      issuer: `${config.issuer.origin}${config.issuer.pathname.replace(/\/+$/, "")}`,
      beginLogin: loginStates.begin,
      cookies,
      dispatcher,
    }),
  };
  return {
    pageRoutes: wireAccountPages(config, wiring),
    authorization: makeAuthorizationEndpoint({
      path: paths.authorization,
      rules: parts.authorization.rules,
      admitClient: clientDocuments.admit,
      registration: config.enableRegistration,
      beginLogin: loginStates.begin,
      cookies,
      dispatcher,
      responder,
    }),
    chooser: makeConnectorChooser({
      issuerOrigin,
      clients: flowClients,
      connectors,
      registration: config.enableRegistration,
      dispatcher,
      cookies,
      paths,
      pages,
    }),
    connectorLogin: makeConnectorLogin({
      issuerOrigin,
      registration: config.enableRegistration,
      remembered: sessionLimits.remembered,
      clients: flowClients,
      connectors,
      cookies,
      paths,
      pages,
      random,
      acceptIdentity,
      logger,
    }),
    consent: makeConsent({
      issuerOrigin,
      clients: flowClients,
      resources: live.resources,
      dispatcher,
      cookies,
      paths,
      pages,
    }),
  };
}

function rememberedOf({ sessionRememberLifetime, sessionRememberByDefault }: WorkerConfig) {
  if (sessionRememberLifetime === 0) return undefined;
  return { seconds: sessionRememberLifetime, byDefault: sessionRememberByDefault };
}

function themeOf(config: WorkerConfig, basePath: string): Theme {
  return {
    issuerName: config.issuerName,
    logoUrl: config.issuerLogoUrl?.href,
    stylesheetUrl: `${basePath}${stylesheetPath()}`,
  };
}
