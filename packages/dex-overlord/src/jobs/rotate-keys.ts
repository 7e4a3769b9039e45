import {
  decideRotation,
  inspectSeals,
  isNothingDue,
  planRotation,
  type RotationPolicy,
  type SigningKeyWriter,
  UnopenableKeys,
} from "@dex/keys";
import type { Clock, Logger, Random, Sealer } from "@dex/runtime";

/** `lost`: another overlord leads now and nothing was written. */
export type RotationOutcome = "nothing due" | "changed" | "lost";

export type RotateKeys = (fence: number) => Promise<RotationOutcome>;

/**
 * One tick of the rotation: does what is due, by the stored keys and the time alone. A tick that dies before its one write
 * has changed nothing. Throws UnopenableKeys when a stored key cannot be opened: a replacement is never made silently.
 */
export function makeRotateKeys(parts: {
  signingKeys: SigningKeyWriter;
  sealer: Sealer;
  policy: RotationPolicy;
  clock: Clock;
  random: Random;
  logger: Logger;
}): RotateKeys {
  const { signingKeys, sealer, policy, clock, random, logger } = parts;
  return async (fence) => {
    const set = await signingKeys.load();
    const seals = inspectSeals(set, sealer);
    if (seals.unopenable.length > 0) throw new UnopenableKeys(seals.unopenable);
    const now = clock();
    const decision = decideRotation(set, policy, now, seals);
    if (isNothingDue(decision) && set.jwksMaxAgeSeconds === policy.jwksMaxAgeSeconds) return "nothing due";
    const plan = await planRotation({ decision, set, sealer, random, now });
    const written = await signingKeys.apply(plan, policy.jwksMaxAgeSeconds, fence, now);
    if (!written) return "lost";
    logger.info("signing keys changed", {
      published: plan.add.map(({ id, algorithm }) => ({ kid: id, algorithm })),
      activated: plan.activate,
      retired: plan.retire,
      removed: plan.remove,
      resealed: plan.reseal.length,
    });
    return "changed";
  };
}
