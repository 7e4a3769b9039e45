// The calls of Keystone's Identity API v3 that a sign-in needs.
import type { JsonObject } from "@dex/runtime";
import * as z from "zod";
import type { JsonAnswer, JsonUpstream } from "../json-upstream.ts";
import { invalidAnswer, LoginRefused, unavailable, userGone } from "../login-refused.ts";
import { requiredText, upstreamEmail } from "../upstream-text.ts";
import type { KeystoneDomain } from "./config.ts";

/** It stands in a path. */
const id = z.string().regex(/^[\w-]{1,255}$/);
const tokenSchema = z.object({
  token: z.object({
    user: z.object({ id, name: requiredText(), domain: z.object({ id: requiredText(), name: requiredText() }) }),
    expires_at: z.iso.datetime(),
    roles: z.array(z.unknown()).max(1000).optional(),
  }),
});
const userSchema = z.object({
  user: z.object({
    id,
    name: requiredText(),
    enabled: z.boolean(),
    // One of the extra attributes, which may be anything.
    email: upstreamEmail().catch(undefined),
  }),
});
const usersSchema = z.object({ users: z.array(z.object({ id })).max(2) });
const groupsSchema = z.object({
  groups: z.array(z.object({ name: requiredText() })).max(10_000),
  /** There were more than the server's `list_limit`. */
  truncated: z.boolean().optional(),
});
const errorSchema = z.object({ error: z.object({ message: z.string() }) });

/** A token of Keystone's, and whose it is. */
export interface KeystoneToken {
  readonly secret: string;
  readonly userId: string;
  readonly userName: string;
  readonly domain: { readonly id: string; readonly name: string };
  readonly expiresAt: Date;
  /** Without one it opens nothing but what is the person's own. */
  readonly hasRoles: boolean;
}
export type KeystoneUser = z.infer<typeof userSchema>["user"];

export interface KeystoneCredentials {
  readonly name: string;
  readonly password: string;
  readonly domain: KeystoneDomain;
  /** What the token is good for: absent for the user's default project, if there is one. */
  readonly scope?: JsonObject | undefined;
}
export type KeystoneSignIn =
  | { readonly kind: "token"; readonly token: KeystoneToken }
  | { readonly kind: "refused"; readonly detail: string; readonly date: string | null };

/** All of it throws LoginRefused or UpstreamUnreachable where Keystone gives no such answer. */
export interface Keystone {
  signIn(credentials: KeystoneCredentials, signal: AbortSignal): Promise<KeystoneSignIn>;
  /** Undefined for who is not there; "hidden" for who the token's owner may not see. */
  readUser(token: KeystoneToken, userId: string, signal: AbortSignal): Promise<KeystoneUser | "hidden" | undefined>;
  groupsOf(
    token: KeystoneToken,
    userId: string,
    signal: AbortSignal,
  ): Promise<{ readonly names: readonly string[]; readonly truncated: boolean }>;
  /** The id behind a name in a domain. Undefined for nobody. */
  findUserId(token: KeystoneToken, name: string, signal: AbortSignal): Promise<string | undefined>;
}

export function makeKeystone(call: JsonUpstream): Keystone {
  const get = (path: string, { secret }: KeystoneToken, signal: AbortSignal) =>
    call({ method: "GET", path, headers: { "x-auth-token": secret }, signal });

  return {
    async signIn({ name, password, domain, scope }, signal) {
      const identity = { methods: ["password"], password: { user: { name, domain: { ...domain }, password } } };
      const auth = { identity, ...(scope === undefined ? {} : { scope }) };
      const answer = await call({ method: "POST", path: "/v3/auth/tokens", body: { auth }, signal });
      if (answer.status === 201) return { kind: "token", token: toToken(answer) };
      if (answer.status !== 401) throw failureOf("sign-in", answer);
      const more = answer.headers.has("openstack-auth-receipt") ? "another factor is wanted, " : "";
      return { kind: "refused", detail: `${more}${said(answer)}`, date: answer.headers.get("date") };
    },
    async readUser(token, userId, signal) {
      const answer = await get(`/v3/users/${encodeURIComponent(userId)}`, token, signal);
      if (answer.status === 404) return undefined;
      if (answer.status === 403) return "hidden";
      if (answer.status !== 200) throw failureOf("user", answer);
      const { user } = answer.expect(userSchema);
      if (user.id !== userId) throw invalidAnswer("keystone: another user than was asked for");
      return user;
    },
    async groupsOf(token, userId, signal) {
      const answer = await get(`/v3/users/${encodeURIComponent(userId)}/groups`, token, signal);
      if (answer.status === 404) throw userGone("the user is gone");
      if (answer.status !== 200) throw failureOf("groups", answer);
      const { groups, truncated = false } = answer.expect(groupsSchema);
      return { names: groups.map((group) => group.name), truncated };
    },
    async findUserId(token, name, signal) {
      const query = `name=${encodeURIComponent(name)}&domain_id=${encodeURIComponent(token.domain.id)}`;
      const answer = await get(`/v3/users?${query}`, token, signal);
      if (answer.status !== 200) throw failureOf("users", answer);
      return answer.expect(usersSchema).users[0]?.id;
    },
  };
}

function toToken(answer: JsonAnswer): KeystoneToken {
  const { user, expires_at: expiresAt, roles = [] } = answer.expect(tokenSchema).token;
  const secret = answer.headers.get("x-subject-token") ?? "";
  // It goes into a header as it is.
  if (!/^[\x21-\x7e]{1,8192}$/.test(secret)) throw invalidAnswer("keystone: no usable token in the answer");
  return {
    secret,
    userId: user.id,
    userName: user.name,
    domain: user.domain,
    expiresAt: new Date(expiresAt),
    hasRoles: roles.length > 0,
  };
}

/** The token that was presented is not taken: it was revoked, or belongs to keys that are gone. */
export class TokenRefused extends LoginRefused {
  constructor(detail: string) {
    super({ kind: "unavailable", detail });
  }
}

function failureOf(what: string, answer: JsonAnswer): LoginRefused {
  if (answer.status === 401) return new TokenRefused(`keystone: ${what}: ${said(answer)}`);
  return unavailable(`keystone: ${what}: ${said(answer)}`);
}

function said(answer: JsonAnswer): string {
  const message = answer.read(errorSchema)?.error.message ?? "";
  return `status ${answer.status} ${JSON.stringify(message.slice(0, 200))}`;
}
