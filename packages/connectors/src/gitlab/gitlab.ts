// GitLab, gitlab.com or an instance of one's own: the person, and the groups with the person's role in them.
import * as z from "zod";
import type { AskedOfUpstream } from "../connector.ts";
import type { ConnectorParts } from "../connector-kind.ts";
import { invalidAnswer } from "../login-refused.ts";
import { makeOAuth2Kind, readTls, type UpstreamPerson } from "../oauth2/oauth2.ts";
import type { UpstreamApi } from "../oauth2/upstream-api.ts";
import { readRootCas } from "../root-ca.ts";
import { requiredText, upstreamEmail, upstreamText } from "../upstream-text.ts";
import { type GitlabConfig, gitlabConfigSchema, gitlabScopes } from "./config.ts";
import { readGroups } from "./groups.ts";

const userSchema = z.object({
  id: z.int().positive(),
  username: requiredText(),
  name: upstreamText(),
  email: upstreamEmail(),
  confirmed_at: z.string().max(64).nullish(),
});
const tokenInfoSchema = z.object({ application: z.object({ uid: requiredText(512) }) });

export const gitlabKind = makeOAuth2Kind({
  type: "gitlab",
  title: "GitLab",
  capabilities: { refresh: "yes", groups: "yes", preferredUsername: "yes", tokenIdentity: "yes" },
  schema: gitlabConfigSchema,
  secretAudience: ["baseURL", "rootCAData"],
  toProvider(config, parts) {
    const site = (config.baseURL ?? "https://gitlab.com").replace(/\/+$/, "");
    return {
      authorizationEndpoint: `${site}/oauth/authorize`,
      tokenEndpoint: `${site}/oauth/token`,
      apiUrl: site,
      scopes: ({ groups }) => gitlabScopes(config, groups),
      clientAuthentication: "client_secret_basic",
      refresh: "token",
      ...readAuthorities(config),
      admitToken: (api) => admitToken(api, site, config),
      readPerson: (api, asked) => readPerson(api, { site, config, asked, parts }),
    };
  },
});

function readAuthorities(config: GitlabConfig) {
  const { rootCa, ...tls } = readTls(config);
  const own = readRootCas("rootCAData", config.rootCAData === undefined ? [] : [config.rootCAData]);
  const both = [rootCa, own].filter((pem) => pem !== undefined).join("\n");
  return { ...tls, rootCa: both === "" ? undefined : both };
}

/** A token says nothing of whom it was issued to, but GitLab does. Any other application's would sign people in here. */
async function admitToken(api: UpstreamApi, site: string, config: GitlabConfig): Promise<void> {
  const { body } = await api.get(`${site}/oauth/token/info`, tokenInfoSchema);
  const allowed = [config.clientID, ...(config.tokenApplications ?? [])];
  if (!allowed.includes(body.application.uid)) throw invalidAnswer("the token was issued to another application");
}

async function readPerson(
  api: UpstreamApi,
  {
    site,
    config,
    asked,
    parts,
  }: { site: string; config: GitlabConfig; asked: AskedOfUpstream; parts: Pick<ConnectorParts, "logger" | "trace"> },
): Promise<UpstreamPerson> {
  const { body: user } = await api.get(`${site}/api/v4/user`, userSchema);
  const groups = await readGroups(api, { site, userId: user.id, config, groupsAsked: asked.groups, parts });
  return {
    remoteId: config.insecureUseLoginAsID ? user.username : String(user.id),
    email: user.email,
    // An instance that asks nobody to confirm addresses says nothing here.
    emailVerified: (config.trustedEmailProvider ?? true) && user.email !== undefined && Boolean(user.confirmed_at),
    displayName: user.name ?? user.email,
    preferredUsername: user.username,
    groups,
  };
}
