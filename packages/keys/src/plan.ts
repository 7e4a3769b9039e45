import type { Random, Sealer } from "@dex/runtime";
import { generateSigningKey, sealContext } from "./generate.ts";
import type { RotationDecision } from "./rotation.ts";
import type { RotationPlan, SigningKeySet, StoredSigningKey } from "./signing-key.ts";

/** Which rows the configured key secrets open. */
export interface SealInspection {
  readonly sealedUnderOlderSecret: ReadonlySet<string>;
  /** Ids of rows that none of the secrets opens. */
  readonly unopenable: readonly string[];
}

/** Tries every row of the set with the configured secrets. */
export function inspectSeals(set: SigningKeySet, sealer: Sealer): SealInspection {
  const sealedUnderOlderSecret = new Set<string>();
  const unopenable: string[] = [];
  for (const key of set.keys) {
    const opened = sealer.open(key.sealedPrivateKey, sealContext(key));
    opened?.plaintext.fill(0);
    if (opened === undefined) unopenable.push(key.id);
    else if (!opened.underFirstSecret) sealedUnderOlderSecret.add(key.id);
  }
  return { sealedUnderOlderSecret, unopenable };
}

/** Generates and seals what the decision asks for. Slow (RSA): call it outside of any transaction. */
export async function planRotation(parts: {
  decision: RotationDecision;
  set: SigningKeySet;
  sealer: Sealer;
  random: Random;
  now: Date;
}): Promise<RotationPlan> {
  const { decision, set, sealer, random, now } = parts;
  const add: StoredSigningKey[] = [];
  for (const wanted of decision.add) add.push(await generateSigningKey({ ...wanted, sealer, random, now }));
  return {
    add,
    activate: decision.activate,
    retire: decision.retire,
    remove: decision.remove,
    reseal: set.keys.filter((key) => decision.reseal.includes(key.id)).map((key) => reseal(key, sealer)),
    rotationDone: decision.rotationDone,
  };
}

function reseal(key: StoredSigningKey, sealer: Sealer): { id: string; sealedPrivateKey: Buffer } {
  const opened = sealer.open(key.sealedPrivateKey, sealContext(key));
  if (opened === undefined) throw new UnopenableKeys([key.id]);
  const sealedPrivateKey = sealer.seal(opened.plaintext, sealContext(key));
  opened.plaintext.fill(0);
  return { id: key.id, sealedPrivateKey };
}

/** Stored signing keys that none of the key secrets opens. Replacing them unasked would break every token out there. */
export class UnopenableKeys extends Error {
  override readonly name = "UnopenableKeys";
  constructor(ids: readonly string[]) {
    super(
      `none of the configured key secrets opens signing key ${ids.join(", ")}: ` +
        "add the secret it was sealed with to --key-secrets, or delete the rows of all signing keys to begin anew, " +
        "which makes every token issued so far unverifiable",
    );
  }
}
