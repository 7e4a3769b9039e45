// Users, their tokens and their mail in the database, by the rules that hold behind the HTTP API.
import { renderIdentity, renderRefreshClient, renderRefreshToken, renderUser } from "@dex/management/user-shapes";
import { makeUserAdministration, type UserOutcome } from "@dex/management/users";
import { matchRedirectUri } from "@dex/oidc";
import type { Clock, JsonObject, Random, Secret } from "@dex/runtime";
import type { Storage } from "@dex/storage";
import {
  type Actor,
  canonicalEmail,
  decidePassword,
  type LinkOrigin,
  PASSWORD_MIN_LENGTH,
  type PasswordHasher,
  type PasswordRefusal,
} from "@dex/users";
import { Failure } from "../failure.ts";
import { toPrintable } from "../printable.ts";
import type { InvitationTarget, UserManagement } from "../user-management.ts";

export type UserStores = Pick<
  Storage,
  "userDirectory" | "accountLinks" | "connectors" | "clients" | "administrators" | "mailQueue"
>;

const NOWHERE: LinkOrigin = { clientId: undefined, redirectUri: undefined, flowId: undefined, locale: undefined };
const ANY = { emailPrefix: undefined, admin: undefined, disabled: undefined, emailVerified: undefined };
/** The name that passwords must not be made of, as at the other places where one is chosen for somebody. */
const SERVICE_NAME = "dex";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** User management by way of the stores. Each write and its audit event are one statement there (ADM-6). */
export function makeDatabaseUsers(parts: {
  stores: UserStores;
  hasher: Pick<PasswordHasher, "hash">;
  actor: Actor;
  clock: Clock;
  random: Random;
}): UserManagement {
  const { stores, actor, clock, random } = parts;
  const { userDirectory: users, mailQueue } = stores;
  const administration = makeUserAdministration({
    users,
    links: stores.accountLinks,
    connectors: stores.connectors,
    random,
  });
  return {
    async listUsers(filter, page) {
      const { users: items, next } = await users.list({ ...ANY, ...filter }, page);
      return { items: items.map(renderUser), next };
    },
    async findUser(userId) {
      const user = await users.find(userId);
      return user && renderUser(user);
    },
    async createUser(wanted, password) {
      const passwordHash = password && (await parts.hasher.hash(acceptedPassword(wanted, password)));
      return shown(await administration.create(wanted, { passwordHash }, actor, clock()));
    },
    async inviteUser(wanted, target) {
      const invitation = await toOrigin(target, stores.clients);
      return shown(await administration.create(wanted, { invitation }, actor, clock()));
    },
    async updateUser(userId, changes) {
      return shown(await administration.update(userId, changes, actor, clock()));
    },
    setUserDisabled: async (userId, disabled) =>
      (await users.setDisabled(userId, disabled, actor, clock())) === undefined ? "unknown" : "done",
    deleteUser: async (userId) => ((await users.delete(userId, actor)) ? "deleted" : "unknown"),
    async sendPasswordReset(userId) {
      const outcome = await administration.sendPasswordReset(userId, NOWHERE, actor, clock());
      if (outcome.kind === "refused") throw new Failure("refused", toPrintable(outcome.reason));
    },
    identities: async (userId) => (await users.identities(userId))?.map(renderIdentity),
    unlink: async (userId, connectorId, remoteId) =>
      (await users.unlink(userId, { connectorId, remoteId }, actor, clock())) ? "unlinked" : "unknown",
    refreshClients: async (userId) => (await users.refreshClients(userId, clock()))?.map(renderRefreshClient),
    refreshTokens: async (userId) => (await users.refreshTokens(userId, clock()))?.map(renderRefreshToken),
    revokeRefreshToken: async (userId, tokenId) =>
      (await users.revokeRefreshToken(userId, tokenId, actor, clock())) ? "revoked" : "unknown",
    revokeRefresh: async (userId, clientId) =>
      (await users.revokeRefresh(userId, clientId, actor, clock())) === undefined ? "unknown" : "revoked",
    async listMail(state, page) {
      const listed = await mailQueue.list({ state, ...page });
      if (listed === undefined) throw new Error("the page of mails does not follow the one before");
      return { items: listed.mails.map(renderMail), next: listed.next };
    },
    async retryMail(mailId) {
      const outcome = UUID.test(mailId) ? await mailQueue.retry(mailId, actor, clock()) : "unknown";
      return outcome === "due" ? "retried" : "unknown";
    },
    adminExists: () => stores.administrators.exists(),
  };
}

/** Where the invitation leads: nowhere but to a redirect URI that a client has registered (RED-3). */
async function toOrigin(target: InvitationTarget, clients: Storage["clients"]): Promise<LinkOrigin> {
  const { redirectUrl, clientId } = target;
  if (redirectUrl === undefined && clientId === undefined) return NOWHERE;
  if (redirectUrl === undefined || clientId === undefined) {
    throw new Failure("usage", "--redirect-url and --for-client are given together");
  }
  const client = await clients.find(clientId);
  if (client === undefined) {
    throw new Failure("refused", `there is no client ${toPrintable(clientId)}: see dexctl clients list`);
  }
  const redirectUri = matchRedirectUri(client, redirectUrl);
  if (redirectUri === undefined) {
    throw new Failure("refused", `--redirect-url: client ${toPrintable(clientId)} has not registered this URL`);
  }
  return { ...NOWHERE, clientId, redirectUri };
}

const REFUSALS: Readonly<Record<PasswordRefusal, string>> = {
  "too short": `is too short: expected at least ${PASSWORD_MIN_LENGTH} characters`,
  "too long": "is too long",
  "too common": "is too easy to guess",
  "service name": "is little more than the name of this service",
  "own address": "is little more than the email address",
};

function acceptedPassword({ email }: JsonObject, password: Secret<string>): string {
  const text = password.reveal();
  const address = typeof email === "string" ? (canonicalEmail(email) ?? "") : "";
  const decision = decidePassword(text, { email: address, serviceName: SERVICE_NAME });
  if (decision.kind === "refused") throw new Failure("refused", `the password ${REFUSALS[decision.reason]}`);
  return text;
}

function shown(outcome: UserOutcome): JsonObject {
  if (outcome.kind === "refused") throw new Failure("refused", toPrintable(outcome.reason));
  return renderUser(outcome.user);
}

type QueuedMail = NonNullable<Awaited<ReturnType<Storage["mailQueue"]["list"]>>>["mails"][number];

function renderMail({ lastError, occurredAt, dueAt, endedAt, ...mail }: QueuedMail): JsonObject {
  return {
    ...mail,
    ...(lastError === undefined ? {} : { lastError }),
    createdAt: occurredAt.toISOString(),
    ...(dueAt === undefined ? {} : { dueAt: dueAt.toISOString() }),
    ...(endedAt === undefined ? {} : { endedAt: endedAt.toISOString() }),
  };
}
