import { addSeconds, type Random } from "@dex/runtime";
import {
  type AccountLinks,
  type Actor,
  canonicalEmail,
  LINK_LIFETIME_SECONDS,
  type LinkOrigin,
  newUserId,
  type User,
  type UserChanges,
  type UserDirectory,
} from "@dex/users";
import type { z } from "zod";
import type { ApiErrorCode } from "./api-error.ts";
import type { ManagedConnectors } from "./connectors.ts";
import { toProfileChanges } from "./profile-shape.ts";
import { newUserShape, userChangesShape } from "./user-shapes.ts";

export interface UserAdministrationParts {
  readonly users: UserDirectory;
  readonly links: Pick<AccountLinks, "requestInvitation">;
  /** Where it is said which connector has the passwords. */
  readonly connectors: Pick<ManagedConnectors, "list">;
  readonly random: Random;
}

interface Refusal {
  readonly kind: "refused";
  readonly code: ApiErrorCode;
  readonly reason: string;
}
export type UserOutcome = { readonly kind: "done"; readonly user: User } | Refusal;
export type MailOutcome = { readonly kind: "promised" } | Refusal;

/** What goes with a new user. */
export interface NewUserExtras {
  /** A hash that is accepted, see parsePasswordHash. */
  readonly passwordHash?: string | undefined;
  /** Where the invitation leads; without it none is sent. */
  readonly invitation?: LinkOrigin | undefined;
}

/** What administrators do to users, whoever asks and however. Reading is the directory's. */
export interface UserAdministration {
  /** `wanted` is a user as somebody described one, unchecked. */
  create(wanted: unknown, extras: NewUserExtras, actor: Actor, now: Date): Promise<UserOutcome>;
  /** `wanted` holds what is to be changed, unchecked. */
  update(userId: string, wanted: unknown, actor: Actor, now: Date): Promise<UserOutcome>;
  /** Only while the address is not verified. */
  resendInvitation(userId: string, origin: LinkOrigin, actor: Actor, now: Date): Promise<MailOutcome>;
  sendPasswordReset(userId: string, origin: LinkOrigin, actor: Actor, now: Date): Promise<MailOutcome>;
}

export const UNKNOWN_USER: Refusal = refused("resource_not_found", "there is no user with this id");

export function makeUserAdministration(parts: UserAdministrationParts): UserAdministration {
  const { users, links } = parts;
  return {
    async create(wanted, extras, actor, now) {
      const parsed = newUserShape.safeParse(wanted);
      if (!parsed.success) return refused("invalid_request", describe(parsed.error));
      const email = canonicalEmail(parsed.data.email);
      if (email === undefined) return INVALID_EMAIL;
      const local = (await parts.connectors.list()).find(({ type }) => type === "local");
      if (local === undefined) return NO_LOCAL_CONNECTOR;
      const { emailVerified = false, admin = false, disabled = false } = parsed.data;
      const displayName = parsed.data.displayName || undefined;
      const user = { id: newUserId(parts.random), email, emailVerified, displayName, admin, disabled, createdAt: now };
      const { passwordHash, invitation: origin } = extras;
      const invitation = origin && {
        id: newUserId(parts.random),
        origin,
        expiresAt: addSeconds(now, LINK_LIFETIME_SECONDS.invitation),
      };
      const outcome = await users.create({ user, localConnectorId: local.id, passwordHash, invitation }, actor);
      return outcome === "created" ? { kind: "done", user } : EMAIL_TAKEN;
    },
    async update(userId, wanted, actor, now) {
      const parsed = userChangesShape.safeParse(wanted);
      if (!parsed.success) return refused("invalid_request", describe(parsed.error));
      // ACC-11: nobody vouches for an address of their own.
      const own = actor.kind === "user" && actor.id === userId;
      if (own && parsed.data.emailVerified === true) return OWN_ADDRESS;
      if (own && parsed.data.profile?.phone_number_verified === true) return OWN_NUMBER;
      const changes = toChanges(parsed.data);
      if (changes === undefined) return INVALID_EMAIL;
      const outcome = await users.update(userId, changes, actor, now);
      if (outcome.kind === "updated") return { kind: "done", user: outcome.user };
      return outcome.kind === "unknown" ? UNKNOWN_USER : EMAIL_TAKEN;
    },
    async resendInvitation(userId, origin, actor, now) {
      const outcome = await links.requestInvitation(userId, origin, actor, now);
      if (outcome === "unknown") return UNKNOWN_USER;
      if (outcome === "no password") return SIGNS_IN_ELSEWHERE;
      return outcome === "verified" ? VERIFIED : { kind: "promised" };
    },
    async sendPasswordReset(userId, origin, actor, now) {
      const outcome = await users.promisePasswordReset(userId, origin, actor, now);
      if (outcome === "unknown") return UNKNOWN_USER;
      if (outcome === "disabled") return refused("invalid_request", "this user is disabled");
      return outcome === "no password" ? NO_PASSWORD : { kind: "promised" };
    },
  };
}

const INVALID_EMAIL = refused("invalid_email", "email: expected one email address in ASCII");
const EMAIL_TAKEN = refused("duplicate_email", "a user with this email address exists");
const VERIFIED = refused("verified_email", "the address of this user is verified already");
const NO_PASSWORD = refused("invalid_request", "this user has no password to reset: send an invitation instead");
const SIGNS_IN_ELSEWHERE = refused("invalid_request", "this user signs in elsewhere: there is no password to choose");
const OWN_ADDRESS = refused("forbidden", "emailVerified: somebody else has to vouch for your own address");
const OWN_NUMBER = refused("forbidden", "phone_number_verified: somebody else has to vouch for your own number");
const NO_LOCAL_CONNECTOR = refused(
  "local_connector_missing",
  'there is no connector of type "local": set the connectors first',
);

/** Undefined when the address is none. */
function toChanges(given: z.infer<typeof userChangesShape>): UserChanges | undefined {
  const { email, displayName, emailVerified, admin, profile } = given;
  const canonical = email === undefined ? undefined : canonicalEmail(email);
  if (email !== undefined && canonical === undefined) return undefined;
  return {
    ...(canonical === undefined ? {} : { email: canonical }),
    ...(emailVerified === undefined ? {} : { emailVerified }),
    ...(displayName === undefined ? {} : { displayName: displayName || undefined }),
    ...(admin === undefined ? {} : { admin }),
    ...(profile === undefined ? {} : { profile: toProfileChanges(profile) }),
  };
}

function describe(error: z.ZodError): string {
  const [issue] = error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "user" : issue.path.join(".");
  return `${where}: ${issue?.message ?? "is not valid"}`;
}

function refused(code: ApiErrorCode, reason: string): Refusal {
  return { kind: "refused", code, reason };
}
