// Name and password, checked by the directory: find the one entry, bind as it, read who it is.
import type { PasswordLogin } from "../connector.ts";
import type { AttemptAdmission, ConnectorParts } from "../connector-kind.ts";
import { LoginRefused } from "../login-refused.ts";
import type { LdapConnection, LdapEntry } from "./connection.ts";
import { becomeService, type Directory } from "./directory.ts";
import { canonicalDn } from "./escape.ts";
import { valuesOf } from "./groups.ts";
import { findEntries, notThem, readIdentity, theOne, toGrant, wantedAttributes } from "./person.ts";
import type { LdapSettings } from "./settings.ts";

const MAX_LOGIN_LENGTH = 255;
const MAX_PASSWORD_BYTES = 1024;

/** The same for everybody: whether it is the account or the password, a guesser must not learn. */
const ADVICE =
  "If you are sure of both, your account there may be locked or your password may have expired: please ask those who run it.";

type Typed = Parameters<PasswordLogin["verify"]>[0];

export function makePasswordLogin(parts: {
  readonly connectorId: string;
  readonly settings: LdapSettings;
  readonly directory: Directory;
  readonly admitAttempt: AttemptAdmission;
  readonly trace: ConnectorParts["trace"];
}): PasswordLogin {
  const { connectorId, settings, directory } = parts;
  return {
    kind: "password",
    loginLabel: settings.loginLabel,
    refusedAdvice: ADVICE,
    async verify(typed) {
      const { login, password, source, asked, now } = typed;
      const unsendable = whyUnsendable(typed);
      if (unsendable !== undefined) return notThem(unsendable).refusal;
      const admit = async (remoteId: string) => {
        const admitted = await parts.admitAttempt({ connectorId, remoteId, source, now });
        if (admitted.kind === "throttled") throw new LoginRefused(admitted);
      };
      return directory.ask(async (connection) => {
        const entry = await authenticate(connection, settings, { login, password, admit });
        const { usableFilter, groups, find } = settings;
        if (usableFilter !== undefined || groups !== undefined) await becomeService(connection, settings);
        const proof = { amr: ["pwd"], authTime: now };
        const identity = await readIdentity(connection, entry, { ...parts, asked, proof });
        return { kind: "identity", identity, ...(find.kind === "search" ? toGrant(login, entry, asked) : {}) };
      });
    },
  };
}

/** LDA-2. An empty password makes a bind that succeeds as nobody; servers differ on what spaces and NUL make of it. */
function whyUnsendable({ login, password }: Typed): string | undefined {
  if (password.trim() === "" || /\0/.test(password) || Buffer.byteLength(password) > MAX_PASSWORD_BYTES) {
    return "a password that is not sent to a directory";
  }
  return login.trim() === "" || login.length > MAX_LOGIN_LENGTH ? "a name that is not looked for" : undefined;
}

/** `admit` counts the attempt on somebody before a password is tried, whether they exist or not (ACC-1, ACC-3). */
async function authenticate(
  connection: LdapConnection,
  settings: LdapSettings,
  { login, password, admit }: Pick<Typed, "login" | "password"> & { admit: (remoteId: string) => Promise<void> },
): Promise<LdapEntry> {
  const { find } = settings;
  if (find.kind === "bind") {
    // ASSUMES: the id is the DN, as it is in dex v1. Under another id the count is not forgiven after a success.
    await admit(canonicalDn(find.dnFor(canonicalName(login))));
    const dn = find.dnFor(login);
    await bindAsPerson(connection, dn, password);
    const read = { baseDn: dn, scope: "base", filter: "(objectClass=*)", limit: 2 } as const;
    const entries = await connection.search({ ...read, attributes: wantedAttributes(settings) });
    return theOne(entries, "the entry cannot be read by the person it is about");
  }
  const entries = await findEntries(connection, settings, find, login);
  const [found] = entries;
  const nobody = `nobody called ${canonicalName(login)}`;
  await admit(found === undefined ? nobody : (valuesOf(found, settings.attributes.id)[0] ?? found.dn));
  const entry = theOne(entries, "no entry has this name");
  await bindAsPerson(connection, entry.dn, password);
  return entry;
}

/** Spellings that directories take for one (RFC 4518 §2), for counting alone: widths, case, and spaces. */
function canonicalName(login: string): string {
  return login.normalize("NFKC").toLowerCase().trim().replace(/\s+/g, " ");
}

async function bindAsPerson(connection: LdapConnection, dn: string, password: string): Promise<void> {
  const bound = await connection.bind(dn, password);
  if (bound.kind !== "bound") throw notThem(bound.why);
}
