// The configuration of a generic `oauth` connector, in the words of dex v2.
import * as z from "zod";
import { configText } from "../connector-kind.ts";
import { endpointUrl, oauth2Members, tlsMembers } from "../oauth2/oauth2.ts";

const key = configText(100);
/** Members that are given up, and belong to somebody else later (ACC-14). */
const CHANGEABLE: ReadonlySet<string> = new Set([
  ...["email", "mail", "name", "login", "nickname", "preferred_username", "user_name", "username", "phone_number"],
]);

export const oauthConfigSchema = z.object({
  ...oauth2Members,
  ...tlsMembers,
  authorizationURL: endpointUrl,
  tokenURL: endpointUrl,
  /** May have a query, where a provider wants to be told what to tell. */
  userInfoURL: z
    .string()
    .max(2048)
    .refine(
      (text) => endpointUrl.safeParse(text.replace(/\?[^#\s]*$/, "")).success,
      "expected an absolute https URL (http on loopback only)",
    ),
  scopes: z.array(configText(255)).max(50).optional(),
  /** The member that identifies a person for ever. */
  userIDKey: key.refine((name) => !CHANGEABLE.has(name), "expected a member that never changes").optional(),
  claimMapping: z
    .strictObject({
      userNameKey: key.optional(),
      preferredUsernameKey: key.optional(),
      emailKey: key.optional(),
      emailVerifiedKey: key.optional(),
      groupsKey: key.optional(),
    })
    .optional(),
  /** Takes groups also from the access token, where that is a JWT. Nobody checks its signature: it came from tokenURL. */
  groupsFromAccessToken: z.boolean().optional(),
  /** Declares that this upstream decides who owns the addresses it calls verified. */
  trustedEmailProvider: z.boolean().optional(),
});

export type OauthConfig = z.infer<typeof oauthConfigSchema>;
