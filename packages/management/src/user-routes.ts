// The routes about users: listing, making, changing, disabling, deleting, and the mails that go to them.
import { matchRedirectUri } from "@dex/oidc";
import type { LinkOrigin, UserDirectory, UserFilter } from "@dex/users";
import type { z } from "zod";
import { ApiError } from "./api-error.ts";
import { DEFAULT_PAGE, MAX_PAGE, type PageState, type PageTokens } from "./page-token.ts";
import { type ApiRoute, type Caller, makeRoute } from "./route.ts";
import {
  createdUserAnswer,
  disableBody,
  identitiesAnswer,
  identityBody,
  linkBody,
  newUserBody,
  okAnswer,
  promisedAnswer,
  renderIdentity,
  renderUser,
  userAnswer,
  userChangesBody,
  usersAnswer,
  usersQuery,
} from "./user-shapes.ts";
import { type MailOutcome, UNKNOWN_USER, type UserAdministration, type UserOutcome } from "./users.ts";

export interface UserRouteParts<Permission extends string> {
  readonly users: UserDirectory;
  readonly administration: UserAdministration;
  readonly pageTokens: PageTokens;
  /** Who may call any of them. */
  readonly permission: Permission;
}

/** The routes below `/users`. */
export function makeUserRoutes<Permission extends string>(
  parts: UserRouteParts<Permission>,
): readonly ApiRoute<Permission>[] {
  return [...directoryRoutes(parts), ...changeRoutes(parts), ...mailRoutes(parts), ...identityRoutes(parts)];
}

function directoryRoutes<Permission extends string>({
  users,
  administration,
  pageTokens,
  permission,
}: UserRouteParts<Permission>): readonly ApiRoute<Permission>[] {
  return [
    makeRoute({
      method: "GET",
      path: "/users",
      permission,
      operationId: "listUsers",
      summary: "List users, ordered by email address",
      query: usersQuery,
      answers: { 200: { description: "A page of users; the last one has no nextPageToken.", schema: usersAnswer } },
      refusals: ["max_results_too_high", "invalid_request"],
      async handle({ query }) {
        const { limit, after, filter } = parsePage(query, pageTokens);
        const wanted = { emailPrefix: undefined, admin: undefined, disabled: undefined, emailVerified: undefined };
        const page = await users.list({ ...wanted, ...filter } satisfies UserFilter, { after, limit });
        const more =
          page.next === undefined ? {} : { nextPageToken: pageTokens.issue({ after: page.next, limit, filter }) };
        return { status: 200, body: { users: page.users.map(renderUser), ...more } };
      },
    }),
    makeRoute({
      method: "POST",
      path: "/users",
      permission,
      operationId: "createUser",
      summary: "Make a user and, unless told otherwise, send an invitation",
      body: { schema: newUserBody, code: "invalid_request", memberCodes: { "user.email": "invalid_email" } },
      answers: {
        200: {
          description: "The user; the invitation, where one was wanted, is on its way.",
          schema: createdUserAnswer,
        },
      },
      refusals: ["invalid_email", "invalid_redirect_url", "duplicate_email", "local_connector_missing"],
      async handle({ body, actor, clients, now }) {
        const origin = parseOrigin(clients, body.redirectURL);
        const invitation = body.invitation === "none" ? undefined : origin;
        const user = done(await administration.create(body.user, { invitation }, actor, now));
        const sent = invitation === undefined ? {} : { emailSent: true };
        return { status: 200, body: { user: renderUser(user), ...sent } };
      },
    }),
    makeRoute({
      method: "GET",
      path: "/users/:id",
      permission,
      operationId: "getUser",
      summary: "Show a user",
      answers: { 200: { description: "The user.", schema: userAnswer } },
      refusals: ["resource_not_found"],
      async handle({ params }) {
        const user = await users.find(params.id);
        if (user === undefined) throw unknownUser();
        return { status: 200, body: { user: renderUser(user) } };
      },
    }),
  ];
}

function changeRoutes<Permission extends string>({
  users,
  administration,
  permission,
}: UserRouteParts<Permission>): readonly ApiRoute<Permission>[] {
  return [
    makeRoute({
      method: "PATCH",
      path: "/users/:id",
      permission,
      operationId: "updateUser",
      summary: "Change a user: only what is given",
      body: { schema: userChangesBody, code: "invalid_request", memberCodes: { "user.email": "invalid_email" } },
      answers: { 200: { description: "The user as changed.", schema: userAnswer } },
      refusals: ["resource_not_found", "invalid_email", "duplicate_email", "forbidden"],
      async handle({ params, body, actor, now }) {
        const user = done(await administration.update(params.id, body.user, actor, now));
        return { status: 200, body: { user: renderUser(user) } };
      },
    }),
    makeRoute({
      method: "DELETE",
      path: "/users/:id",
      permission,
      operationId: "deleteUser",
      summary: "Delete a user with all sessions, tokens and identities",
      answers: { 204: { description: "There is no such user any more." } },
      refusals: ["resource_not_found"],
      async handle({ params, actor }) {
        if (!(await users.delete(params.id, actor))) throw unknownUser();
        return { status: 204 };
      },
    }),
    makeRoute({
      method: "POST",
      path: "/users/:id/disable",
      permission,
      operationId: "disableUser",
      summary: "Disable a user, which ends all sessions and refresh tokens at once, or enable one",
      body: { schema: disableBody, code: "invalid_request" },
      answers: { 200: { description: "The user is as asked for.", schema: okAnswer } },
      refusals: ["resource_not_found"],
      async handle({ params, body, actor, now }) {
        if ((await users.setDisabled(params.id, body.disable, actor, now)) === undefined) throw unknownUser();
        return { status: 200, body: { ok: true } };
      },
    }),
  ];
}

