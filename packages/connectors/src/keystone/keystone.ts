// OpenStack Keystone: name and password, checked by getting a token, and the groups of the person.
import * as z from "zod";
import type { AskedOfUpstream, CheckStep, StoredConnector } from "../connector.ts";
import { type ConnectorKind, type ConnectorParts, describeIssues, knownMembers } from "../connector-kind.ts";
import { makeJsonUpstream } from "../json-upstream.ts";
import {
  describeRefusal,
  invalidAnswer,
  LoginRefused,
  notPermitted,
  outcomeOf,
  unavailable,
  userGone,
} from "../login-refused.ts";
import { checkClock } from "../oauth2/check.ts";
import { readTls } from "../oauth2/config-members.ts";
import {
  makePasswordConnector,
  type PasswordPerson,
  type PasswordProvider,
  type TypedPassword,
  wrongPassword,
} from "../password-connector.ts";
import { type Administrator, makeAdministrator } from "./administrator.ts";
import { type KeystoneConfig, keystoneConfigSchema, toDomain } from "./config.ts";
import { type Keystone, type KeystoneToken, type KeystoneUser, makeKeystone } from "./keystone-api.ts";

export const keystoneKind: ConnectorKind = {
  type: "keystone",
  title: "OpenStack Keystone",
  capabilities: {
    login: "password",
    refresh: "if `keystoneUsername` is set",
    groups: "yes",
    preferredUsername: "no",
    tokenIdentity: "no",
    upstreamLogout: "no",
  },
  schema: keystoneConfigSchema,
  secretFields: ["keystonePassword"],
  secretAudience: ["keystoneHost", "domain", "keystoneUsername", "rootCAs", "insecureSkipVerify"],
  parse(config) {
    const parsed = keystoneConfigSchema.safeParse(config);
    return parsed.success
      ? { kind: "config", config: knownMembers(config, keystoneConfigSchema) }
      : { kind: "refused", reason: describeIssues(parsed.error) };
  },
  open(stored, parts) {
    const refused = (reason: string) => ({ kind: "refused" as const, id: stored.id, reason });
    const parsed = keystoneConfigSchema.safeParse(stored.config);
    if (!parsed.success) return refused(describeIssues(parsed.error));
    const { keystoneUsername, keystonePassword } = parsed.data;
    if (keystoneUsername !== undefined && !keystonePassword) {
      return refused("keystonePassword: expected the password of keystoneUsername");
    }
    try {
      const provider = makeKeystoneProvider(stored, parsed.data, parts);
      return { kind: "connector", connector: makePasswordConnector(stored, provider, parts) };
    } catch (error) {
      if (error instanceof Error) return refused(error.message);
      throw error;
    }
  },
};

const grantSchema = z.object({ userId: z.string().regex(/^[\w-]{1,255}$/) });

/** One Keystone as configured. */
interface Opened {
  readonly connectorId: string;
  readonly config: KeystoneConfig;
  readonly keystone: Keystone;
  readonly administrator: Administrator | undefined;
  readonly parts: ConnectorParts;
}

function makeKeystoneProvider(
  { id: connectorId }: StoredConnector,
  config: KeystoneConfig,
  parts: ConnectorParts,
): PasswordProvider {
  const { clock } = parts;
  const base = config.keystoneHost.replace(/\/+$/, "");
  const keystone = makeKeystone(makeJsonUpstream({ base, headers: {}, tls: readTls(config), clock }));
  const { keystoneUsername: name, keystonePassword: password } = config;
  const administrator =
    name === undefined || !password
      ? undefined
      : makeAdministrator(keystone, { name, password, domain: toDomain(config.domain) }, clock);
  const opened: Opened = { connectorId, config, keystone, administrator, parts };
  return {
    loginLabel: config.usernamePrompt ?? "user name",
    authenticate: (typed) => authenticate(opened, typed),
    reread:
      administrator === undefined ? undefined : (grant, asked, signal) => reread(opened, grant, { asked, signal }),
    check: (signal) => check(opened, signal),
  };
}

