// The ports, kept in memory: small, and true to what their comments promise. Each method runs without a pause from its
// first read to its last write, as one statement would.

import { Secret, sha256, systemRandom } from "@dex/runtime";
import type {
  AuthorizationCodes,
  ChosenSecretVerifier,
  Client,
  ClientSecretUpgrades,
  Clients,
  CodeRedemption,
  FailureCounter,
  NewCode,
  OwnTokenVerifier,
  RevocationReason,
  Revocations,
  StoredCode,
  StoredFamily,
  TokenFamilies,
  TokenGrant,
  TokenSigner,
  TokenUser,
} from "../src/index.ts";
import { decideCode, decideRefresh, FIRST_GENERATION, makeEngineSealers, makeSubjects } from "../src/index.ts";

export const now = new Date("2026-03-01T12:00:00.000Z");
export const later = (seconds: number) => new Date(now.getTime() + seconds * 1000);
export const issuer = "https://id.example/dex";

export const jane: TokenUser = {
  id: "0195512a-7c00-7000-8000-000000000001",
  email: "jane@example.com",
  emailVerified: true,
  displayName: "Jane Doe",
  preferredUsername: "jane",
  groups: ["staff", "admins"],
};

export const subjects = makeSubjects({ format: "uuid", pairwiseKey: Buffer.alloc(32, 3) });

export const secretOfClient = "wLWSgsrQqb-B9Hd2kF0dBkl7cVdG1z2h3QJ4Kx5u6w8";

export const client: Client = {
  id: "client-a",
  name: "A",
  logoUri: undefined,
  clientUri: undefined,
  redirectUris: ["https://a.example/cb"],
  public: false,
  admin: false,
  trusted: false,
  requirePkce: false,
  grantTypes: ["authorization_code", "refresh_token", "client_credentials"],
  scopes: undefined,
  trustedPeers: [],
  allowedConnectors: undefined,
  idTokenSigningAlgorithm: "RS256",
  secret: { kind: "sha256", hash: sha256(secretOfClient) },
  dynamic: false,
  details: {},
  createdAt: now,
};
export const otherClient: Client = { ...client, id: "client-b", redirectUris: ["https://b.example/cb"] };
export const publicClient: Client = {
  ...client,
  id: "native",
  public: true,
  requirePkce: true,
  redirectUris: ["http://127.0.0.1/cb", "http://[::1]/cb", "com.example.app:/cb"],
  grantTypes: ["authorization_code", "refresh_token"],
  secret: undefined,
};

export function clientsOf(...clients: readonly Client[]): Clients {
  return { find: async (id) => clients.find((one) => one.id === id) };
}

export function sealers(keySecret = Buffer.alloc(32, 7)) {
  return makeEngineSealers({ secrets: [new Secret(keySecret)], salt: Buffer.alloc(16, 1), random: systemRandom });
}

interface CodeRow extends NewCode {
  spentAt: Date | undefined;
  wrongVerifiers: number;
  familyId: string | undefined;
}

type FamilyRow = { -readonly [member in keyof StoredFamily]: StoredFamily[member] };

