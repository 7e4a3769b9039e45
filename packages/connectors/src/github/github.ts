// GitHub and GitHub Enterprise: the person, the verified addresses (hidden ones too), organisations and teams.
import * as z from "zod";
import type { AskedOfUpstream } from "../connector.ts";
import type { MappingTrace } from "../connector-kind.ts";
import { makeOAuth2Kind, type UpstreamPerson } from "../oauth2/oauth2.ts";
import { nextLink, type UpstreamApi } from "../oauth2/upstream-api.ts";
import { readRootCa } from "../root-ca.ts";
import { requiredText, upstreamEmail, upstreamText } from "../upstream-text.ts";
import { type GithubConfig, type GithubServer, githubConfigSchema, githubServer } from "./config.ts";
import { chooseAddress } from "./email.ts";
import { needsOrganisations, readGroups } from "./groups.ts";

const userSchema = z.object({
  id: z.int().positive(),
  // It stands in a path later.
  login: z.string().regex(/^[\w.-]{1,100}$/),
  name: upstreamText(),
  email: upstreamEmail(),
});
const emailsSchema = z
  .array(z.object({ email: requiredText(254), verified: z.boolean(), primary: z.boolean() }))
  .max(200);

export const githubKind = makeOAuth2Kind({
  type: "github",
  title: "GitHub",
  capabilities: {
    refresh: "yes",
    groups: "if `orgs`, `org` or `loadAllGroups` is set",
    preferredUsername: "yes",
  },
  schema: githubConfigSchema,
  secretAudience: ["hostName", "baseURL", "apiURL", "rootCA"],
  toProvider(config, { trace }) {
    const server = githubServer(config);
    return {
      authorizationEndpoint: `${server.site}/login/oauth/authorize`,
      tokenEndpoint: `${server.site}/login/oauth/access_token`,
      apiUrl: server.api,
      scopes: (asked) => ["user:email", ...(needsOrganisations(config, asked) ? ["read:org"] : [])],
      clientAuthentication: "client_secret_post",
      apiHeaders: { accept: "application/vnd.github+json", "x-github-api-version": "2022-11-28", "user-agent": "dex" },
      rootCa: config.rootCA === undefined ? undefined : readRootCa("rootCA", config.rootCA),
      // GitHub has no way to ask for the password again; it can only let the person choose an account.
      wishParameters: ({ selectAccount, reauthenticate, loginHint }) => ({
        ...(selectAccount || reauthenticate ? { prompt: "select_account" } : {}),
        ...(loginHint === undefined ? {} : { login: loginHint.slice(0, 255) }),
      }),
      refresh: "token",
      readPerson: (api, asked) => readPerson({ api, server, config, trace }, asked),
    };
  },
});

interface Reading {
  readonly api: UpstreamApi;
  readonly server: GithubServer;
  readonly config: GithubConfig;
  readonly trace: ((event: MappingTrace) => void) | undefined;
}

async function readPerson({ api, server, config, trace }: Reading, asked: AskedOfUpstream): Promise<UpstreamPerson> {
  const { body: user } = await api.get(`${server.api}/user`, userSchema);
  const addresses = (await api.pages(`${server.api}/user/emails?per_page=100`, emailsSchema, nextLink)).flat();
  const known = server.enterprise ? addresses.map((address) => ({ ...address, verified: true })) : addresses;
  const address = chooseAddress(known, config.preferredEmailDomain);
  trace?.({ kind: "rule", rule: "the address that is taken", before: known, after: address ?? null });
  return {
    remoteId: config.insecureUseLoginAsID ? user.login : String(user.id),
    // What the profile shows may be any text; it is taken only where no address is listed.
    email: address?.email ?? user.email,
    emailVerified: (config.trustedEmailProvider ?? true) && address?.verified === true,
    displayName: user.name ?? user.login,
    preferredUsername: user.login,
    groups: await readGroups({ api, apiUrl: server.api, login: user.login }, config, asked),
  };
}
