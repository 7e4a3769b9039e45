const WORDS: Readonly<Record<string, { can: string; detail: string }>> = {
  openid: { can: "Know that it is you", detail: "A permanent identifier of your account here." },
  profile: { can: "See your profile", detail: "Your name, user name and what else you are described by." },
  email: { can: "See your email address", detail: "And whether it was verified." },
  address: { can: "See your postal address", detail: "Where you said that you live." },
  phone: { can: "See your phone number", detail: "And whether it was verified." },
  "federated:id": {
    can: "Know who you are where you signed in",
    detail: "Your identifier at the provider that you came through.",
  },
  groups: { can: "See your groups", detail: "The names of the groups you belong to." },
  offline_access: {
    can: "Keep access while you are away",
    detail: "It stays signed in until you or an administrator end it.",
  },
};
const ON_BEHALF = "audience:server:client_id:";

/** What a scope allows, in plain words; `scope` keeps the scope's own name where we have no words for it. */
export interface ScopeWords {
  readonly can: string;
  readonly detail: string | undefined;
  readonly scope: string | undefined;
}

/** OIDC Core §5.4, §11 and dex's own scopes in words a person can decide on. */
export function describeScope(scope: string): ScopeWords {
  const words = Object.hasOwn(WORDS, scope) ? WORDS[scope] : undefined;
  if (words !== undefined) return { ...words, scope: undefined };
  if (scope.startsWith(ON_BEHALF)) {
    return { can: "Act for you at another application", detail: undefined, scope: scope.slice(ON_BEHALF.length) };
  }
  return { can: "Use a permission named", detail: undefined, scope };
}
