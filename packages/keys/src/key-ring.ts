import { createHash, type webcrypto } from "node:crypto";
import { addSeconds, type Clock, decodeBase64Url, type JsonObject, type Logger, type Sealer } from "@dex/runtime";
import { CompactSign, compactVerify } from "jose";
import { type LoadedKey, loadSigningKey } from "./load.ts";
import type { SigningAlgorithm, SigningKeySet } from "./signing-key.ts";

/** No active key of the algorithm is loaded. The endpoint answers 503 and the request may be repeated. */
export class SignerNotReady extends Error {
  override readonly name = "SignerNotReady";
  constructor(algorithm: SigningAlgorithm) {
    super(`no active ${algorithm} signing key is loaded: is an overlord running on this database?`);
  }
}

/** The published key set, serialised once per change. */
export interface PublishedKeys {
  readonly body: Buffer;
  /** Strong, with its quotes. RFC 9110 §8.8.3. */
  readonly etag: string;
  readonly maxAgeSeconds: number;
}

type Claims = Readonly<Record<string, unknown>>;

export interface KeyRing {
  /**
   * Takes over a stored set: opens its new keys, then exchanges everything at once. Throws, and keeps what it had, when a
   * key cannot be opened or is not what its row says.
   */
  replace(set: SigningKeySet): Promise<void>;
  readonly signer: {
    /** A compact JWS of `claims`. Throws SignerNotReady without an active key of the algorithm. */
    sign(claims: Claims, options: { typ: string; algorithm: SigningAlgorithm }): Promise<string>;
  };
  readonly verifier: {
    /** The claims of a JWT that we signed for the use `typ`, whatever its expiry; undefined for anything else. */
    verify(jwt: string, typ: string): Promise<Claims | undefined>;
  };
  jwks(): PublishedKeys;
  /** Whether the default algorithm, RS256, can sign. */
  ready(): boolean;
}

/** For each use of a JWT, told apart by `typ`, the algorithms that we sign with and accept (JWT-1, JWT-3). */
const USES: ReadonlyMap<string, ReadonlySet<SigningAlgorithm>> = new Map(
  ["JWT", "at+jwt", "logout+jwt", "userinfo+jwt", "token-introspection+jwt", "oauth-authz-resp+jwt"].map((typ) => [
    typ,
    new Set<SigningAlgorithm>(["RS256", "ES256", "EdDSA"]),
  ]),
);

const MAX_JWT_LENGTH = 16 * 1024;
const RELOAD_AT_MOST_EVERY_SECONDS = 5;

/**
 * Holds the keys of a process. With `unknownKey`, a JWT whose `kid` is not known leads to one reload, at most one in
 * 5 seconds (JWT-4): another worker may sign with a key that came after our last look. `reload` ends in `replace`.
 */
