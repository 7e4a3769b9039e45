// Name and password, checked by a directory: find the one entry, bind as it, read who it is and which groups it is in.
import * as z from "zod";
import { UpstreamUnreachable } from "../bounded-fetch.ts";
import { type CircuitBreaker, makeCircuitBreaker } from "../circuit-breaker.ts";
import type { Identity, LoginOutcome, PasswordLogin, StoredConnector } from "../connector.ts";
import type { AttemptAdmission, ConnectorKind } from "../connector-kind.ts";
import { displayNameOf } from "../display-name.ts";
import { invalidAnswer, LoginRefused, outcomeOf, unavailable } from "../login-refused.ts";
import { LDAP_SECRET_AUDIENCE, ldapConfigSchema, openLdapSettings, parseLdapConfig } from "./config.ts";
import { type LdapConnection, type LdapEntry, openLdapConnection } from "./connection.ts";
import { readGroups, valuesOf } from "./groups.ts";
import { makePool, type Pool } from "./pool.ts";
import { isDnAttribute, type LdapSettings } from "./settings.ts";

export const ldapKind: ConnectorKind = {
  type: "ldap",
  title: "LDAP",
  capabilities: {
    login: "password",
    refresh: "no",
    groups: "if `groupSearch` is set",
    preferredUsername: "if `preferredUsernameAttr` is set",
    tokenIdentity: "no",
    upstreamLogout: "no",
  },
  schema: ldapConfigSchema,
  secretFields: ["bindPW", "searchBindPw"],
  secretAudience: LDAP_SECRET_AUDIENCE,
  parse: parseLdapConfig,
  open(stored, { clock, logger, admitAttempt = async () => ({ kind: "try" }) }) {
    const opened = openLdapSettings(stored.config);
    if (opened.kind === "refused") return { kind: "refused", id: stored.id, reason: opened.reason };
    const { settings } = opened;
    for (const warning of settings.warnings) logger.warn("ldap connector", { connectorId: stored.id, warning });
    // The pool bounds how many are on their way, the breaker whether anybody is sent at all.
    const breaker = makeCircuitBreaker(clock, { maxInFlight: settings.poolSize + POOL_LIMITS.maxWaiting });
    const pool = openPool(settings);
    return {
      kind: "connector",
      connector: {
        id: stored.id,
        type: stored.type,
        displayName: displayNameOf(stored),
        login: makeLdapLogin(stored, { settings, pool, breaker, admitAttempt }),
        close: pool.close,
      },
    };
  },
};

const MAX_LOGIN_LENGTH = 255;
const MAX_PASSWORD_BYTES = 1024;
const POOL_LIMITS = { waitMilliseconds: 5_000, useMilliseconds: 10_000, idleMilliseconds: 300_000, maxWaiting: 200 };

/** Connections that are bound as the service account, or as nobody, whenever they are handed out. */
export function openPool(settings: LdapSettings): Pool<LdapConnection> {
  return makePool({
    size: settings.poolSize,
    open: () => openLdapConnection(settings.server),
    prepare: (connection) => becomeService(connection, settings),
    limits: POOL_LIMITS,
  });
}

async function becomeService(connection: LdapConnection, { service, find }: LdapSettings): Promise<void> {
  if (service === undefined) return becomeNobody(connection, find.kind === "search");
  const bound = await connection.bind(service.dn, service.password.reveal());
  if (bound !== "bound") throw unavailable("the service account's password is refused");
}

/** Many directories forbid it, which only matters to who searches as nobody. Any answer shows that the server is there. */
async function becomeNobody(connection: LdapConnection, needed: boolean): Promise<void> {
  try {
    await connection.bindAsNobody();
  } catch (error) {
    if (needed || !(error instanceof LoginRefused)) throw error;
  }
}

export function makeLdapLogin(
  stored: Pick<StoredConnector, "id">,
  parts: {
    settings: LdapSettings;
    pool: Pool<LdapConnection>;
    breaker: CircuitBreaker;
    admitAttempt: AttemptAdmission;
  },
): PasswordLogin {
  const { settings, pool, breaker } = parts;

  async function check(
    connection: LdapConnection,
    { login, password, source, now }: Typed,
  ): Promise<Omit<Identity, "authTime">> {
    const admit = async (remoteId: string) => {
      const admitted = await parts.admitAttempt({ connectorId: stored.id, remoteId, source, now });
      if (admitted.kind === "throttled") throw new LoginRefused(admitted);
    };
    const entry = await authenticate(connection, settings, { login, password, admit });
    const groups = await groupsOf(connection, settings, entry);
    const identity = toIdentity(entry, settings, groups);
    return { ...identity, connectorId: stored.id };
  }

  return {
    kind: "password",
    loginLabel: settings.loginLabel,
    async verify({ login, password, source, now }): Promise<LoginOutcome> {
      // LDA-2. An empty password makes a bind that succeeds as nobody; servers differ on what spaces and NUL make of it.
      if (password.trim() === "" || /\0/.test(password) || Buffer.byteLength(password) > MAX_PASSWORD_BYTES) {
        return wrong("a password that is not sent to a directory");
      }
      if (login.trim() === "" || login.length > MAX_LOGIN_LENGTH) return wrong("a name that is not looked for");
      const admission = breaker.admit();
      if (admission.kind === "refused") return { kind: "unavailable", detail: admission.reason };
      let answered = true;
      try {
        return await outcomeOf(async () => {
          try {
            const identity = await pool.use((connection) => check(connection, { login, password, source, now }));
            return { kind: "identity", identity: { ...identity, authTime: now } };
          } catch (error) {
            answered = !(error instanceof UpstreamUnreachable);
            throw error;
          }
        });
      } finally {
        admission.settle(answered ? "answered" : "failed");
      }
    },
  };
}

