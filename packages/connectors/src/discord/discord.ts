// Discord: the person, and the servers (guilds) that may let somebody in.
import * as z from "zod";
import { keepAllowed } from "../allowed-groups.ts";
import { notPermitted } from "../login-refused.ts";
import { endpointUrl, makeOAuth2Kind, oauth2Members, type UpstreamPerson } from "../oauth2/oauth2.ts";
import type { UpstreamApi } from "../oauth2/upstream-api.ts";
import { requiredText, upstreamEmail, upstreamText } from "../upstream-text.ts";

/** Discord's ids: numbers of 64 bits, written as text. */
const snowflake = z.string().regex(/^\d{1,20}$/, "expected an id of Discord, in digits");

const discordConfigSchema = z.object({
  ...oauth2Members,
  /** Who is in none of these guilds may not sign in. */
  guilds: z.array(snowflake).max(100).optional(),
  /** On by default: Discord says itself which addresses are verified. */
  trustedEmailProvider: z.boolean().optional(),
  /** Another address than Discord's own, for tests. */
  baseURL: endpointUrl.optional(),
});

const userSchema = z.object({
  id: snowflake,
  username: requiredText(),
  global_name: upstreamText(),
  email: upstreamEmail(),
  verified: z.boolean().nullish(),
});
const GUILDS_ON_A_PAGE = 200;
const guildsSchema = z.array(z.object({ id: snowflake })).max(GUILDS_ON_A_PAGE);

export const discordKind = makeOAuth2Kind({
  type: "discord",
  title: "Discord",
  capabilities: { refresh: "yes", groups: "yes", preferredUsername: "yes" },
  schema: discordConfigSchema,
  secretAudience: ["baseURL"],
  toProvider({ guilds = [], trustedEmailProvider = true, baseURL = "https://discord.com" }, { trace }) {
    const api = `${baseURL.replace(/\/+$/, "")}/api`;
    return {
      authorizationEndpoint: `${api}/oauth2/authorize`,
      tokenEndpoint: `${api}/oauth2/token`,
      apiUrl: api,
      scopes: (asked) => ["identify", "email", ...(guilds.length > 0 || asked.groups ? ["guilds"] : [])],
      clientAuthentication: "client_secret_basic",
      refresh: "token",
      // Without it, who agreed before is sent back at once.
      wishParameters: ({ reauthenticate, selectAccount }) => ({
        prompt: reauthenticate || selectAccount ? "consent" : "none",
      }),
      async readPerson(upstream, asked): Promise<UpstreamPerson> {
        const { body: user } = await upstream.get(`${api}/users/@me`, userSchema);
        const found =
          guilds.length > 0 || asked.groups ? await readGuilds(upstream, `${api}/users/@me/guilds`) : undefined;
        const groups = guilds.length > 0 ? keepAllowed(found ?? [], guilds) : found;
        if (guilds.length > 0) trace?.({ kind: "rule", rule: "guilds", before: found ?? [], after: groups ?? [] });
        if (groups?.length === 0 && guilds.length > 0) throw notPermitted("in none of the configured guilds");
        return {
          remoteId: user.id,
          email: user.email,
          emailVerified: trustedEmailProvider && user.email !== undefined && user.verified === true,
          displayName: user.global_name ?? user.username,
          preferredUsername: user.username,
          groups,
        };
      },
    };
  },
});

/** By id: a name is anybody's. A full page may have another one after it. */
async function readGuilds(api: UpstreamApi, url: string): Promise<readonly string[]> {
  const first = `${url}?limit=${GUILDS_ON_A_PAGE}`;
  const pages = await api.pages(first, guildsSchema, ({ body }) =>
    body.length === GUILDS_ON_A_PAGE ? `${first}&after=${body.at(-1)?.id}` : undefined,
  );
  return pages.flat().map(({ id }) => id);
}
