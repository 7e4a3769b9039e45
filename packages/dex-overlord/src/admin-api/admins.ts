import { ApiError, type ApiRoute, type ManagedConnectors, withBody } from "@dex/management";
import type { Random } from "@dex/runtime";
import {
  canonicalEmail,
  decidePassword,
  newUserId,
  PASSWORD_MIN_LENGTH,
  type PasswordHasher,
  type PasswordRefusal,
  parsePasswordHash,
} from "@dex/users";
import { z } from "zod";
import type { AdminUsers } from "../ports.ts";
import type { Permission } from "./access.ts";

const postBody = z.strictObject({
  id: z.literal("").optional(),
  email: z.string(),
  password: z.string(),
  /** Whoever holds the admin API secret can vouch for an address. Without this word it counts as unverified, as in v1. */
  emailVerified: z.boolean().optional(),
});
const newAdmin = {
  schema: postBody,
  code: "bad_request",
  expected: 'an object with the members "email" and "password", both text',
} as const;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const SERVICE_NAME = "dex";

/** Whether there is an admin, making one, and reading one. A password or its hash goes in and never comes out (ADM-5). */
export function makeAdminRoutes(parts: {
  users: AdminUsers;
  connectors: Pick<ManagedConnectors, "list">;
  localConnectorId: string;
  hasher: Pick<PasswordHasher, "hash">;
  random: Random;
}): readonly ApiRoute<Permission>[] {
  const { users, connectors, localConnectorId, hasher, random } = parts;
  return [
    {
      method: "GET",
      path: "/api/v1/state",
      permission: "admin api secret",
      handle: async () => ({ status: 200, body: (await users.hasAdmin()) ? { AdminUserCreated: true } : {} }),
    },
    {
      method: "POST",
      path: "/api/v1/admin",
      permission: "admin api secret",
      ...withBody(newAdmin, async ({ body, actor, now }) => {
        const { email, emailVerified, password } = parseAdmin(body);
        const local = (await connectors.list()).find(({ id }) => id === localConnectorId);
        if (local?.type !== "local") {
          throw new ApiError(
            "local_connector_missing",
            `there is no connector "${localConnectorId}" of type "local": set the connectors first`,
          );
        }
        const passwordHash = password.kind === "hash" ? password.text : await hasher.hash(password.text);
        const user = { email, emailVerified, displayName: undefined, admin: true, createdAt: now };
        const id = newUserId(random);
        const outcome = await users.createLocal({ ...user, id }, passwordHash, localConnectorId, actor);
        if (outcome === "email taken") throw new ApiError("duplicate_email", "a user with this email address exists");
        return { status: 200, body: { id, email }, headers: { Location: `/api/v1/admin/${id}` } };
      }),
    },
    {
      method: "GET",
      path: "/api/v1/admin/:id",
      permission: "admin api secret",
      async handle({ id }) {
        const user = UUID.test(id) ? await users.findLocal(id) : undefined;
        if (user === undefined)
          throw new ApiError("resource_not_found", "there is no user with this id and a password");
        return { status: 200, body: { id: user.id, email: user.email } };
      },
    },
  ];
}

interface NewAdmin {
  readonly email: string;
  readonly emailVerified: boolean;
  readonly password: { readonly kind: "hash" | "plain"; readonly text: string };
}

function parseAdmin(body: z.infer<typeof postBody>): NewAdmin {
  const email = canonicalEmail(body.email);
  if (email === undefined) throw badRequest("email: expected one email address in ASCII");
  const text = body.password;
  const emailVerified = body.emailVerified ?? false;
  if (parsePasswordHash(text) !== undefined) return { email, emailVerified, password: { kind: "hash", text } };
  // Stored as a password, a mistyped hash would be one that nobody knows to be their password.
  if (/^\$(2[abxy]?|argon2\w*)\$/.test(text)) {
    throw badRequest("password: looks like a hash and is none that is accepted: expected bcrypt or argon2id");
  }
  const decision = decidePassword(text, { email, serviceName: SERVICE_NAME });
  if (decision.kind === "refused") throw badRequest(`password: ${PASSWORD_REFUSALS[decision.reason]}`);
  return { email, emailVerified, password: { kind: "plain", text } };
}

const PASSWORD_REFUSALS: Record<PasswordRefusal, string> = {
  "too short": `expected a hash or at least ${PASSWORD_MIN_LENGTH} characters`,
  "too long": "is too long",
  "too common": "is too easy to guess",
  "service name": "is little more than the name of this service",
  "own address": "is little more than the email address",
};

function badRequest(message: string): ApiError {
  return new ApiError("bad_request", message);
}
