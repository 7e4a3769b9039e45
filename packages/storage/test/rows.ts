// Values to store, complete, with what a test cares about put in.
import type { Client, CodeRedemption, NewCode, NewSession } from "@dex/oidc";
import { addSeconds, sha256 } from "@dex/runtime";
import type { Actor, NewUser } from "@dex/users";
import type { TestStorage } from "./open-test-storage.ts";

export const NOW = new Date("2030-06-01T12:00:00.000Z");
export const ACTOR: Actor = { kind: "dexctl", id: "root", address: "127.0.0.1" };
export const CHALLENGE = sha256("a verifier").toString("base64url");

let counter = 0;
/** A number nobody has had. */
export function fresh(): number {
  counter += 1;
  return counter;
}

export function freshUuid(): string {
  return `00000000-0000-4000-8000-${fresh().toString(16).padStart(12, "0")}`;
}

export function makeClientRow(more: Partial<Client> = {}): Client {
  return {
    id: `client-${fresh()}`,
    name: undefined,
    logoUri: undefined,
    clientUri: undefined,
    redirectUris: ["https://rp.example/cb"],
    public: false,
    admin: false,
    trusted: false,
    requirePkce: false,
    grantTypes: ["authorization_code", "refresh_token"],
    scopes: undefined,
    trustedPeers: [],
    allowedConnectors: undefined,
    idTokenSigningAlgorithm: "RS256",
    secret: { kind: "sha256", hash: sha256("secret") },
    dynamic: false,
    details: {},
    createdAt: NOW,
    ...more,
  };
}

export function makeUserRow(more: Partial<NewUser> = {}): NewUser {
  const id = freshUuid();
  return {
    id,
    email: `user-${id}@example.com`,
    emailVerified: true,
    displayName: "Jane",
    admin: false,
    createdAt: NOW,
    ...more,
  };
}

/** A user with a password and a client, at a connector that exists. */
export interface Cast {
  readonly user: NewUser;
  readonly client: Client;
  readonly connectorId: "local";
}

export async function makeCast({ storage }: TestStorage): Promise<Cast> {
  const user = makeUserRow();
  const client = makeClientRow();
  await storage.connectors.replaceAll([{ id: "local", type: "local", config: {} }], ACTOR);
  await storage.users.createLocal(user, "$argon2id$hash", "local", ACTOR);
  await storage.clients.create(client, ACTOR);
  return { user, client, connectorId: "local" };
}

export function makeSessionRow({ user, connectorId }: Cast, more: Partial<NewSession> = {}): NewSession {
  return {
    hash: sha256(`session ${fresh()}`),
    userId: user.id,
    connectorId,
    authTime: NOW,
    amr: ["pwd"],
    groups: ["staff", "a,b\"'"],
    preferredUsername: "jane",
    asked: [],
    userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    createdAt: NOW,
    idleExpiresAt: addSeconds(NOW, 3_600),
    expiresAt: addSeconds(NOW, 43_200),
    ...more,
  };
}

export function makeCodeRow({ user, client, connectorId }: Cast, more: Partial<NewCode> = {}): NewCode {
  return {
    hash: sha256(`code ${fresh()}`),
    loginStateId: `login-state-${fresh()}`,
    clientId: client.id,
    userId: user.id,
    connectorId,
    sessionHash: sha256("some session"),
    redirectUri: "https://rp.example/cb",
    scope: ["openid", "offline_access"],
    nonce: "n-0S6",
    codeChallenge: CHALLENGE,
    authTime: NOW,
    amr: ["pwd"],
    issuedAt: NOW,
    expiresAt: addSeconds(NOW, 60),
    ...more,
  };
}

export function redemptionOf(code: NewCode, more: Partial<CodeRedemption> = {}): CodeRedemption {
  return {
    codeHash: code.hash,
    clientId: code.clientId,
    redirectUri: code.redirectUri,
    challengeOfVerifier: code.codeChallenge,
    allowedConnectors: undefined,
    confirmation: undefined,
    family: {
      id: freshUuid(),
      refreshTokenHash: sha256(`refresh token ${fresh()}`),
      refreshIdleExpiresAt: addSeconds(NOW, 30 * 86_400),
      refreshExpiresAt: addSeconds(NOW, 90 * 86_400),
      accessExpiresAt: addSeconds(NOW, 600),
    },
    ...more,
  };
}

/** Signs the user in with a code, as a password sign-in does. */
export async function signIn(opened: TestStorage, cast: Cast, more: Partial<NewCode> = {}): Promise<NewCode> {
  const session = makeSessionRow(cast);
  const code = makeCodeRow(cast, { sessionHash: session.hash, ...more });
  const outcome = await opened.storage.signIns.signIn({
    session,
    code,
    replaces: undefined,
    rightPassword: { account: cast.user.email, source: "192.0.2.1" },
  });
  if (outcome !== "issued") throw new Error(`sign-in ended with ${outcome}`);
  return code;
}
