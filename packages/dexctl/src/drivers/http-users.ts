// Users, their tokens and their mail through the management API.
import { z } from "zod";
import { Failure } from "../failure.ts";
import type { Page, UserManagement } from "../user-management.ts";
import { type ApiCaller, expectStatus, isUnknown, jsonObject, parseAnswer } from "./api-answers.ts";
import type { Answer } from "./request.ts";

const oneUser = z.object({ user: jsonObject });
const userPage = z.object({ users: z.array(jsonObject), nextPageToken: z.string().min(1).optional() });
const identityList = z.object({ identities: z.array(jsonObject) });
const clientList = z.object({ clients: z.array(jsonObject) });
const tokenList = z.object({ refreshTokens: z.array(jsonObject) });
const mailPage = z.object({ mail: z.array(jsonObject), nextPageToken: z.string().min(1).optional() });

const users = (id: string, rest = "") => `/users/${segment(id)}${rest}`;
const refresh = (userId: string, clientId?: string) =>
  `/account/${segment(userId)}/refresh${clientId === undefined ? "" : `/${segment(clientId)}`}`;

const refreshTokens = (userId: string) => `/account/${segment(userId)}/refresh-tokens`;

/** User management by way of the API. */
export function makeHttpUsers(call: ApiCaller): UserManagement {
  return {
    async listUsers(filter, page) {
      // The token of a page knows what the list was narrowed to.
      const answer = await call("GET", `/users?${toQuery(page.after === undefined ? { ...filter } : {}, page)}`);
      const { users: items, nextPageToken } = parseAnswer(userPage, expectStatus(200, answer), "a list of users");
      return { items, next: nextPageToken } satisfies Page;
    },
    async adminExists() {
      const answer = await call("GET", `/users?${toQuery({ admin: true }, { after: undefined, limit: 1 })}`);
      return parseAnswer(userPage, expectStatus(200, answer), "a list of users").users.length > 0;
    },
    async findUser(userId) {
      const answer = await call("GET", users(userId));
      return known(answer, (found) => parseAnswer(oneUser, found, "a user").user);
    },
    async createUser(user, password) {
      if (password !== undefined) {
        throw new Failure(
          "refused",
          "the HTTP API takes no passwords: leave out --password-file and let the user choose one, or give --db-url",
        );
      }
      const answer = expectStatus(200, await call("POST", "/users", { user, invitation: "none" }));
      return parseAnswer(oneUser, answer, "a created user").user;
    },
    async inviteUser(user, { redirectUrl, clientId }) {
      if (clientId !== undefined) {
        throw new Failure(
          "refused",
          "over the HTTP API an invitation leads to the client that dexctl signs in as: leave out --for-client, or give --db-url",
        );
      }
      const redirect = redirectUrl === undefined ? {} : { redirectURL: redirectUrl };
      const answer = expectStatus(200, await call("POST", "/users", { user, ...redirect }));
      return parseAnswer(oneUser, answer, "a created user").user;
    },
    async updateUser(userId, changes) {
      const answer = expectStatus(200, await call("PATCH", users(userId), { user: changes }));
      return parseAnswer(oneUser, answer, "a changed user").user;
    },
    async setUserDisabled(userId, disable) {
      return done(await call("POST", users(userId, "/disable"), { disable }), 200, "done");
    },
    async deleteUser(userId) {
      return done(await call("DELETE", users(userId)), 204, "deleted");
    },
    async sendPasswordReset(userId) {
      expectStatus(200, await call("POST", users(userId, "/send-reset-password"), {}));
    },
    async identities(userId) {
      const answer = await call("GET", users(userId, "/identities"));
      return known(answer, (found) => parseAnswer(identityList, found, "a list of identities").identities);
    },
    async unlink(userId, connectorID, remoteID) {
      return done(await call("POST", users(userId, "/unlink"), { connectorID, remoteID }), 200, "unlinked");
    },
    async refreshClients(userId) {
      const answer = await call("GET", refresh(userId));
      return known(answer, (found) => parseAnswer(clientList, found, "a list of clients").clients);
    },
    async refreshTokens(userId) {
      const answer = await call("GET", refreshTokens(userId));
      return known(answer, (found) => parseAnswer(tokenList, found, "a list of refresh tokens").refreshTokens);
    },
    async revokeRefreshToken(userId, tokenId) {
      return done(await call("DELETE", `${refreshTokens(userId)}/${segment(tokenId)}`), 204, "revoked");
    },
    async revokeRefresh(userId, clientId) {
      return done(await call("DELETE", refresh(userId, clientId)), 200, "revoked");
    },
    async listMail(state, page) {
      const answer = await call("GET", `/mail?${toQuery({ state }, page)}`);
      const { mail, nextPageToken } = parseAnswer(mailPage, expectStatus(200, answer), "a list of mails");
      return { items: mail, next: nextPageToken };
    },
    async retryMail(mailId) {
      return done(await call("POST", `/mail/${segment(mailId)}/retry`), 200, "retried");
    },
  };
}

/** One segment of a path. A dot segment would be resolved away before it is sent, so it names nothing (RFC 3986 §5.2.4). */
export function segment(text: string): string {
  return text === "." || text === ".." ? "%00" : encodeURIComponent(text.toWellFormed());
}

function toQuery(
  filter: Readonly<Record<string, string | boolean>>,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
): string {
  const members = Object.entries(filter).map(([name, value]): [string, string] => [name, String(value)]);
  const token: [string, string][] = after === undefined ? [] : [["nextPageToken", after]];
  return new URLSearchParams([...members, ["maxResults", String(limit)], ...token]).toString();
}

function known<T>(answer: Answer, read: (found: Answer) => T): T | undefined {
  return isUnknown(answer) ? undefined : read(expectStatus(200, answer));
}

function done<Outcome extends string>(answer: Answer, status: number, outcome: Outcome): Outcome | "unknown" {
  if (isUnknown(answer)) return "unknown";
  expectStatus(status, answer);
  return outcome;
}
