// Secrets that are kept in a form that can be read, which is those of clients that make MACs with them (client_secret_jwt,
// OIDC Core §9): whoever checks a MAC needs the secret itself. Of all others a hash is kept (TOK-17).
import { type KeySecrets, makeSealer, type Random } from "@dex/runtime";

export interface ClientSecretSealer {
  seal(clientId: string, secret: string): Buffer;
  /** Undefined when no key secret opens it, or it was sealed for another client. */
  open(clientId: string, sealed: Buffer): OpenedClientSecret | undefined;
}

export interface OpenedClientSecret {
  readonly secret: string;
  /** Time to seal it again: an older key secret had sealed it (SEC-2). */
  readonly outdated: boolean;
}

/** `salt` lives in the database, the key secrets do not: each alone opens nothing. */
export function makeClientSecretSealer(parts: {
  secrets: KeySecrets;
  salt: Buffer;
  random: Random;
}): ClientSecretSealer {
  const sealer = makeSealer({ ...parts, purpose: "client-secret" });
  return {
    seal: (clientId, secret) => sealer.seal(Buffer.from(secret), clientId),
    open(clientId, sealed) {
      const opened = sealer.open(sealed, clientId);
      return opened && { secret: opened.plaintext.toString(), outdated: !opened.underFirstSecret };
    },
  };
}
