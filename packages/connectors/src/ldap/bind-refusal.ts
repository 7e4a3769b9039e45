// Why a directory refused a bind. For operators alone: Active Directory looks at the password before it says that an account
// is disabled, expired, or must change its password, so that whoever is told the reason learns that the password was right.

const INVALID_CREDENTIALS = 49;
const CONSTRAINT_VIOLATION = 19;

/** The Win32 error in `AcceptSecurityContext error, data 532`, in hexadecimal as it is written there. */
const ACTIVE_DIRECTORY: ReadonlyMap<string, string> = new Map([
  ["525", "no such account"],
  ["52e", "wrong password"],
  ["52f", "the account is restricted"],
  ["530", "not at this time of day"],
  ["531", "not from this machine"],
  ["532", "the password has expired"],
  ["533", "the account is disabled"],
  ["568", "too many groups for a token"],
  ["701", "the account has expired"],
  ["773", "the password must be changed first"],
  ["775", "the account is locked"],
]);

/**
 * Pure. What an operator reads of a bind that was refused for what the person is or typed (RFC 4511 §A.1); undefined for
 * every other result, which is no fault of theirs. `said` is the directory's own text: looked at, not handed on.
 */
export function describeBindRefusal(code: number, said: string): string | undefined {
  // Directories that lock accounts by a policy say so with it.
  if (code === CONSTRAINT_VIOLATION) return "the account is locked or its password has expired";
  if (code !== INVALID_CREDENTIALS) return undefined;
  const data = /\bdata ([0-9a-f]{2,8})\b/i.exec(said)?.[1]?.toLowerCase().replace(/^0+/, "");
  const reason = data === undefined ? undefined : ACTIVE_DIRECTORY.get(data);
  return reason === undefined ? "wrong password, or a locked account" : `${reason} (Active Directory ${data})`;
}