function mailRoutes<Permission extends string>({
  administration,
  permission,
}: UserRouteParts<Permission>): readonly ApiRoute<Permission>[] {
  const promised = { 200: { description: "The mail is on its way.", schema: promisedAnswer } } as const;
  const body = { schema: linkBody, code: "invalid_request" } as const;
  return [
    makeRoute({
      method: "POST",
      path: "/users/:id/resend-invitation",
      permission,
      operationId: "resendInvitation",
      summary: "Send another invitation to a user whose address is not verified",
      body,
      answers: promised,
      refusals: ["resource_not_found", "verified_email", "invalid_redirect_url"],
      async handle({ params, body: { redirectURL }, actor, clients, now }) {
        const origin = parseOrigin(clients, redirectURL);
        return promisedOrRefused(await administration.resendInvitation(params.id, origin, actor, now));
      },
    }),
    makeRoute({
      method: "POST",
      path: "/users/:id/send-reset-password",
      permission,
      operationId: "sendResetPassword",
      summary: "Send a user the mail to choose a new password",
      body,
      answers: promised,
      refusals: ["resource_not_found", "invalid_redirect_url"],
      async handle({ params, body: { redirectURL }, actor, clients, now }) {
        const origin = parseOrigin(clients, redirectURL);
        return promisedOrRefused(await administration.sendPasswordReset(params.id, origin, actor, now));
      },
    }),
  ];
}

function identityRoutes<Permission extends string>({
  users,
  permission,
}: UserRouteParts<Permission>): readonly ApiRoute<Permission>[] {
  return [
    makeRoute({
      method: "GET",
      path: "/users/:id/identities",
      permission,
      operationId: "listIdentities",
      summary: "List what a user signs in with",
      answers: { 200: { description: "The identities.", schema: identitiesAnswer } },
      refusals: ["resource_not_found"],
      async handle({ params }) {
        const identities = await users.identities(params.id);
        if (identities === undefined) throw unknownUser();
        return { status: 200, body: { identities: identities.map(renderIdentity) } };
      },
    }),
    makeRoute({
      method: "POST",
      path: "/users/:id/unlink",
      permission,
      operationId: "unlinkIdentity",
      summary: "Take an identity from a user, with the sessions and refresh tokens that it began",
      body: { schema: identityBody, code: "invalid_request" },
      answers: { 200: { description: "The identity signs nobody in any more.", schema: okAnswer } },
      refusals: ["resource_not_found"],
      async handle({ params, body, actor, now }) {
        const identity = { connectorId: body.connectorID, remoteId: body.remoteID };
        if (await users.unlink(params.id, identity, actor, now)) return { status: 200, body: { ok: true } };
        throw new ApiError("resource_not_found", "this user has no such identity");
      },
    }),
  ];
}

/** With a token, what the list was narrowed to and the length of its pages are the token's, as in dex v1. */
function parsePage(
  query: z.infer<typeof usersQuery>,
  tokens: PageTokens,
): Omit<PageState, "after"> & { readonly after: string | undefined } {
  const { maxResults = DEFAULT_PAGE, nextPageToken, ...filter } = query;
  if (maxResults > MAX_PAGE) {
    throw new ApiError("max_results_too_high", `maxResults: expected at most ${MAX_PAGE}`);
  }
  if (nextPageToken === undefined) return { after: undefined, limit: maxResults, filter };
  const state = tokens.read(nextPageToken);
  if (state === undefined) throw new ApiError("invalid_request", "nextPageToken: is none of ours");
  for (const [member, value] of Object.entries(filter)) {
    // Somebody who narrows a list half-way would miss what the pages before have passed over.
    if (value !== undefined && value !== Object.entries(state.filter).find(([name]) => name === member)?.[1]) {
      throw new ApiError("invalid_request", `${member}: differs from the list that this page token belongs to`);
    }
  }
  return state;
}

/** Where a mailed link leads: to a redirect URI of the caller's own clients, or to a page of ours. */
function parseOrigin(clients: Caller["clients"], redirectUrl: string | undefined): LinkOrigin {
  const nowhere = { clientId: undefined, redirectUri: undefined, flowId: undefined, locale: undefined };
  if (redirectUrl === undefined) return nowhere;
  for (const client of clients) {
    const redirectUri = matchRedirectUri(client, redirectUrl);
    if (redirectUri !== undefined) return { ...nowhere, clientId: client.id, redirectUri };
  }
  throw new ApiError("invalid_redirect_url", "redirectURL: is not registered with the client that you use");
}

function done(outcome: UserOutcome) {
  if (outcome.kind === "refused") throw new ApiError(outcome.code, outcome.reason);
  return outcome.user;
}

function promisedOrRefused(outcome: MailOutcome) {
  if (outcome.kind === "refused") throw new ApiError(outcome.code, outcome.reason);
  return { status: 200, body: { emailSent: true } } as const;
}

function unknownUser(): ApiError {
  return new ApiError(UNKNOWN_USER.code, UNKNOWN_USER.reason);
}
