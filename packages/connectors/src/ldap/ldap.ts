// A directory that people sign in with: by name and password, or by a ticket where Kerberos is set up.
import type { CheckStep, PasswordLogin } from "../connector.ts";
import type { ConnectorKind, ConnectorParts } from "../connector-kind.ts";
import { displayNameOf } from "../display-name.ts";
import { checkDirectory } from "./check.ts";
import { LDAP_SECRET_AUDIENCE, ldapConfigSchema, openLdapSettings, parseLdapConfig } from "./config.ts";
import { type Directory, openDirectory } from "./directory.ts";
import { openAcceptor } from "./kerberos-acceptor.ts";
import { makeNegotiate } from "./negotiate.ts";
import { makePasswordLogin } from "./password-login.ts";
import { makeRefresh } from "./refresh.ts";
import type { LdapSettings } from "./settings.ts";

export const ldapKind: ConnectorKind = {
  type: "ldap",
  title: "LDAP",
  capabilities: {
    login: "password",
    refresh: "if people are searched for: in dex v1's words that takes `searchBeforeAuth`",
    groups: "if `groupSearch` or `searchGroupFilter` is set",
    preferredUsername: "if `preferredUsernameAttr` is set",
    tokenIdentity: "no",
    upstreamLogout: "no",
  },
  schema: ldapConfigSchema,
  secretFields: ["bindPW", "searchBindPw"],
  secretAudience: LDAP_SECRET_AUDIENCE,
  parse: parseLdapConfig,
  open(stored, parts) {
    const opened = openLdapSettings(stored.config);
    if (opened.kind === "refused") return { kind: "refused", id: stored.id, reason: opened.reason };
    const { settings } = opened;
    for (const warning of settings.warnings) parts.logger.warn("ldap connector", { connectorId: stored.id, warning });
    const directory = openDirectory(settings, parts.clock);
    const { trace, admitAttempt = async () => ({ kind: "try" as const }) } = parts;
    const of = { connectorId: stored.id, settings, directory, trace };
    const refresh = makeRefresh(of);
    const { negotiate, kerberos } = openNegotiate(of, parts);
    return {
      kind: "connector",
      connector: {
        id: stored.id,
        type: stored.type,
        displayName: displayNameOf(stored),
        login: {
          ...makePasswordLogin({ ...of, admitAttempt }),
          ...(negotiate === undefined ? {} : { negotiate }),
        },
        ...(refresh === undefined ? {} : { refresh }),
        check: async () => [...(await checkDirectory(settings)), ...kerberos],
        close: directory.close,
      },
    };
  },
};

/** Where Kerberos is wanted and cannot be had, people type their passwords, and the operator is told why. */
function openNegotiate(
  of: { connectorId: string; settings: LdapSettings; directory: Directory; trace: ConnectorParts["trace"] },
  { logger, useOnce }: Pick<ConnectorParts, "logger" | "useOnce">,
): { readonly negotiate?: PasswordLogin["negotiate"]; readonly kerberos: readonly CheckStep[] } {
  const { kerberos } = of.settings;
  if (kerberos === undefined) return { kerberos: [] };
  const opened = openAcceptor(kerberos);
  if (opened.kind === "acceptor") {
    const { acceptor } = opened;
    const detail = `tickets of ${kerberos.expectedRealm ?? acceptor.realms.join(", ")} are taken`;
    return {
      negotiate: makeNegotiate({ ...of, kerberos, acceptor, logger, useOnce }),
      kerberos: [{ name: "kerberos", ok: true, detail }],
    };
  }
  logger.warn("kerberos is off", { connectorId: of.connectorId, reason: opened.why });
  return { kerberos: [{ name: "kerberos", ok: false, detail: opened.why }] };
}
