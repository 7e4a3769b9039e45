import { describeUnopenable, sealConnector } from "@dex/connectors";
import type { Logger, Sealer } from "@dex/runtime";
import type { SealableConnectors } from "../ports.ts";

/** `lost`: another overlord leads now and nothing more was written. */
export type SealingOutcome = "nothing due" | "changed" | "lost";

export type SealConnectors = (fence: number) => Promise<SealingOutcome>;

/**
 * One tick of the sealing. Writers store secrets of connectors as they were given, since dexctl on the database holds no
 * key secret; here, in one place, they are sealed, and sealed again under a new first key secret. No audit event is
 * written: the change that brought the secret has one, and sealing changes nothing that anybody decided.
 */
export function makeSealConnectors(parts: {
  connectors: SealableConnectors;
  sealer: Sealer;
  logger: Logger;
}): SealConnectors {
  const { connectors, sealer, logger } = parts;
  let reported: ReadonlySet<string> = new Set();
  return async (fence) => {
    let outcome: SealingOutcome = "nothing due";
    const broken = new Set<string>();
    for (const stored of await connectors.list()) {
      const { connector, sealed, resealed, unopenable } = sealConnector(stored, sealer);
      const connectorId = stored.id;
      if (unopenable.length > 0) {
        broken.add(connectorId);
        // Once, not every second. It is not fatal as for signing keys: the other ways to sign in do not need it.
        if (!reported.has(connectorId)) {
          logger.error("connector secret cannot be opened", { connectorId, reason: describeUnopenable(unopenable) });
        }
      }
      if (connector === stored) continue;
      const written = await connectors.replaceUnchanged(stored, connector.config, fence);
      if (written === "lost") return "lost";
      // Somebody changed it since it was read: the next tick seals what stands then.
      if (written === "changed") continue;
      outcome = "changed";
      logger.info("connector secrets sealed", { connectorId, sealed: sealed.length, resealed: resealed.length });
    }
    reported = broken;
    return outcome;
  };
}
