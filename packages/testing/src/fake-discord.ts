import { type FakeOAuth2Options, type FakeOAuth2Server, startFakeOAuth2Server } from "./fake-oauth2-server.ts";

export interface FakeDiscordPerson {
  readonly id: string;
  readonly username: string;
  readonly global_name?: string | null;
  readonly email?: string | null;
  readonly verified?: boolean;
  /** Ids of guilds. */
  readonly guilds?: readonly string[];
}

const WEEK_SECONDS = 604_800;

/** Discord as far as signing in goes. */
export function startFakeDiscord(
  options: FakeOAuth2Options<FakeDiscordPerson>,
): Promise<FakeOAuth2Server<FakeDiscordPerson>> {
  return startFakeOAuth2Server(options, {
    authorizationPath: "/api/oauth2/authorize",
    tokenPath: "/api/oauth2/token",
    clientAuthentication: "either",
    redirectUri: "sent",
    scopes: ["identify email", "identify email guilds"],
    authorizationParameters: ["prompt"],
    tokenFormat: "json",
    errorsAsSuccess: false,
    accessTokenSeconds: WEEK_SECONDS,
    refreshTokens: { rotate: true },
    unauthorized: { status: 401, body: { message: "401: Unauthorized", code: 0 } },
    hintOf: () => undefined,
    isHinted: () => false,
    apiHeaders: { accept: "application/json" },
    api: [
      {
        path: /^\/api\/users\/@me$/,
        scope: "identify",
        answer({ person: { guilds: _, email = null, verified = false, global_name = null, ...person }, scopes }) {
          const address = scopes.includes("email") ? { email, verified } : {};
          return { status: 200, body: { ...person, global_name, discriminator: "0", ...address } };
        },
      },
      {
        path: /^\/api\/users\/@me\/guilds$/,
        scope: "guilds",
        parameters: ["limit", "after"],
        answer({ person: { guilds = [] }, parameters: { limit = "200", after = "0" } }) {
          const known = [...guilds].sort((left, right) => (BigInt(left) < BigInt(right) ? -1 : 1));
          const rest = known.filter((id) => BigInt(id) > BigInt(after)).slice(0, Number(limit));
          return { status: 200, body: rest.map((id) => ({ id, name: `guild ${id}`, owner: false })) };
        },
      },
    ],
  });
}
