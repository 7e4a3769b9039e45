// Clients that ask for a person by name, CIBA Core: where they ask, where the person answers, and how they are told.
import type { NoticeSenders } from "@dex/email";
import {
  type ClientAuthentication,
  type ClientEndpoint,
  type ClientKeySets,
  type Clients,
  makeBackchannelAuthenticationEndpoint,
  makeNotificationSealer,
} from "@dex/oidc";
import { makeOutgoingClient } from "@dex/runtime";
import { canonicalEmail } from "@dex/users";
import { approvalPage } from "./approval/approval-page.ts";
import { backchannelApproval, backchannelRequestPage } from "./backchannel/backchannel-approval.ts";
import { makePingNotices, PING_NOTICE } from "./backchannel/ping-notices.ts";
import type { WorkerConfig } from "./config.ts";
import type { PageRoute } from "./visit.ts";
import { reachOf } from "./wire-client-jwts.ts";
import type { Live, LoginWiring, Outside } from "./wiring.ts";

export function wireBackchannelAuthentication(
  config: WorkerConfig,
  { storage, salt, random }: Outside,
  parts: {
    readonly clientAuthentication: ClientAuthentication;
    readonly clients: Clients;
    readonly resources: Live["resources"];
    readonly keyRing: Live["keyRing"];
    readonly keySets: ClientKeySets;
  },
): ClientEndpoint {
  const { keyRing, ...shared } = parts;
  return makeBackchannelAuthenticationEndpoint({
    ...shared,
    issuer: config.issuerText,
    idTokens: keyRing.verifier,
    subjectFormat: config.subjectFormat,
    canonicalEmail,
    useOnce: storage.useOnce,
    requests: storage.backchannelRequests,
    notifications: makeNotificationSealer({ secrets: config.keySecrets, salt, random }),
    random,
  });
}

export function backchannelPages(config: WorkerConfig, wiring: LoginWiring): readonly PageRoute[] {
  const { outside, live, loginStates, paths } = wiring;
  const { devices, backchannelRequests: requests } = outside.storage;
  const { clients, connectors, resources } = live;
  const shared = {
    ...wiring,
    clients,
    resources,
    requests,
    issuer: config.issuerText,
    issuerOrigin: config.issuer.origin,
  };
  return [
    backchannelRequestPage({ ...shared, beginLogin: loginStates.begin }),
    approvalPage(backchannelApproval({ requests, paths }), { ...shared, connectors, devices, logger: outside.logger }),
  ];
}

/** What the delivery of the outbox sends to clients in ping mode. */
export function wirePings(
  config: WorkerConfig,
  { salt, random }: Pick<Outside, "salt" | "random">,
  { clients }: Pick<Live, "clients">,
): NoticeSenders {
  const notifications = makeNotificationSealer({ secrets: config.keySecrets, salt, random });
  const { postJson } = makeOutgoingClient(reachOf(config));
  return { [PING_NOTICE]: makePingNotices({ clients, notifications, postJson }) };
}