async function authenticate(opened: Opened, { login, password, asked, signal, admit }: TypedPassword) {
  const { config, keystone } = opened;
  const domain = toDomain(config.domain);
  const userId = await findUserId(opened, login, signal);
  await admit(userId ?? `nobody called ${fold(login)}`);
  const signedIn = await keystone.signIn({ name: login, password, domain }, signal);
  if (signedIn.kind === "refused") throw new LoginRefused(wrongPassword(`keystone: ${signedIn.detail}`));
  const { token } = signedIn;
  if (userId !== undefined && token.userId !== userId) throw invalidAnswer("keystone: the name has changed hands");
  if ("id" in domain ? token.domain.id !== domain.id : token.domain.name.toLowerCase() !== domain.name.toLowerCase()) {
    throw invalidAnswer("keystone: the user is of another domain");
  }
  const read = await keystone.readUser(token, token.userId, signal);
  // The policy there may keep people from reading themselves: then there is no address.
  const user = typeof read === "object" ? read : { id: token.userId, name: token.userName, enabled: true };
  const person = await toPerson(opened, user, { token, asked, signal });
  return { person, grant: { userId: token.userId } };
}

/**
 * Whom attempts with this name are counted on. Undefined for nobody, and where no administrator could say: then it is the name
 * itself that is counted.
 */
async function findUserId({ administrator, keystone, connectorId, parts }: Opened, name: string, signal: AbortSignal) {
  if (administrator === undefined) return undefined;
  const found = await outcomeOf(() => administrator.use((token) => keystone.findUserId(token, name, signal)));
  if (found === undefined || typeof found === "string") return found;
  // As in dex v2, a wrong password of the administrator keeps nobody out.
  parts.logger.warn("keystone user not found beforehand", { connectorId, detail: describeRefusal(found) });
  return undefined;
}

/** Pure. One text for all spellings of a name that a database may take for the same. */
function fold(name: string): string {
  return name.normalize("NFKD").replace(/\p{M}/gu, "").trim().toLowerCase();
}

interface Reading {
  readonly token: KeystoneToken;
  readonly asked: AskedOfUpstream;
  readonly signal: AbortSignal;
}

async function toPerson(
  { keystone, connectorId, config, parts }: Opened,
  user: Omit<KeystoneUser, "email"> & Partial<Pick<KeystoneUser, "email">>,
  { token, asked, signal }: Reading,
): Promise<PasswordPerson> {
  parts.trace?.({ kind: "claims", source: "keystone user", claims: user });
  if (!user.enabled) throw notPermitted("the account is disabled");
  const groups = asked.groups ? await keystone.groupsOf(token, user.id, signal) : undefined;
  if (groups !== undefined) parts.trace?.({ kind: "claims", source: "keystone groups", claims: groups });
  if (groups?.truncated) parts.logger.warn("keystone groups cut off by list_limit", { connectorId });
  const { email } = user;
  return {
    remoteId: user.id,
    email,
    emailVerified: (config.trustedEmailProvider ?? true) && email !== undefined,
    displayName: user.name,
    preferredUsername: undefined,
    groups: groups?.names,
  };
}

async function reread(opened: Opened, grant: unknown, { asked, signal }: Omit<Reading, "token">) {
  const { administrator, keystone } = opened;
  const known = grantSchema.safeParse(grant);
  if (!known.success || administrator === undefined) throw invalidAnswer("the stored grant is of another kind");
  const { userId } = known.data;
  return administrator.use(async (token) => {
    const user = await keystone.readUser(token, userId, signal);
    if (user === undefined) throw userGone("the user is gone");
    if (user === "hidden") throw unavailable("keystone: the administrator may not read users");
    return toPerson(opened, user, { token, asked, signal });
  });
}

/** Of no user, whatever the domain has. */
const NOBODY = { name: "dex-check-no-such-user", password: "dex-check-no-such-password" };

async function check({ keystone, config, administrator, parts }: Opened, signal: AbortSignal): Promise<CheckStep[]> {
  const tried = await outcomeOf(() => keystone.signIn({ ...NOBODY, domain: toDomain(config.domain) }, signal));
  const service = "identity service";
  if (tried.kind === "token") return [{ name: service, ok: false, detail: "gave a token to nobody" }];
  if (!("date" in tried)) return [{ name: service, ok: false, detail: describeRefusal(tried) }];
  const steps = [
    { name: service, ok: true, detail: "refuses a user that is not there" },
    checkClock(tried.date, parts.clock()),
  ];
  const name = "administrator";
  if (administrator === undefined) return [...steps, { name, ok: true, detail: "not configured: nobody is refreshed" }];
  const read = await outcomeOf(() => administrator.use((token) => keystone.findUserId(token, NOBODY.name, signal)));
  const refused = typeof read === "object" ? describeRefusal(read) : undefined;
  return [...steps, { name, ok: refused === undefined, detail: refused ?? "may read the users of the domain" }];
}
