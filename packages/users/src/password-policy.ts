// Which passwords may be chosen: NIST SP 800-63B-4 §3.1.1. Length and a blocklist; no composition rules, no expiry.
import { normalizePassword, PASSWORD_MAX_BYTES } from "./password-text.ts";

/** Characters, when a password is the only factor. */
export const PASSWORD_MIN_LENGTH = 15;

export type PasswordDecision =
  | { readonly kind: "accepted" }
  | { readonly kind: "refused"; readonly reason: PasswordRefusal };
export type PasswordRefusal = "too short" | "too long" | "too common" | "service name" | "own address";

/** What would have to be left over once a name everybody knows is taken out. */
const OWN_PART_LENGTH = 8;

// Long passwords of the public lists of breached ones. Shorter ones need no row: they are too short anyway. Rows are in
// the form that `fold` gives; repetitions and keyboard or number rows are found by rule.
const COMMON: ReadonlySet<string> = new Set([
  "administrator123",
  "basketballbasketball",
  "changemechangeme",
  "changemeimmediately",
  "correcthorsebatterystaple",
  "footballfootball",
  "iloveyouiloveyou",
  "iloveyousomuch123",
  "letmeinletmein123",
  "liverpoolfootballclub",
  "manchesterunited",
  "mypasswordis123",
  "mypasswordispassword",
  "p4ssw0rdp4ssw0rd",
  "passw0rdpassw0rd",
  "password12345678",
  "password123456789",
  "password1234567890",
  "passwordpassword1",
  "passwordpassword123",
  "qwerty1234567890",
  "qwertyuiop123456",
  "qwertyuiopasdfghjklzxcvbnm",
  "thisismypassword",
  "trustno1trustno1",
  "unbelievable1234",
  "welcometothejungle",
  "youllneverwalkalone",
]);
const ROWS = [
  "01234567890123456789",
  "abcdefghijklmnopqrstuvwxyz",
  "qwertyuiopasdfghjklzxcvbnm",
  "1qaz2wsx3edc4rfv5tgb6yhn",
];

/** Pure. Whether `password` may become the password of the account with `email` (canonical) at this service. */
export function decidePassword(
  password: string,
  { email, serviceName }: { readonly email: string; readonly serviceName: string },
): PasswordDecision {
  const text = normalizePassword(password);
  if (Buffer.byteLength(text) > PASSWORD_MAX_BYTES) return refused("too long");
  if ([...text].length < PASSWORD_MIN_LENGTH) return refused("too short");
  const folded = fold(text);
  if (COMMON.has(folded) || isRepetition(folded) || isRow(folded)) return refused("too common");
  if (isMostly(folded, fold(serviceName))) return refused("service name");
  const [localPart = "", domain = ""] = email.split("@");
  const [firstLabel = ""] = domain.split(".");
  for (const known of [email, localPart, domain, firstLabel]) {
    if (isMostly(folded, fold(known))) return refused("own address");
  }
  return { kind: "accepted" };
}

/** Case and the marks between words hide nothing from a guesser. */
function fold(text: string): string {
  return text.toLowerCase().replace(/[\s\-_.,:;!?@#*+/\\]/g, "");
}

/** `known` is too short to matter below four characters: it would be found by accident. */
function isMostly(folded: string, known: string): boolean {
  return known.length >= 4 && folded.includes(known) && folded.replaceAll(known, "").length < OWN_PART_LENGTH;
}

/** One to eight characters, over and over: "aaaa...", "passwordpassword". */
function isRepetition(folded: string): boolean {
  for (let period = 1; period <= 8 && period * 2 <= folded.length; period += 1) {
    if (folded.slice(period) === folded.slice(0, -period)) return true;
  }
  return folded === "";
}

function isRow(folded: string): boolean {
  return ROWS.some((row) => {
    const rows = `${row}${row}`;
    return rows.includes(folded) || [...rows].reverse().join("").includes(folded);
  });
}

function refused(reason: PasswordRefusal): PasswordDecision {
  return { kind: "refused", reason };
}
