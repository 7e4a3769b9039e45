import { type EngineSealers, makeDpopNonces, makeProveSender, type ProveSender } from "@dex/oidc";
import type { WorkerConfig } from "./config.ts";
import { aliasOf } from "./wire-mutual-tls.ts";
import type { Outside } from "./wiring.ts";

/** What keeps tokens to those who have the key that they are bound to. */
export function wireSenderConstraint(
  config: WorkerConfig,
  { storage }: Outside,
  sealers: Pick<EngineSealers, "dpopNonce">,
): ProveSender {
  return makeProveSender({
    useOnce: storage.useOnce,
    nonces: makeDpopNonces(sealers.dpopNonce),
    requireNonce: config.requireDpopNonce,
    aliasOf: (url) => aliasOf(config, url),
  });
}
