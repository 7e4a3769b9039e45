import {
  endpointUrl,
  makeClientManagement,
  makeRegistrationEndpoint,
  type SealSecret,
  type SupportedValues,
} from "@dex/oidc";
import type { OutgoingClient } from "@dex/runtime";
import type { WorkerConfig } from "./config.ts";
import type { ClientRegistration } from "./endpoints/registration.ts";
import type { Outside } from "./wiring.ts";

/** Where clients register themselves; undefined where they cannot. */
export function wireRegistration(
  config: WorkerConfig,
  { storage, random }: Outside,
  parts: {
    readonly supported: SupportedValues;
    readonly outgoing: OutgoingClient;
    readonly sealSecret: SealSecret;
  },
): ClientRegistration | undefined {
  if (!config.enableClientRegistration) return undefined;
  const shared = {
    url: endpointUrl(config.issuerText, "/registration"),
    supported: parts.supported,
    profile: config.registrationProfile,
    fetchDocument: parts.outgoing.fetchDocument,
    random,
    sealSecret: parts.sealSecret,
  };
  return {
    endpoint: makeRegistrationEndpoint({
      ...shared,
      tokens: config.clientRegistrationTokens,
      withoutToken: config.insecureOpenClientRegistration ? "allowed" : "refused",
      store: storage.registeredClients.create,
      failures: storage.failures,
    }),
    management: makeClientManagement({ ...shared, registered: storage.registeredClients }),
  };
}
