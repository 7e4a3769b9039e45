// What the APIs take and show of users, under dex v1's names. The OpenAPI document is made of these.
import type { JsonObject } from "@dex/runtime";
import type { RefreshClient, RefreshTokenOfUser, RemoteIdentity, User } from "@dex/users";
import { z } from "zod";
import { MAX_PAGE } from "./page-token.ts";
import { profileChangesShape, profileShape } from "./profile-shape.ts";

const MAX_EMAIL_INPUT = 1024;
const MAX_NAME = 200;
const MAX_URL = 1000;

const emailText = z.string().max(MAX_EMAIL_INPUT).describe("One ASCII address. Kept in lower case.");
const nameText = z
  .string()
  .max(MAX_NAME)
  .regex(/^\P{C}*$/u, "must hold no control characters");
const instant = z.iso.datetime().describe("RFC 3339");
/** What an answer leaves out when it is false. */
const flag = z.literal(true).optional();

/** A user that is to be made. dex v1's callers send back what they were shown, so what they cannot choose is let by. */
export const newUserShape = z.strictObject({
  id: z.string().max(255).describe("Ignored: ids are drawn.").optional(),
  createdAt: z.string().max(64).describe("Ignored.").optional(),
  email: emailText,
  displayName: nameText.optional(),
  emailVerified: z.boolean().optional(),
  admin: z.boolean().describe("May use this API.").optional(),
  disabled: z.boolean().optional(),
});

export const userChangesShape = z.strictObject({
  email: emailText.optional(),
  displayName: nameText.nullable().describe("Null or nothing takes it away.").optional(),
  emailVerified: z.boolean().optional(),
  admin: z.boolean().optional(),
  profile: profileChangesShape.describe("Only members that are given are changed; null takes one away.").optional(),
});

const redirectUrl = z
  .string()
  .max(MAX_URL)
  .refine((text) => URL.canParse(text), "must be a URL")
  .describe("Where the mailed link leads in the end: a redirect URI of a client that the caller speaks through.")
  .optional();

export const newUserBody = z.strictObject({
  user: newUserShape,
  redirectURL: redirectUrl,
  invitation: z
    .literal("none")
    .describe("Sends no invitation: the user is told by somebody else, and asks for a password at the sign-in page.")
    .optional(),
});
export const userChangesBody = z.strictObject({ user: userChangesShape });
export const linkBody = z.strictObject({ redirectURL: redirectUrl });
export const disableBody = z.strictObject({ disable: z.boolean() });
export const identityBody = z.strictObject({
  connectorID: z.string().min(1).max(64),
  remoteID: z.string().min(1).max(1024),
});

/** Digits only: "1e2" or " 7" in a query is a mistake. The bound of a page has a refusal of its own. */
const count = z
  .string()
  .regex(/^\d{1,9}$/, "expected a whole number")
  .transform(Number)
  .pipe(z.int().min(1));
const choice = z
  .enum(["true", "false"])
  .transform((text) => text === "true")
  .pipe(z.boolean());

export const pageQuery = {
  maxResults: count.describe(`How long a page is: 20 when left out, ${MAX_PAGE} at most.`).optional(),
  nextPageToken: z.string().min(1).max(4096).describe("From the page before.").optional(),
};

export const usersQuery = z.strictObject({
  ...pageQuery,
  emailPrefix: z
    .string()
    .max(254)
    .regex(/^[\x21-\x7e]*$/, "expected printable ASCII")
    .transform((text) => text.toLowerCase())
    .pipe(z.string())
    .describe("Only addresses that begin with this.")
    .optional(),
  admin: choice.optional(),
  disabled: choice.optional(),
  emailVerified: choice.optional(),
});

export const userShape = z.strictObject({
  id: z.string(),
  email: z.string(),
  displayName: z.string().optional(),
  emailVerified: flag,
  admin: flag,
  disabled: flag,
  createdAt: instant,
  profile: profileShape.optional(),
});
export const identityShape = z.strictObject({
  connectorID: z.string(),
  remoteID: z.string(),
  createdAt: instant,
});
export const refreshClientShape = z.strictObject({
  clientID: z.string(),
  clientName: z.string().optional(),
  logoURI: z.string().optional(),
  clientURI: z.string().optional(),
});

export const refreshTokenShape = z.strictObject({
  id: z.string(),
  clientID: z.string(),
  clientName: z.string().optional(),
  createdAt: instant,
  lastUsedAt: instant,
  userAgent: z
    .string()
    .describe("What the browser called itself in which the person signed in, while that session lasts.")
    .optional(),
});

export const userAnswer = z.strictObject({ user: userShape });
export const usersAnswer = z.strictObject({ users: z.array(userShape), nextPageToken: z.string().optional() });
export const createdUserAnswer = z.strictObject({
  user: userShape,
  emailSent: z
    .literal(true)
    .describe("The invitation is promised; it is sent as soon as the mail server takes it.")
    .optional(),
});
export const promisedAnswer = z.strictObject({ emailSent: z.literal(true) });
export const okAnswer = z.strictObject({ ok: z.literal(true) });
export const identitiesAnswer = z.strictObject({ identities: z.array(identityShape) });
export const refreshTokensAnswer = z.strictObject({ refreshTokens: z.array(refreshTokenShape) });
export const refreshClientsAnswer = z.strictObject({ clients: z.array(refreshClientShape) });

/** The user as dex v1 shows one: what is false or empty is left out. */
export function renderUser(user: User): JsonObject {
  return {
    id: user.id,
    email: user.email,
    ...(user.displayName ? { displayName: user.displayName } : {}),
    ...(user.emailVerified ? { emailVerified: true } : {}),
    ...(user.admin ? { admin: true } : {}),
    ...(user.disabled ? { disabled: true } : {}),
    createdAt: user.createdAt.toISOString(),
    ...(user.profile === undefined ? {} : { profile: user.profile }),
  };
}

export function renderIdentity({ connectorId, remoteId, createdAt }: RemoteIdentity): JsonObject {
  return { connectorID: connectorId, remoteID: remoteId, createdAt: createdAt.toISOString() };
}

/** The token by its name; nothing of it could be used. */
export function renderRefreshToken(token: RefreshTokenOfUser): JsonObject {
  return {
    id: token.id,
    clientID: token.clientId,
    ...(token.clientName ? { clientName: token.clientName } : {}),
    createdAt: token.createdAt.toISOString(),
    lastUsedAt: token.lastUsedAt.toISOString(),
    ...(token.userAgent ? { userAgent: token.userAgent } : {}),
  };
}

export function renderRefreshClient({ id, name, logoUri, clientUri }: RefreshClient): JsonObject {
  return {
    clientID: id,
    ...(name ? { clientName: name } : {}),
    ...(logoUri ? { logoURI: logoUri } : {}),
    ...(clientUri ? { clientURI: clientUri } : {}),
  };
}
