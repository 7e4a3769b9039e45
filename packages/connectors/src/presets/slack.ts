import * as z from "zod";
import { notPermitted } from "../login-refused.ts";
import type { ArrivedClaims, Claims } from "../oidc/oidc.ts";
import { baseUrl, makePresetKind, withoutSlash } from "./preset.ts";

const TEAM = "https://slack.com/team_id";
/** Of ours: no claim of Slack's has a space. */
const PERSON = "team and sub";

/** Sign in with Slack. A user's id is unique in a workspace only, so that a person is both. */
export const slackKind = makePresetKind({
  type: "slack",
  title: "Slack",
  capabilities: {
    refresh: "if token rotation is on there",
    groups: "no",
    preferredUsername: "no",
    upstreamLogout: "no",
  },
  members: {
    /** Id of a workspace: only its members may sign in. */
    teamID: z
      .string()
      .regex(/^[A-Z0-9]{2,32}$/, "expected the id of a workspace, such as T0123ABCD")
      .optional(),
    baseURL: baseUrl,
  },
  secretAudience: ["baseURL"],
  issuer: ({ baseURL = "https://slack.com" }) => withoutSlash(baseURL),
  // A refresh there gives no ID token.
  defaults: () => ({ getUserInfo: true, promptType: "" }),
  remoteIdClaim: PERSON,
  hooks: ({ teamID }) => ({
    authorizationParameters: (): Record<string, string> => (teamID === undefined ? {} : { team: teamID }),
    claims(arrived) {
      const team = arrived.idToken?.[TEAM] ?? arrived.userInfo?.[TEAM];
      if (teamID !== undefined && team !== teamID) throw notPermitted("not of the workspace");
      return withPerson(arrived, team);
    },
  }),
});

/** Where the workspace is not told, there is no person either, and the login is refused for that. */
function withPerson({ idToken, userInfo }: ArrivedClaims, team: unknown): ArrivedClaims {
  const add = (claims: Claims | undefined) =>
    claims && { ...claims, [PERSON]: isId(team) && isId(claims.sub) ? `${team}/${claims.sub}` : undefined };
  return { idToken: add(idToken), userInfo: add(userInfo) };
}

function isId(value: unknown): value is string {
  return typeof value === "string" && /^[A-Z0-9]{1,64}$/.test(value);
}
