import { type ConnectorKind, describeIssues, knownMembers } from "../connector-kind.ts";
import { displayNameOf } from "../display-name.ts";
import { localConfigSchema } from "./config.ts";

/** Our own users. The connector is handed the password check and knows nothing of users itself. */
export const localKind: ConnectorKind = {
  type: "local",
  title: "Local passwords",
  capabilities: {
    login: "password",
    refresh: "yes", // our own record of the person is read with every refresh
    groups: "no",
    preferredUsername: "no",
    tokenIdentity: "no",
    upstreamLogout: "no",
  },
  schema: localConfigSchema,
  secretFields: [],
  secretAudience: [],
  parse(config) {
    const parsed = localConfigSchema.safeParse(config);
    return parsed.success
      ? { kind: "config", config: knownMembers(config, localConfigSchema) }
      : { kind: "refused", reason: describeIssues(parsed.error) };
  },
  open(stored, { checkPassword }) {
    const parsed = localConfigSchema.safeParse(stored.config);
    if (!parsed.success) return { kind: "refused", id: stored.id, reason: describeIssues(parsed.error) };
    return {
      kind: "connector",
      connector: {
        id: stored.id,
        type: stored.type,
        displayName: displayNameOf(stored),
        login: {
          kind: "password",
          loginLabel: "email address",
          verify: (input) => checkPassword({ ...input, connectorId: stored.id }),
        },
      },
    };
  },
};