/** Codes and families as one database would hold them, with the users behind them. */
export function makeTokenStore() {
  const codes = new Map<string, CodeRow>();
  const families = new Map<string, FamilyRow>();
  const disabled = new Set<string>();
  /** What the upstream said last, by user. */
  const upstream = new Map<string, NonNullable<StoredFamily["upstream"]>>();
  const revocations: { familyId: string; reason: RevocationReason }[] = [];
  const endedAccessTokens = new Set<string>();
  const usedOnce = new Set<string>();
  let roundTrips = 0;

  const toStored = (row: CodeRow | undefined): StoredCode | undefined =>
    row === undefined ? undefined : { ...row, ownerActive: !disabled.has(row.userId) };
  const toFamily = (row: FamilyRow | undefined): StoredFamily | undefined =>
    row === undefined
      ? undefined
      : { ...row, ownerActive: !disabled.has(row.grant.user.id), upstream: upstream.get(row.grant.user.id) };

  function openFamily(row: CodeRow, { family }: CodeRedemption): TokenGrant {
    const { clientId, connectorId, sessionHash, scope, nonce, authTime, amr } = row;
    const refreshable = scope.includes("offline_access") && family.refreshTokenHash !== undefined;
    const described = { clientId, connectorId, sessionHash, scope, nonce, authTime, amr };
    const terms = { ...row.terms, ...family.terms };
    const grant = { ...described, familyId: family.id, user: jane, terms };
    families.set(family.id, {
      id: family.id,
      clientId,
      grant,
      generation: FIRST_GENERATION,
      currentHash: refreshable ? family.refreshTokenHash : undefined,
      previousHash: undefined,
      rotatedAt: undefined,
      sealedCurrent: undefined,
      idleExpiresAt: refreshable ? family.refreshIdleExpiresAt : family.accessExpiresAt,
      expiresAt: refreshable ? family.refreshExpiresAt : family.accessExpiresAt,
      revokedAt: undefined,
      ownerActive: true,
      upstream: undefined,
    });
    return grant;
  }

  const codePort: AuthorizationCodes = {
    async redeem(redemption, at) {
      roundTrips += 1;
      const row = codes.get(redemption.codeHash.toString("hex"));
      if (row === undefined || decideCode(toStored(row), redemption, at).kind !== "redeem") return undefined;
      row.spentAt = at;
      row.familyId = redemption.family.id;
      return openFamily(row, redemption);
    },
    async find(codeHash) {
      roundTrips += 1;
      return toStored(codes.get(codeHash.toString("hex")));
    },
    async countWrongVerifier(codeHash) {
      const row = codes.get(codeHash.toString("hex"));
      if (row !== undefined) row.wrongVerifiers += 1;
    },
  };

  const familyPort: TokenFamilies = {
    async rotate(rotation, at) {
      roundTrips += 1;
      const row = families.get(rotation.familyId);
      if (decideRefresh(toFamily(row), rotation, { graceSeconds: 0 }, at).kind !== "rotate") return undefined;
      if (row === undefined) return undefined;
      row.previousHash = row.currentHash;
      row.currentHash = rotation.nextHash;
      row.sealedCurrent = rotation.sealedNext;
      row.rotatedAt = at;
      row.generation += rotation.nextHash.equals(rotation.presentedHash) ? 0 : 1;
      row.idleExpiresAt = rotation.idleExpiresAt;
      return row.grant;
    },
    async find(familyId) {
      roundTrips += 1;
      return toFamily(families.get(familyId));
    },
    async findLive(familyId, at, accessTokenId) {
      roundTrips += 1;
      const row = toFamily(families.get(familyId));
      const live = row !== undefined && row.revokedAt === undefined && row.expiresAt > at && row.ownerActive;
      return live && !endedAccessTokens.has(accessTokenId ?? "") ? row.grant : undefined;
    },
    revoke: (familyId, reason, at) => familyPort.revokeAll([familyId], reason, at),
    async revokeAll(familyIds, reason, at) {
      for (const familyId of familyIds) {
        const row = families.get(familyId);
        if (row === undefined || row.revokedAt !== undefined) continue;
        row.revokedAt = at;
        revocations.push({ familyId, reason });
      }
    },
  };

  const givenBack: Revocations = {
    async endFamily({ familyId, clientId }, at) {
      roundTrips += 1;
      const owner = families.get(familyId)?.clientId;
      if (owner === clientId) await familyPort.revoke(familyId, "revoked by client", at);
      return owner;
    },
    async endAccessToken({ id }) {
      roundTrips += 1;
      endedAccessTokens.add(id);
    },
    async stands({ id }) {
      roundTrips += 1;
      return !endedAccessTokens.has(id);
    },
  };

  return {
    codes: codePort,
    families: familyPort,
    givenBack,
    revocations,
    upstream,
    disable: (userId: string) => disabled.add(userId),
    enable: (userId: string) => disabled.delete(userId),
    add(code: NewCode): void {
      codes.set(code.hash.toString("hex"), { ...code, spentAt: undefined, wrongVerifiers: 0, familyId: undefined });
    },
    async useOnce(key: string): Promise<boolean> {
      roundTrips += 1;
      const first = !usedOnce.has(key);
      usedOnce.add(key);
      return first;
    },
    usedProofs: () => usedOnce.size,
    /** Round trips since the last call. */
    takeRoundTrips(): number {
      const taken = roundTrips;
      roundTrips = 0;
      return taken;
    },
  };
}

export function makeFailureCounter(): FailureCounter & { readonly keys: Map<string, number> } {
  const keys = new Map<string, number>();
  return {
    keys,
    async count(key, windowSeconds, at) {
      const window = windowSeconds * 1000;
      const start = Math.floor(at.getTime() / window) * window;
      const failures = (keys.get(`${key} ${start}`) ?? 0) + 1;
      keys.set(`${key} ${start}`, failures);
      return { failures, windowEndsAt: new Date(start + window) };
    },
  };
}

export const chosenSecrets: ChosenSecretVerifier = {
  verify: async (secret, hash) => hash === `argon2id of ${secret}`,
  verifyBytes: async (secret, hash) => hash === `bcrypt of ${Buffer.from(secret).toString("hex")}`,
  hash: async (secret) => `argon2id of ${secret}`,
};

/** Remembers what was upgraded. */
export function makeSecretUpgrades(): ClientSecretUpgrades & { readonly upgrades: readonly unknown[] } {
  const upgrades: unknown[] = [];
  return { upgrades, upgradeSecret: async (...upgrade) => void upgrades.push(upgrade) };
}

/** Signs with a MAC instead of a key pair: enough to tell what was signed, by whom, and for which use. */
export function makeSigner(): TokenSigner & OwnTokenVerifier & { signatures: number } {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const mac = (text: string) => sha256(`a key that only we have ${text}`).toString("base64url");
  return {
    signatures: 0,
    async sign(claims, { typ, algorithm }) {
      this.signatures += 1;
      const signed = `${encode({ typ, alg: algorithm })}.${encode(claims)}`;
      return `${signed}.${mac(signed)}`;
    },
    async verify(jwt, typ) {
      const [header = "", payload = "", signature] = jwt.split(".");
      if (signature !== mac(`${header}.${payload}`) || readJwtPart(header).typ !== typ) return undefined;
      return readJwtPart(payload);
    },
  };
}

export function readJwtPart(part: string | undefined): Record<string, unknown> {
  return JSON.parse(Buffer.from(part ?? "", "base64url").toString()) as Record<string, unknown>;
}
