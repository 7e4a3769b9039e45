import type { ClientSecretSealer } from "@dex/oidc";
import type { Logger } from "@dex/runtime";
import type { SealedClientSecretStore } from "../ports.ts";
import type { SealingOutcome } from "./seal-connectors.ts";

/** Clients that one tick looks at: the next one goes on behind the last of them. */
const PAGE = 200;

/**
 * One tick of sealing clients' secrets again, those that an older key secret than the first had sealed (SEC-2). Whoever writes
 * one holds a key secret, so none ever stands here in plain text. Says in the log when a whole round found none left that needs
 * an older key secret: then that can go, as far as clients are concerned.
 */
export function makeSealClientSecrets(parts: {
  clientSecrets: SealedClientSecretStore;
  sealer: ClientSecretSealer;
  logger: Logger;
  /** Tests look at fewer clients at a time. */
  pageSize?: number;
}): (fence: number) => Promise<SealingOutcome> {
  const { clientSecrets, sealer, logger, pageSize = PAGE } = parts;
  let round: Round = newRound();
  let reported: ReadonlySet<string> = new Set();
  let settled = false;

  function endRound(): void {
    const clean = !round.outdated && round.unopenable.size === 0;
    if (clean && !settled && round.clients > 0) {
      logger.info("client secrets need no older key secret", { clients: round.clients });
    }
    settled = clean;
    reported = round.unopenable;
    round = newRound();
  }

  return async (fence) => {
    let outcome: SealingOutcome = "nothing due";
    const page = await clientSecrets.listSealed(round.after, pageSize);
    for (const { clientId, seals } of page) {
      round.clients += 1;
      for (const before of seals) {
        const opened = sealer.open(clientId, before);
        if (opened === undefined) {
          // Once, not every round. It is not fatal as for signing keys: other clients do not need it.
          if (!reported.has(clientId) && !round.unopenable.has(clientId)) {
            logger.error("client secret cannot be opened", { clientId, reason: REMEDY });
          }
          round.unopenable.add(clientId);
        } else if (opened.outdated) {
          round.outdated = true;
          const after = sealer.seal(clientId, opened.secret);
          const written = await clientSecrets.replaceSeal(clientId, { before, after }, fence);
          if (written === "lost") return "lost";
          if (written === "replaced") outcome = "changed";
        }
      }
    }
    if (outcome === "changed") logger.info("client secrets sealed again", { clients: page.length });
    if (page.length < pageSize) endRound();
    else round.after = page.at(-1)?.clientId ?? "";
    return outcome;
  };
}

const REMEDY =
  "none of the configured key secrets opens it: add the one that sealed it to --key-secrets, or give the client a new secret";

interface Round {
  after: string;
  clients: number;
  outdated: boolean;
  readonly unopenable: Set<string>;
}

function newRound(): Round {
  return { after: "", clients: 0, outdated: false, unopenable: new Set() };
}
