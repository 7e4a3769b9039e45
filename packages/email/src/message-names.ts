// Which messages there are, and what each of them can say. A kind of mail becomes one of them when it is sent.

interface MessageFacts {
  /** What it can say beside what every message can. */
  readonly variables: readonly string[];
  /** It is there for its link: without it, it would be worth nothing. */
  readonly needsLink: boolean;
  /** Names that dex v1 gave its templates. Ours come first. */
  readonly aliases: readonly string[];
}

const notice: MessageFacts = { variables: [], needsLink: false, aliases: [] };
const linked: MessageFacts = { variables: ["link"], needsLink: true, aliases: [] };

/** By name; a template file is called so. */
export const MESSAGES = {
  "confirm-registration": { ...linked, aliases: ["verify-email"] },
  "account-exists": notice,
  "verify-email": linked,
  invitation: { ...linked, aliases: ["invite"] },
  "password-reset": linked,
  "no-password": notice,
  "password-changed": notice,
  "confirm-email-change": linked,
  "email-change-requested": notice,
  "email-changed": notice,
  "identity-linked": { ...notice, variables: ["connector"] },
  "identity-unlinked": { ...notice, variables: ["connector"] },
  "backchannel-request": { ...linked, variables: ["link", "client"] },
  "refresh-token-replayed": { ...notice, variables: ["client"] },
} as const satisfies Readonly<Record<string, MessageFacts>>;

export type MessageName = keyof typeof MESSAGES;

export const MESSAGE_NAMES = Object.keys(MESSAGES) as readonly MessageName[]; // the keys of a literal are its names

/** What every message can say. `email` and `to` are both the recipient, as in dex v1. */
const COMMON_VARIABLES = ["email", "to", "from", "issuer_name", "issuer", "time"] as const;

export function factsOf(name: MessageName): MessageFacts {
  return MESSAGES[name];
}

/** The variables of the message's subject. */
export function subjectVariables(name: MessageName): ReadonlySet<string> {
  // A link in a subject would be shown in lists and notifications.
  return new Set([...COMMON_VARIABLES, ...factsOf(name).variables].filter((variable) => variable !== "link"));
}

/** The variables of the message's text and HTML. */
export function bodyVariables(name: MessageName): ReadonlySet<string> {
  return new Set([...COMMON_VARIABLES, ...factsOf(name).variables, "subject"]);
}
