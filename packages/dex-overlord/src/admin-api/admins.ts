import { ApiError, type ApiRoute, type ManagedConnectors, makeRoute } from "@dex/management";
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
  password: z.string().describe("A bcrypt or argon2id hash, or the password itself."),
  /** Whoever holds the admin API secret can vouch for an address. Without this word it counts as unverified, as in v1. */
  emailVerified: z.boolean().optional(),
});
const stateAnswer = z.strictObject({ AdminUserCreated: z.literal(true).optional() });
const adminAnswer = z.strictObject({ id: z.string(), email: z.string() });
/** Ids that came from dex v1 are free text. */
const USER_ID = /^\P{C}{1,255}$/u;
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
    makeRoute({
      method: "GET",
      path: "/api/v1/state",
      permission: "admin api secret",
      operationId: "getState",
      summary: "Tell whether there is an admin",
      answers: { 200: { description: "Nothing is said when there is none.", schema: stateAnswer } },
      refusals: [],
      handle: async () => ({ status: 200, body: (await users.hasAdmin()) ? { AdminUserCreated: true } : {} }),
    }),
    makeRoute({
      method: "POST",
      path: "/api/v1/admin",
      permission: "admin api secret",
      operationId: "createAdmin",
      summary: "Make an admin who signs in with a password",
      body: { schema: postBody, code: "bad_request" },
      answers: { 200: { description: "The admin; Location says where.", schema: adminAnswer } },
      refusals: ["duplicate_email", "local_connector_missing"],
      async handle({ body, actor, now }) {
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
      },
    }),
    makeRoute({
      method: "GET",
      path: "/api/v1/admin/:id",
      permission: "admin api secret",
      operationId: "getAdmin",
      summary: "Show a user who has a password",
      answers: { 200: { description: "The user.", schema: adminAnswer } },
      refusals: ["resource_not_found"],
      async handle({ params: { id } }) {
        const user = USER_ID.test(id) ? await users.findLocal(id) : undefined;
        if (user === undefined)
          throw new ApiError("resource_not_found", "there is no user with this id and a password");
        return { status: 200, body: { id: user.id, email: user.email } };
      },
    }),
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
