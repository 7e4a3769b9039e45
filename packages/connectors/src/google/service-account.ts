// Tokens for a service account that acts in an administrator's name: its key signs an assertion, and Google gives an access
// token for it (RFC 7523 §2.1).
import { createPrivateKey, type KeyObject } from "node:crypto";
import { addSeconds, toEpochSeconds } from "@dex/runtime";
import { SignJWT } from "jose";
import * as z from "zod";
import type { BoundedFetch } from "../bounded-fetch.ts";
import { unavailable } from "../login-refused.ts";
import { isEndpointUrl } from "../oauth2/config-members.ts";
import { parseTokenAnswer } from "../oauth2/token-answer.ts";
import { readConfiguredFile } from "../root-ca.ts";

const MEMBER = "serviceAccountFilePath";
const SCOPE = "https://www.googleapis.com/auth/admin.directory.group.readonly";
const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ASSERTION_SECONDS = 3600;
/** A token is not used in its last minute, and not at all where its lifetime is not told. */
const EARLY_SECONDS = 60;

const keyFile = z.object({
  type: z.literal("service_account"),
  client_email: z.string().min(1).max(254),
  private_key: z.string().min(1).max(16_384),
  private_key_id: z.string().max(255).optional(),
  token_uri: z.string().max(2048).refine(isEndpointUrl).default("https://oauth2.googleapis.com/token"),
});

export interface ServiceAccount {
  readonly email: string;
  readonly key: KeyObject;
  readonly keyId: string | undefined;
  readonly tokenUri: string;
}

/** Reads the key. Throws an Error that names the member, and nothing of the file. */
export function readServiceAccount(path: string): ServiceAccount {
  const parsed = keyFile.safeParse(parseJson(readConfiguredFile(MEMBER, path)));
  if (!parsed.success) throw new Error(`${MEMBER}: expected the JSON key of a service account`);
  const { client_email: email, private_key: pem, private_key_id: keyId, token_uri: tokenUri } = parsed.data;
  return { email, key: readKey(pem), keyId, tokenUri };
}

function readKey(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "rsa") return key;
  } catch {
    // The error might quote the key.
  }
  throw new Error(`${MEMBER}: expected an RSA key in private_key`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export interface AdminTokens {
  /** An access token in the name of `admin`. Throws LoginRefused or UpstreamUnreachable. */
  get(admin: string, now: Date, signal: AbortSignal): Promise<string>;
  /** Forgets one that was refused. */
  drop(admin: string): void;
}

/** Keeps one token for each administrator until it ends. */
export function makeAdminTokens(account: ServiceAccount, fetch: BoundedFetch): AdminTokens {
  const kept = new Map<string, { readonly token: string; readonly usableUntil: Date }>();

  async function ask(admin: string, now: Date, signal: AbortSignal) {
    const response = await fetch(account.tokenUri, {
      method: "POST",
      headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ grant_type: GRANT_TYPE, assertion: await sign(account, admin, now) }).toString(),
      signal,
    });
    const type = response.headers.get("content-type") ?? "";
    const answer = parseTokenAnswer(response.status, type, await response.text());
    // Whatever is wrong is between us and Google: nobody who signs in can do anything about it.
    if (answer.kind === "refused") throw unavailable(`service account: ${answer.detail}`);
    return { token: answer.accessToken, usableUntil: addSeconds(now, (answer.expiresInSeconds ?? 0) - EARLY_SECONDS) };
  }

  return {
    async get(admin, now, signal) {
      const found = kept.get(admin);
      if (found !== undefined && found.usableUntil > now) return found.token;
      const next = await ask(admin, now, signal);
      kept.set(admin, next);
      return next.token;
    },
    drop: (admin) => void kept.delete(admin),
  };
}

function sign({ email, key, keyId, tokenUri }: ServiceAccount, admin: string, now: Date): Promise<string> {
  return new SignJWT({ scope: SCOPE })
    .setProtectedHeader({ alg: "RS256", typ: "JWT", ...(keyId === undefined ? {} : { kid: keyId }) })
    .setIssuer(email)
    .setSubject(admin)
    .setAudience(tokenUri)
    .setIssuedAt(toEpochSeconds(now))
    .setExpirationTime(toEpochSeconds(now) + ASSERTION_SECONDS)
    .sign(key);
}
