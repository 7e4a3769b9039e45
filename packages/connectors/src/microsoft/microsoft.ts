// Microsoft Entra ID and personal accounts: the person and the groups, both from Microsoft Graph.
import * as z from "zod";
import type { AskedOfUpstream, UpstreamWish } from "../connector.ts";
import type { ConnectorParts } from "../connector-kind.ts";
import { makeOAuth2Kind, type UpstreamPerson } from "../oauth2/oauth2.ts";
import type { UpstreamApi } from "../oauth2/upstream-api.ts";
import { requiredText, upstreamEmail, upstreamText } from "../upstream-text.ts";
import { readClientAssertion } from "./client-assertion.ts";
import { hasManyTenants, type MicrosoftConfig, microsoftConfigSchema } from "./config.ts";
import { readGroups } from "./groups.ts";

const userSchema = z.object({
  id: requiredText(),
  displayName: upstreamText(256),
  userPrincipalName: upstreamEmail(),
  mailNickname: upstreamText(),
  onPremisesSamAccountName: upstreamText(),
});
type User = z.infer<typeof userSchema>;
const FIELDS = Object.keys(userSchema.shape).join(",");

/** What `preferredUsernameField` may name; anything else leaves the name out, as dex v2 does. */
const PREFERRED: Readonly<Record<string, (user: User, email: string | undefined) => string | undefined>> = {
  name: ({ displayName }) => displayName,
  email: (_, email) => email,
  mailNickname: ({ mailNickname }) => mailNickname,
  onPremisesSamAccountName: ({ onPremisesSamAccountName }) => onPremisesSamAccountName,
};

export const microsoftKind = makeOAuth2Kind({
  type: "microsoft",
  title: "Microsoft",
  capabilities: {
    refresh: "yes",
    groups: "if `tenant` names one organisation",
    preferredUsername: "if `preferredUsernameField` is set",
  },
  schema: microsoftConfigSchema,
  secretAudience: ["tenant", "apiURL", "graphURL"],
  clientSecret: "optional",
  toProvider(config, { logger, trace }) {
    const { tenant = "common", clientAssertion, preferredUsernameField } = config;
    if (preferredUsernameField && preferred(preferredUsernameField) === undefined) {
      logger.warn("microsoft connector: preferredUsernameField names no field", { expected: Object.keys(PREFERRED) });
    }
    const server = trimmed(config.apiURL ?? "https://login.microsoftonline.com");
    const graph = trimmed(config.graphURL ?? "https://graph.microsoft.com");
    return {
      authorizationEndpoint: `${server}/${tenant}/oauth2/v2.0/authorize`,
      tokenEndpoint: `${server}/${tenant}/oauth2/v2.0/token`,
      apiUrl: graph,
      scopes: (asked) => [
        ...(config.scopes?.length ? config.scopes : ["user.read"]),
        ...(needsGroups(config, asked) ? ["directory.read.all"] : []),
        ...(asked.offlineAccess ? ["offline_access"] : []),
      ],
      clientAuthentication:
        clientAssertion === undefined
          ? "client_secret_post"
          : { assertion: () => readClientAssertion(clientAssertion) },
      refresh: "token",
      wishParameters: (wish) => wishParameters(wish, config),
      readPerson: (api, asked) => readPerson(api, graph, config, { asked, trace }),
    };
  },
});

/** Restrictions hold whether or not the client asked for groups. */
function needsGroups(config: MicrosoftConfig, { groups }: AskedOfUpstream): boolean {
  return (groups || (config.groups?.length ?? 0) > 0) && !hasManyTenants(config);
}

function wishParameters({ reauthenticate, selectAccount, loginHint }: UpstreamWish, config: MicrosoftConfig) {
  const wished = reauthenticate ? "login" : selectAccount ? "select_account" : undefined;
  // Microsoft takes one value. What the person's request wants goes before what is always sent.
  const prompt = wished ?? config.promptType;
  return {
    ...(prompt ? { prompt } : {}),
    ...(config.domainHint === undefined ? {} : { domain_hint: config.domainHint }),
    ...(loginHint === undefined ? {} : { login_hint: loginHint.slice(0, 255) }),
  };
}

async function readPerson(
  api: UpstreamApi,
  graph: string,
  config: MicrosoftConfig,
  { asked, trace }: { readonly asked: AskedOfUpstream; readonly trace: ConnectorParts["trace"] },
): Promise<UpstreamPerson> {
  const { body: user } = await api.get(`${graph}/v1.0/me?$select=${FIELDS}`, userSchema);
  const name = user.userPrincipalName;
  const email = config.emailToLowercase ? name?.toLowerCase() : name;
  if (email !== name) trace?.({ kind: "rule", rule: "emailToLowercase", before: name, after: email });
  return {
    remoteId: user.id,
    email,
    // Every tenant's administrator names people as they like: only where there is one tenant is that somebody we know.
    emailVerified: (config.trustedEmailProvider ?? true) && email !== undefined && !hasManyTenants(config),
    displayName: user.displayName?.slice(0, 255),
    preferredUsername: preferred(config.preferredUsernameField)?.(user, email),
    groups: needsGroups(config, asked) ? await readGroups(api, graph, config, trace) : undefined,
  };
}

function preferred(field = "") {
  return Object.hasOwn(PREFERRED, field) ? PREFERRED[field] : undefined;
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, "");
}
