// Bitbucket Cloud: the person, the confirmed addresses, and the workspaces that may let somebody in.
import type { Logger } from "@dex/runtime";
import * as z from "zod";
import { keepAllowed } from "../allowed-groups.ts";
import type { AskedOfUpstream } from "../connector.ts";
import type { MappingTrace } from "../connector-kind.ts";
import { LoginRefused, notPermitted } from "../login-refused.ts";
import { makeOAuth2Kind, type UpstreamPerson } from "../oauth2/oauth2.ts";
import type { UpstreamApi } from "../oauth2/upstream-api.ts";
import { requiredText, upstreamEmail, upstreamText } from "../upstream-text.ts";
import { bitbucketConfigSchema } from "./config.ts";

const userSchema = z.object({ uuid: requiredText(), username: upstreamText(), display_name: upstreamText() });
const next = z.string().max(2048).nullish();
const emailsSchema = z.object({
  values: z.array(z.object({ email: upstreamEmail(), is_primary: z.boolean(), is_confirmed: z.boolean() })).max(100),
  next,
});
type Address = z.infer<typeof emailsSchema>["values"][number];
// It stands in a path of ours later: a slug is no path.
const slug = z
  .string()
  .regex(/^[\w.-]{1,255}$/)
  .refine((text) => !/^\.+$/.test(text));
const workspacesSchema = z.object({ values: z.array(z.object({ workspace: z.object({ slug }) })).max(100), next });
const permissionSchema = z.object({ permission: requiredText(64) });

/** The name that dex v1 gave the type. It sent `redirect_uri`; dex v2 left it to what is registered at Bitbucket. */
export const bitbucketKind = makeBitbucketKind("bitbucket", "sent");
export const bitbucketCloudKind = makeBitbucketKind("bitbucket-cloud", "registered");

function makeBitbucketKind(type: string, redirectUri: "sent" | "registered") {
  return makeOAuth2Kind({
    type,
    title: "Bitbucket Cloud",
    capabilities: { refresh: "yes", groups: "yes", preferredUsername: "yes" },
    schema: bitbucketConfigSchema,
    secretAudience: ["baseURL", "apiURL"],
    toProvider(config, { logger, trace }) {
      if (config.includeTeamGroups) logger.warn("includeTeamGroups does nothing", { type });
      const site = config.baseURL ?? "https://bitbucket.org";
      const api = (config.apiURL ?? "https://api.bitbucket.org").replace(/\/+$/, "");
      return {
        authorizationEndpoint: `${site.replace(/\/+$/, "")}/site/oauth2/authorize`,
        tokenEndpoint: `${site.replace(/\/+$/, "")}/site/oauth2/access_token`,
        apiUrl: api,
        scopes: ["account", "email"],
        clientAuthentication: "client_secret_basic",
        redirectUri,
        refresh: "token",
        readPerson: (upstream, asked) =>
          readPerson({ api: upstream, userUrl: `${api}/2.0/user`, config, logger, trace }, asked),
      };
    },
  });
}

interface Reading {
  readonly api: UpstreamApi;
  readonly userUrl: string;
  readonly config: z.infer<typeof bitbucketConfigSchema>;
  readonly logger: Logger;
  readonly trace: ((event: MappingTrace) => void) | undefined;
}

async function readPerson(reading: Reading, asked: AskedOfUpstream): Promise<UpstreamPerson> {
  const { api, userUrl, config, trace } = reading;
  const { body: user } = await api.get(userUrl, userSchema);
  const pages = await api.pages(`${userUrl}/emails`, emailsSchema, ({ body }) => body.next ?? undefined);
  const address = chooseAddress(pages.flatMap(({ values }) => values));
  const { teams = [], trustedEmailProvider = true } = config;
  const found = teams.length > 0 || asked.groups ? await readWorkspaces(reading) : undefined;
  const groups = teams.length > 0 ? keepAllowed(found ?? [], teams) : found;
  if (teams.length > 0) trace?.({ kind: "rule", rule: "teams", before: found ?? [], after: groups ?? [] });
  if (teams.length > 0 && groups?.length === 0) throw notPermitted("in none of the configured teams");
  return {
    remoteId: user.uuid,
    email: address?.email,
    emailVerified: trustedEmailProvider && address?.email !== undefined && address.is_confirmed,
    displayName: user.display_name ?? user.username,
    preferredUsername: user.username,
    groups,
  };
}

/** Pure. The confirmed primary address, else the first confirmed one, else the primary one, which proves nothing. */
export function chooseAddress(addresses: readonly Address[]): Address | undefined {
  const confirmed = addresses.filter(({ is_confirmed }) => is_confirmed);
  return (
    confirmed.find(({ is_primary }) => is_primary) ?? confirmed[0] ?? addresses.find(({ is_primary }) => is_primary)
  );
}

async function readWorkspaces({ api, userUrl, config, logger }: Reading): Promise<readonly string[]> {
  const first = `${userUrl}/workspaces`;
  const pages = await api.pages(first, workspacesSchema, ({ body }) => body.next ?? undefined);
  const slugs = pages.flatMap(({ values }) => values.map(({ workspace }) => workspace.slug));
  if (!config.getWorkspacePermissions) return slugs;
  const groups: string[] = [];
  for (const one of slugs) {
    groups.push(one);
    try {
      const { body } = await api.get(`${first}/${one}/permission`, permissionSchema);
      groups.push(`${one}:${body.permission}`);
    } catch (error) {
      // As in dex v2: what is not known about one workspace lets nobody in, and keeps nobody out of the others. A server
      // in trouble says nothing, neither way.
      if (!(error instanceof LoginRefused) || error.refusal.kind !== "refused") throw error;
      logger.warn("workspace permission not read", { detail: error.message });
    }
  }
  return groups;
}
