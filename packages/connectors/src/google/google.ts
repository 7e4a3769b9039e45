// Google: OpenID Connect, with an organisation's domain enforced and groups from its directory.
import type { AskedOfUpstream, Identity, UpstreamWish } from "../connector.ts";
import type { ConnectorKind, ConnectorParts } from "../connector-kind.ts";
import { invalidAnswer, notPermitted, unavailable } from "../login-refused.ts";
import { type ArrivedClaims, type Claims, makeOidcKind, type OidcHooks, toOidcSettings } from "../oidc/oidc.ts";
import { type GoogleConfig, googleConfigSchema } from "./config.ts";
import { type Directory, openDirectory } from "./directory.ts";

const google = makeOidcKind({
  type: "google",
  title: "Google",
  capabilities: {
    refresh: "yes",
    groups: "if `serviceAccountFilePath` is set",
    preferredUsername: "if `preferredUsernameField` is set",
    tokenIdentity: "yes",
    upstreamLogout: "no",
  },
  schema: googleConfigSchema,
  secretFields: ["clientSecret"],
  requiredSecrets: ["clientSecret"],
  secretAudience: ["clientID", "issuer"],
  toSettings(config) {
    const { issuer = "https://accounts.google.com", trustedEmailProvider = true } = config;
    const { name, clientID, clientSecret, redirectURI, scopes, subjectTokenAudiences } = config;
    const given = { name, clientID, clientSecret, redirectURI, scopes, subjectTokenAudiences };
    // `promptFor` says what is sent.
    return { ...toOidcSettings({ ...given, issuer, trustedEmailProvider }), offlinePrompt: undefined };
  },
  hooks(config, parts) {
    const directory = openDirectory(config, parts);
    return {
      authorizationParameters: (wish) => ({ ...promptFor(config, wish), ...hostedDomain(config) }),
      claims: (arrived) => readClaims(arrived, config),
      ...(directory === undefined ? {} : { readGroups: readGroupsFrom(directory, config, parts) }),
      nameOnlyAtLogin: true,
    };
  },
});

export const googleKind: ConnectorKind = {
  ...google,
  open(stored, parts) {
    const opened = google.open(stored, parts);
    const config = googleConfigSchema.safeParse(stored.config).data;
    if (opened.kind === "refused" || config?.serviceAccountFilePath === undefined) return opened;
    const { check } = opened.connector;
    const withDirectory = async () => {
      // One of its own: a dry run must not be answered from what a login has kept.
      const steps = openDirectory(config, parts)?.check(parts.clock()) ?? [];
      return (await Promise.all([check?.() ?? [], steps])).flat();
    };
    return { kind: "connector", connector: { ...opened.connector, check: withDirectory } };
  },
};

/** Only Google's own page is narrowed by this; what counts is the claim. */
function hostedDomain({ hostedDomains = [] }: GoogleConfig): Readonly<Record<string, string>> {
  const [first] = hostedDomains;
  if (first === undefined) return {};
  return { hd: hostedDomains.length === 1 ? first : "*" };
}

/**
 * The configured value only with offline access, as in dex v2. Google knows no prompt=login: letting the person choose is as
 * near as it comes.
 */
function promptFor(config: GoogleConfig, { reauthenticate, selectAccount, asked }: UpstreamWish) {
  const offline = asked.offlineAccess ? (config.promptType ?? "consent") : "";
  const prompts = [...(reauthenticate || selectAccount ? ["select_account"] : []), ...offline.split(" ")].filter(
    Boolean,
  );
  return prompts.length === 0 ? {} : { prompt: [...new Set(prompts)].join(" ") };
}

/** Throws LoginRefused for who belongs to another organisation, or to none. */
function readClaims({ idToken, userInfo }: ArrivedClaims, config: GoogleConfig): ArrivedClaims {
  const { hostedDomains = [], preferredUsernameField } = config;
  const hd = idToken?.hd ?? userInfo?.hd;
  const domain = typeof hd === "string" ? hd.toLowerCase() : undefined;
  if (hostedDomains.length > 0 && !hostedDomains.some((one) => one.toLowerCase() === domain)) {
    throw notPermitted("in none of the configured hosted domains");
  }
  if (!preferredUsernameField) return { idToken, userInfo };
  const email = userInfo?.email ?? idToken?.email;
  if (typeof email !== "string") return { idToken, userInfo };
  const at = preferredUsernameField === "emailLocalPart" ? email.lastIndexOf("@") : -1;
  const username = at < 0 ? email : email.slice(0, at);
  return { idToken: idToken && { ...idToken, preferred_username: username }, userInfo };
}

function readGroupsFrom(
  directory: Directory,
  { groups: required = [] }: GoogleConfig,
  { trace }: Pick<ConnectorParts, "trace">,
): NonNullable<OidcHooks["readGroups"]> {
  const restricted = required.length > 0;
  return async ({ email }: Identity, claims: Claims, { groups: asked }: AskedOfUpstream, { now }) => {
    if (!asked && !restricted) return undefined;
    // The directory is asked about the address: about one that was never proved it would tell somebody else's groups.
    if (email === undefined || claims.email_verified !== true) {
      throw restricted
        ? notPermitted("no verified address")
        : invalidAnswer("no verified address to look up groups by");
    }
    const all = await directory.readGroups(email, now);
    if (all === undefined) {
      const detail = "unable to find super admin email for the domain of the address";
      throw restricted ? notPermitted(detail) : unavailable(detail);
    }
    if (!restricted) return all;
    const kept = all.filter((group) => required.includes(group));
    trace?.({ kind: "rule", rule: "groups", before: all, after: kept });
    if (kept.length === 0) throw notPermitted("in none of the configured groups");
    return kept;
  };
}