export function makeKeyRing(parts: {
  sealer: Sealer;
  logger: Logger;
  unknownKey?: { reload: () => Promise<void>; clock: Clock };
}): KeyRing {
  let loaded: ReadonlyMap<string, LoadedKey> = new Map();
  let active: ReadonlyMap<SigningAlgorithm, LoadedKey> = new Map();
  let published = publish([], 0);
  let reloadedAt: Date | undefined;

  async function findKey(kid: string): Promise<LoadedKey | undefined> {
    const known = loaded.get(kid);
    if (known !== undefined || parts.unknownKey === undefined) return known;
    const now = parts.unknownKey.clock();
    if (reloadedAt !== undefined && now < addSeconds(reloadedAt, RELOAD_AT_MOST_EVERY_SECONDS)) return undefined;
    reloadedAt = now;
    await parts.unknownKey.reload();
    return loaded.get(kid);
  }

  return {
    async replace(set) {
      const before = loaded;
      const keys = await Promise.all(
        set.keys.map(async (stored) => {
          const known = before.get(stored.id);
          const same = known?.stored.sealedPrivateKey.equals(stored.sealedPrivateKey) === true;
          return known !== undefined && same ? { ...known, stored } : await loadSigningKey(stored, parts.sealer);
        }),
      );
      loaded = new Map(keys.map((key) => [key.stored.id, key]));
      active = new Map(keys.filter((key) => key.stored.state === "active").map((key) => [key.stored.algorithm, key]));
      const body = publish(inPublishedOrder(keys), set.jwksMaxAgeSeconds);
      if (body.etag !== published.etag) {
        parts.logger.info("signing keys loaded", {
          keys: keys.map(({ stored }) => ({ kid: stored.id, algorithm: stored.algorithm, state: stored.state })),
        });
      }
      published = body;
    },
    signer: {
      async sign(claims, { typ, algorithm }) {
        if (USES.get(typ)?.has(algorithm) !== true) throw new Error(`no use "${typ}" with ${algorithm} is declared`);
        const key = active.get(algorithm);
        if (key === undefined) throw new SignerNotReady(algorithm);
        return await new CompactSign(Buffer.from(JSON.stringify(claims)))
          .setProtectedHeader({ alg: algorithm, kid: key.stored.id, typ })
          .sign(key.privateKey);
      },
    },
    verifier: {
      async verify(jwt, typ) {
        const header = parseOwnHeader(jwt);
        if (header === undefined || header.typ !== typ) return undefined;
        const key = await findKey(header.kid);
        if (key === undefined) return undefined;
        const { algorithm } = key.stored;
        // The key says which algorithm it is for; the header only has to agree (RFC 8725 §3.1).
        if (header.alg !== algorithm || USES.get(typ)?.has(algorithm) !== true) return undefined;
        return await verifiedClaims(jwt, key.publicKey, algorithm);
      },
    },
    jwks: () => published,
    ready: () => active.has("RS256"),
  };
}

interface OwnHeader {
  readonly alg: string;
  readonly kid: string;
  readonly typ: string;
}

/**
 * The header of a compact JWS in our form: canonical base64url in all three parts (JWT-9) and no member but the three
 * that we write, so that no crit, b64, jwk, jku, x5c, x5u or zip is ever looked at (JWT-1, JWT-2, JWT-5).
 */
function parseOwnHeader(jwt: string): OwnHeader | undefined {
  if (jwt.length > MAX_JWT_LENGTH) return undefined;
  const parts = jwt.split(".", 4).map(decodeBase64Url);
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || header === undefined || payload === undefined || signature === undefined) return undefined;
  const members = parseObject(header);
  if (members === undefined || Object.keys(members).length !== 3) return undefined;
  const { alg, kid, typ } = members;
  if (typeof alg !== "string" || typeof kid !== "string" || typeof typ !== "string") return undefined;
  return { alg, kid, typ };
}

async function verifiedClaims(jwt: string, key: webcrypto.CryptoKey, algorithm: string): Promise<Claims | undefined> {
  try {
    const { payload } = await compactVerify(jwt, key, { algorithms: [algorithm] });
    return parseObject(payload);
  } catch {
    return undefined; // jose throws for every signature that does not fit
  }
}

function parseObject(bytes: Uint8Array): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    // What JSON.parse calls an object and is no array is a record of unknowns.
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}

const ALGORITHM_ORDER: readonly SigningAlgorithm[] = ["RS256", "ES256", "EdDSA"];
const STATE_ORDER = ["active", "next", "retired"] as const;

/** The same keys give the same bytes; what signs now comes first, for verifiers that try keys in turn. */
function inPublishedOrder(keys: readonly LoadedKey[]): readonly LoadedKey[] {
  const rank = ({ stored }: LoadedKey) =>
    ALGORITHM_ORDER.indexOf(stored.algorithm) * STATE_ORDER.length + STATE_ORDER.indexOf(stored.state);
  return keys.toSorted((a, b) => rank(a) - rank(b) || (a.stored.id < b.stored.id ? -1 : 1));
}

function publish(keys: readonly LoadedKey[], maxAgeSeconds: number): PublishedKeys {
  const jwks: readonly JsonObject[] = keys.map(({ stored, publicJwk }) => ({
    ...publicJwk,
    kid: stored.id,
    alg: stored.algorithm,
    use: "sig",
  }));
  const body = Buffer.from(JSON.stringify({ keys: jwks }));
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 27)}"`;
  return { body, etag, maxAgeSeconds };
}
