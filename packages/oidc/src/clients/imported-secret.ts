// Client secrets that came from dex v1: bcrypt over the bytes that the secret's base64url text stands for.
import { sha256 } from "@dex/runtime";
import type { ChosenSecretVerifier, ClientSecretUpgrades } from "./secret-ports.ts";

/** bcrypt reads no further, so what is longer would be right with any tail. */
const MAX_BYTES = 72;
/** From here on a secret is taken for random: dex v1 generated 72 bytes, and nobody types 32. */
const RANDOM_BYTES = 32;

/**
 * The bytes behind a secret as dex v1 gave it out: base64url with its padding, in the one way of writing it. Undefined
 * for anything else, and for more bytes than bcrypt reads.
 */
export function decodeImportedSecret(secret: string): Buffer | undefined {
  const bytes = Buffer.from(secret, "base64url");
  const text = bytes.toString("base64url");
  const padded = text.padEnd(Math.ceil(text.length / 4) * 4, "=");
  return secret === padded && bytes.length > 0 && bytes.length <= MAX_BYTES ? bytes : undefined;
}

/**
 * Makes the check of an imported secret. A right one is kept in today's form from then on: SHA-256 of its text where it is
 * long and random, argon2id where it may be a word.
 */
export function makeImportedSecretCheck(parts: {
  chosenSecrets: ChosenSecretVerifier;
  secretUpgrades: ClientSecretUpgrades;
}): (secret: string, clientId: string, hash: string) => Promise<boolean> {
  const { chosenSecrets, secretUpgrades } = parts;

  async function upgrade(secret: string, bytes: Buffer, clientId: string, oldHash: string): Promise<void> {
    await secretUpgrades.upgradeSecret(
      clientId,
      oldHash,
      bytes.length >= RANDOM_BYTES
        ? { kind: "sha256", hash: sha256(secret) }
        : { kind: "argon2id", hash: await chosenSecrets.hash(secret) },
    );
  }

  return async (secret, clientId, hash) => {
    const bytes = decodeImportedSecret(secret);
    if (bytes === undefined || !(await chosenSecrets.verifyBytes(bytes, hash))) return false;
    // Beside the answer. Losing it, to a full queue or a database that is away, costs one more bcrypt next time.
    void upgrade(secret, bytes, clientId, hash).catch(() => undefined);
    return true;
  };
}
