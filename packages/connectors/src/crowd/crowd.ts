// Atlassian Crowd: name and password, checked by opening a session there, and the groups of the person, nested ones too.
import * as z from "zod";
import type { AskedOfUpstream, CheckStep, UpstreamGrant } from "../connector.ts";
import { type ConnectorKind, type ConnectorParts, describeIssues, knownMembers } from "../connector-kind.ts";
import { makeJsonUpstream } from "../json-upstream.ts";
import { describeRefusal, invalidAnswer, LoginRefused, notPermitted, outcomeOf, userGone } from "../login-refused.ts";
import { checkClock } from "../oauth2/check.ts";
import { readTls } from "../oauth2/config-members.ts";
import {
  makePasswordConnector,
  type PasswordPerson,
  type PasswordProvider,
  type TypedPassword,
  wrongPassword,
} from "../password-connector.ts";
import { type CrowdConfig, crowdConfigSchema } from "./config.ts";
import { type Crowd, type CrowdUser, makeCrowd } from "./crowd-api.ts";

export const crowdKind: ConnectorKind = {
  type: "atlassian-crowd",
  title: "Atlassian Crowd",
  capabilities: {
    login: "password",
    refresh: "yes",
    groups: "yes",
    preferredUsername: "if `preferredUsernameField` is set",
    tokenIdentity: "no",
    upstreamLogout: "no",
  },
  schema: crowdConfigSchema,
  secretFields: ["clientSecret"],
  requiredSecrets: ["clientSecret"],
  secretAudience: ["baseURL", "clientID", "rootCAs", "insecureSkipVerify"],
  parse(config) {
    const parsed = crowdConfigSchema.safeParse(config);
    return parsed.success
      ? { kind: "config", config: knownMembers(config, crowdConfigSchema) }
      : { kind: "refused", reason: describeIssues(parsed.error) };
  },
  open(stored, parts) {
    const refused = (reason: string) => ({ kind: "refused" as const, id: stored.id, reason });
    const parsed = crowdConfigSchema.safeParse(stored.config);
    if (!parsed.success) return refused(describeIssues(parsed.error));
    if (!parsed.data.clientSecret) return refused("clientSecret: expected the password of our application there");
    const { preferredUsernameField: field } = parsed.data;
    if (field !== undefined && field !== "" && !isField(field)) {
      parts.logger.warn("crowd connector", { connectorId: stored.id, warning: "preferredUsernameField is unknown" });
    }
    try {
      return {
        kind: "connector",
        connector: makePasswordConnector(stored, makeCrowdProvider(parsed.data, parts), parts),
      };
    } catch (error) {
      if (error instanceof Error) return refused(error.message);
      throw error;
    }
  },
};

const grantSchema = z.object({ name: z.string().min(1).max(255) });

/** One Crowd as configured. */
interface Opened {
  readonly crowd: Crowd;
  readonly config: CrowdConfig;
  readonly parts: Pick<ConnectorParts, "clock" | "trace">;
}

function makeCrowdProvider(config: CrowdConfig, parts: ConnectorParts): PasswordProvider {
  const credentials = Buffer.from(`${config.clientID}:${config.clientSecret ?? ""}`).toString("base64");
  const crowd = makeCrowd(
    makeJsonUpstream({
      base: `${config.baseURL.replace(/\/+$/, "")}/rest/usermanagement/1`,
      headers: { authorization: `Basic ${credentials}` },
      tls: readTls(config),
      clock: parts.clock,
    }),
  );
  const opened: Opened = { crowd, config, parts };
  return {
    loginLabel: config.usernamePrompt ?? "user name",
    authenticate: (typed) => authenticate(opened, typed),
    reread: (grant, asked, signal) => reread(opened, grant, { asked, signal }),
    check: (signal) => check(opened, signal),
  };
}

async function authenticate(opened: Opened, { login, password, asked, signal, admit }: TypedPassword) {
  const { crowd } = opened;
  const user = await crowd.findUser(login, signal);
  await admit(user?.key ?? `nobody called ${login}`);
  // Also for nobody: the answer takes as long as one for somebody, and it is Crowd's (ACC-1).
  const session = await crowd.openSession(user?.name ?? login, password, signal);
  if (session.kind === "refused") throw new LoginRefused(wrongPassword(`crowd: ${session.reason}`));
  if (user === undefined) throw invalidAnswer("crowd: a session for a user that is not there");
  return { person: await toPerson(opened, user, { asked, signal }), grant: { name: user.name } };
}

interface Reading {
  readonly asked: AskedOfUpstream;
  readonly signal: AbortSignal;
}

async function reread(opened: Opened, grant: UpstreamGrant, reading: Reading): Promise<PasswordPerson> {
  const { crowd } = opened;
  const known = grantSchema.safeParse(grant);
  if (!known.success) throw invalidAnswer("the stored grant is of another kind");
  const user = await crowd.findUser(known.data.name, reading.signal);
  if (user === undefined) throw userGone("the user is gone");
  const person = await toPerson(opened, user, reading);
  const session = await crowd.openSession(user.name, undefined, reading.signal);
  if (session.kind === "refused") throw notPermitted(`crowd: ${session.reason}`);
  return person;
}

async function toPerson(
  { crowd, config, parts: { trace } }: Opened,
  user: CrowdUser,
  { asked, signal }: Reading,
): Promise<PasswordPerson> {
  trace?.({ kind: "claims", source: "crowd user", claims: user });
  // The password was right, or there was none: dex v2 let these in.
  if (!user.active) throw notPermitted("the account is not active");
  const needed = asked.groups || (config.groups ?? []).length > 0;
  const all = needed ? await crowd.groupsOf(user.name, signal) : undefined;
  if (all !== undefined) trace?.({ kind: "claims", source: "crowd groups", claims: all });
  const groups = all === undefined ? undefined : permittedGroups(all, config);
  if (groups?.length !== all?.length) trace?.({ kind: "rule", rule: "groups", before: all, after: groups });
  const { preferredUsernameField: field, trustedEmailProvider = true } = config;
  return {
    remoteId: user.key,
    email: user.email,
    emailVerified: trustedEmailProvider && user.email !== undefined,
    displayName: user.name,
    preferredUsername: isField(field) ? user[field] : undefined,
    groups,
  };
}

async function check({ crowd, parts: { clock } }: Opened, signal: AbortSignal): Promise<CheckStep[]> {
  const name = "application";
  const probed = await outcomeOf(() => crowd.probe(signal));
  if ("kind" in probed) return [{ name, ok: false, detail: describeRefusal(probed) }];
  const known = { name, ok: true, detail: "Crowd knows our application and takes requests of our address" };
  return [known, checkClock(probed.headers.get("date"), clock())];
}

/** Pure. Throws LoginRefused for who is in none of those that are let in. */
function permittedGroups(all: readonly string[], { groups: allowed = [] }: CrowdConfig): readonly string[] {
  if (allowed.length === 0) return all;
  const known = new Set(allowed);
  const kept = all.filter((group) => known.has(group));
  if (kept.length === 0) throw notPermitted("in none of the configured groups");
  return kept;
}

const FIELDS = ["key", "name", "email"] as const;

function isField(field: string | undefined): field is (typeof FIELDS)[number] {
  return FIELDS.some((one) => one === field);
}
