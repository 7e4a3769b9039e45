// Two connectors without an upstream, for development: whoever comes is Kilgore Trout. They open only where the process
// was started for that.
import type { JsonObject } from "@dex/runtime";
import { equalInConstantTime } from "@dex/runtime";
import * as z from "zod";
import type { Identity, ProvedIdentity, StoredConnector } from "../connector.ts";
import {
  type Capabilities,
  type ConnectorKind,
  type ConnectorParts,
  configText,
  describeIssues,
  knownMembers,
  type OpenedConnector,
  type ParsedConfig,
} from "../connector-kind.ts";
import { displayNameOf } from "../display-name.ts";
import { invalidAnswer, outcomeOf } from "../login-refused.ts";
import { wrongPassword } from "../password-connector.ts";

const callbackSchema = z.object({ name: configText(100).optional() });
const passwordSchema = z.object({
  name: configText(100).optional(),
  username: configText(255),
  password: z.string().min(1).max(1024).optional(),
});

const GRANT = { connectorData: "foobar" };

function kilgore(connectorId: string, groups: readonly string[] | undefined): Identity {
  return {
    connectorId,
    remoteId: "0-385-28089-0",
    email: "kilgore@kilgore.trout",
    emailVerified: true,
    displayName: "Kilgore Trout",
    preferredUsername: undefined,
    groups,
    authTime: undefined,
    amr: [],
  };
}

/** Signs everybody in, without asking anything. */
export const mockCallbackKind: ConnectorKind = {
  type: "mockCallback",
  title: "Mock (callback)",
  capabilities: capabilities({ login: "callback", groups: "yes", tokenIdentity: "yes" }),
  schema: callbackSchema,
  secretFields: [],
  secretAudience: [],
  parse: (config) => parse(config, callbackSchema),
  open(stored, parts) {
    const refusal = refuse(stored, parts, callbackSchema);
    if (refusal !== undefined) return refusal;
    const proved: ProvedIdentity = { kind: "identity", identity: kilgore(stored.id, ["authors"]) };
    return {
      kind: "connector",
      connector: {
        ...named(stored),
        login: {
          kind: "callback",
          async begin({ callbackUrl, state }) {
            const to = new URL(callbackUrl);
            to.searchParams.set("state", state);
            return { kind: "redirect", to: to.href, data: {} };
          },
          finish: ({ query, state, asked }) =>
            outcomeOf(async () => {
              if (state === "" || query.get("state") !== state) throw invalidAnswer("state is another one");
              return asked.offlineAccess ? { ...proved, grant: GRANT } : proved;
            }),
        },
        refresh: async () => proved,
        tokenIdentity: async () => proved,
        check,
      },
    };
  },
};

/** One name and one password. */
export const mockPasswordKind: ConnectorKind = {
  type: "mockPassword",
  title: "Mock (password)",
  capabilities: capabilities({ login: "password", groups: "no", tokenIdentity: "no" }),
  schema: passwordSchema,
  secretFields: ["password"],
  requiredSecrets: ["password"],
  secretAudience: [],
  parse: (config) => parse(config, passwordSchema),
  open(stored, parts) {
    const refusal = refuse(stored, parts, passwordSchema);
    if (refusal !== undefined) return refusal;
    const parsed = passwordSchema.safeParse(stored.config);
    const { username, password } = parsed.success ? parsed.data : { username: "", password: undefined };
    if (password === undefined) return { kind: "refused", id: stored.id, reason: "password: expected a secret" };
    const proved: ProvedIdentity = { kind: "identity", identity: kilgore(stored.id, undefined) };
    return {
      kind: "connector",
      connector: {
        ...named(stored),
        login: {
          kind: "password",
          loginLabel: "Username",
          async verify({ login, password: typed, asked }) {
            const right = login === username && equalInConstantTime(typed, password);
            if (!right) return wrongPassword("not the configured name and password");
            return asked.offlineAccess ? { ...proved, grant: GRANT } : proved;
          },
        },
        refresh: async () => proved,
        check,
      },
    };
  },
};

function capabilities(own: Pick<Capabilities, "login" | "groups" | "tokenIdentity">): Capabilities {
  return { refresh: "yes", preferredUsername: "no", upstreamLogout: "no", ...own };
}

function parse(config: JsonObject, schema: z.ZodObject): ParsedConfig {
  const parsed = schema.safeParse(config);
  return parsed.success
    ? { kind: "config", config: knownMembers(config, schema) }
    : { kind: "refused", reason: describeIssues(parsed.error) };
}

function refuse(
  { id, config }: StoredConnector,
  { mocksAllowed = false }: Pick<ConnectorParts, "mocksAllowed">,
  schema: z.ZodObject,
): OpenedConnector | undefined {
  if (!mocksAllowed) return { kind: "refused", id, reason: "mock connectors let anybody in and are not allowed here" };
  const parsed = parse(config, schema);
  return parsed.kind === "refused" ? { kind: "refused", id, reason: parsed.reason } : undefined;
}

function named(stored: StoredConnector) {
  return { id: stored.id, type: stored.type, displayName: displayNameOf(stored) };
}

async function check() {
  return [{ name: "mock", ok: true, detail: "there is no upstream" }];
}