type Typed = Omit<Parameters<PasswordLogin["verify"]>[0], "asked">;

/** `admit` counts the attempt on somebody before a password is tried, whether they exist or not (ACC-1, ACC-3). */
async function authenticate(
  connection: LdapConnection,
  settings: LdapSettings,
  { login, password, admit }: Pick<Typed, "login" | "password"> & { admit: (remoteId: string) => Promise<void> },
): Promise<LdapEntry> {
  const { find } = settings;
  const attributes = wantedAttributes(settings);
  if (find.kind === "bind") {
    const dn = find.dnFor(login);
    // ASSUMES: the id is the DN, as it is in dex v1. Under another id the count is not forgiven after a success.
    await admit(dn);
    await bindAsPerson(connection, dn, password);
    const filter = "(objectClass=*)";
    const entries = await connection.search({ baseDn: dn, scope: "base", filter, attributes, limit: 2 });
    return theOne(entries, "the entry cannot be read by the person it is about");
  }
  const { baseDn, scope } = find;
  const entries = await connection.search({ baseDn, scope, filter: find.filterFor(login), attributes, limit: 2 });
  const [found] = entries;
  await admit(
    found === undefined ? `nobody called ${login}` : (valuesOf(found, settings.attributes.id)[0] ?? found.dn),
  );
  const entry = theOne(entries, "no entry has this name");
  await bindAsPerson(connection, entry.dn, password);
  return entry;
}

function theOne(entries: readonly LdapEntry[], none: string): LdapEntry {
  const [entry, second] = entries;
  if (entry === undefined) throw new LoginRefused(wrong(none));
  // LDA-3. Whose password is right decides nothing: who may sign in would depend on the order of a search.
  if (second !== undefined) throw invalidAnswer("more than one entry has this name");
  return entry;
}

async function bindAsPerson(connection: LdapConnection, dn: string, password: string): Promise<void> {
  const bound = await connection.bind(dn, password);
  if (bound !== "bound") throw new LoginRefused(wrong("wrong password, or a locked account"));
}

async function groupsOf(connection: LdapConnection, settings: LdapSettings, person: LdapEntry) {
  const { groups } = settings;
  if (groups === undefined) return undefined;
  await becomeService(connection, settings);
  return readGroups(connection, person, groups);
}

function wantedAttributes({ attributes, groups }: LdapSettings): readonly string[] {
  const { id, email, name, preferredUsername } = attributes;
  const names = [id, email, name, preferredUsername, ...(groups?.matchers ?? []).map((one) => one.userAttribute)];
  return names.filter((one) => one !== undefined).filter((one) => !isDnAttribute(one));
}

const value = z
  .string()
  .min(1)
  .max(255)
  .regex(/^\P{Cc}*$/u);

/** Pure. Who an entry is. Throws LoginRefused where a configured attribute is missing: it names the attributes. */
export function toIdentity(
  entry: LdapEntry,
  { attributes, trustedEmailProvider }: LdapSettings,
  groups: readonly string[] | undefined,
): Omit<Identity, "connectorId" | "authTime"> {
  const unusable: string[] = [];
  const read = (attribute: string | undefined) => {
    if (attribute === undefined) return undefined;
    const parsed = value.safeParse(valuesOf(entry, attribute)[0]);
    if (!parsed.success) unusable.push(attribute);
    return parsed.data;
  };
  const remoteId = read(attributes.id) ?? "";
  const displayName = read(attributes.name);
  const preferredUsername = read(attributes.preferredUsername);
  const local = attributes.email === undefined ? (displayName ?? remoteId) : undefined;
  const email = local === undefined ? read(attributes.email) : `${local}@${attributes.emailSuffix}`;
  if (unusable.length > 0) throw invalidAnswer(`the entry has no usable ${unusable.join(", ")}`);
  return {
    remoteId,
    email,
    emailVerified: email !== undefined && trustedEmailProvider,
    displayName,
    preferredUsername,
    groups,
    amr: ["pwd"],
  };
}

function wrong(detail: string): { kind: "refused"; reason: "invalid credentials"; detail: string } {
  return { kind: "refused", reason: "invalid credentials", detail };
}
