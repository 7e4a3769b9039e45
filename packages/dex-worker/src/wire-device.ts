// Devices without a browser of their own, RFC 8628: where they ask, and where a person answers.
import {
  type ClientAuthentication,
  type ClientEndpoint,
  makeDeviceAuthorizationEndpoint,
  makeUserCodeHashes,
} from "@dex/oidc";
import { approvalPage } from "./approval/approval-page.ts";
import type { WorkerConfig } from "./config.ts";
import { deviceApproval } from "./device/device-approval.ts";
import { makeEnterUserCode } from "./device/user-code-entries.ts";
import { userCodePage } from "./device/user-code-page.ts";
import type { PageRoute } from "./visit.ts";
import type { Live, LoginWiring, Outside } from "./wiring.ts";

export function wireDeviceAuthorization(
  config: WorkerConfig,
  { storage, salt, random }: Outside,
  parts: { readonly clientAuthentication: ClientAuthentication } & Pick<Live, "clients" | "resources">,
): ClientEndpoint {
  return makeDeviceAuthorizationEndpoint({
    ...parts,
    issuer: config.issuerText,
    devices: storage.devices,
    failures: storage.failures,
    userCodeHashes: makeUserCodeHashes({ secrets: config.keySecrets, salt }),
    random,
  });
}

export function devicePages(config: WorkerConfig, wiring: LoginWiring): readonly PageRoute[] {
  const { outside, live, loginStates } = wiring;
  const { devices, failures, signIns } = outside.storage;
  const userCodeHashes = makeUserCodeHashes({ secrets: config.keySecrets, salt: outside.salt });
  const { clients, resources } = live;
  const shared = { ...wiring, issuer: config.issuerText, issuerOrigin: config.issuer.origin, clients, resources };
  return [
    userCodePage({
      ...shared,
      enter: makeEnterUserCode({ devices, failures, userCodeHashes }),
      beginLogin: loginStates.begin,
      signIns,
    }),
    approvalPage(deviceApproval({ userCodeHashes, paths: wiring.paths }), {
      ...shared,
      connectors: live.connectors,
      devices,
      logger: outside.logger,
    }),
  ];
}
