// A ticket in place of a password: SPNEGO, RFC 4559. What becomes of a visit is decided here; who checks the ticket is
// `NegotiateAcceptor`, and cookies and status codes are the caller's.
import { sha256 } from "@dex/runtime";
import type { LoginOutcome, Negotiation, PasswordLogin } from "../connector.ts";
import type { ConnectorParts } from "../connector-kind.ts";
import type { Directory } from "./directory.ts";
import { findEntries, notThem, readIdentity, theOne, toGrant } from "./person.ts";
import type { KerberosSettings, LdapSettings } from "./settings.ts";

/** Whoever issued the ticket vouches for `name` of `realm`. `reply` goes back to the browser, RFC 4559 §5. */
export type AcceptedTicket =
  | { readonly kind: "accepted"; readonly name: string; readonly realm: string; readonly reply: Buffer | undefined }
  /** `why` is for operators. */
  | { readonly kind: "rejected"; readonly reply: Buffer | undefined; readonly why: string };

export interface NegotiateAcceptor {
  /** Realms whose tickets are taken unless the operator names one. */
  readonly realms: readonly string[];
  /** Checks a ticket that a browser sent. Never throws for what is in it. */
  accept(ticket: Buffer): Promise<AcceptedTicket>;
}

/** What was found out about a visit's ticket. */
export type TicketState =
  | { readonly kind: "none" }
  | { readonly kind: "rejected"; readonly reply: Buffer | undefined }
  | { readonly kind: "other realm" }
  | { readonly kind: "good"; readonly outcome: LoginOutcome; readonly reply: Buffer | undefined };

const FORM: Negotiation = { kind: "form" };

/** Pure: the table of what happens with and without a fallback. */
export function decideNegotiation(
  ticket: TicketState,
  { fallbackToPassword, askedBefore }: { readonly fallbackToPassword: boolean; readonly askedBefore: boolean },
): Negotiation {
  switch (ticket.kind) {
    case "none":
      if (!fallbackToPassword) return { kind: "challenge", orForm: false, reply: undefined };
      return askedBefore ? FORM : { kind: "challenge", orForm: true, reply: undefined };
    case "rejected":
      return fallbackToPassword ? FORM : { kind: "challenge", orForm: false, reply: ticket.reply };
    case "other realm":
      // Asked again without being told so, the browser would send the same ticket for ever.
      return fallbackToPassword ? FORM : { kind: "challenge", orForm: false, reply: undefined };
    case "good":
      return { kind: "outcome", outcome: ticket.outcome, reply: ticket.reply };
  }
}

/** Longer than a ticket with its time stamp is taken, either way of now. */
const REPLAY_MILLISECONDS = 15 * 60_000;

export function makeNegotiate(parts: {
  readonly connectorId: string;
  readonly settings: LdapSettings;
  readonly kerberos: KerberosSettings;
  readonly acceptor: NegotiateAcceptor;
  readonly directory: Directory;
  readonly logger: ConnectorParts["logger"];
  readonly useOnce: ConnectorParts["useOnce"];
  readonly trace: ConnectorParts["trace"];
}): NonNullable<PasswordLogin["negotiate"]> {
  const { connectorId, settings, kerberos, acceptor, directory, logger } = parts;
  const realms = kerberos.expectedRealm === undefined ? acceptor.realms : [kerberos.expectedRealm];

  type Visit = Parameters<NonNullable<PasswordLogin["negotiate"]>>[0];
  async function look({ ticket, asked, now }: Visit): Promise<TicketState> {
    if (ticket === undefined) return { kind: "none" };
    const accepted = await acceptor.accept(ticket);
    if (accepted.kind === "rejected") return rejected(accepted.why, accepted.reply);
    // Kept here and not only in a file of the library's: one ticket, one sign-in, on whichever worker.
    const once = `spnego/${connectorId}/${sha256(ticket).toString("base64url")}`;
    const first = (await parts.useOnce?.(once, new Date(now.getTime() + REPLAY_MILLISECONDS))) ?? true;
    if (!first) return rejected("it was used before", undefined);
    if (!realms.some((realm) => realm.toLowerCase() === accepted.realm.toLowerCase())) {
      logger.warn("ticket of another realm", { connectorId, expected: realms.join(", ") });
      return { kind: "other realm" };
    }
    const outcome = await signIn(kerberos.usernameOf(accepted), { asked });
    return { kind: "good", outcome, reply: accepted.reply };
  }

  function rejected(why: string, reply: Buffer | undefined): TicketState {
    logger.info("ticket rejected", { connectorId, why });
    return { kind: "rejected", reply };
  }

  /** No password is asked for and nobody binds: the name comes from the ticket, all else from the directory. */
  function signIn(username: string, { asked }: Pick<Visit, "asked">): Promise<LoginOutcome> {
    const { find } = settings;
    if (find.kind !== "search") throw new Error("tickets need a search");
    return directory.ask(async (connection) => {
      if (username === "" || username.length > 255) throw notThem("a name that is not looked for");
      const entry = theOne(await findEntries(connection, settings, find, username), "no entry for the ticket");
      // RFC 8176: Windows integrated authentication. When the password was typed, the ticket does not say.
      const proof = { amr: ["wia"], authTime: undefined };
      const identity = await readIdentity(connection, entry, { ...parts, asked, proof });
      return { kind: "identity", identity, ...toGrant(username, entry, asked) };
    });
  }

  return async (visit) =>
    decideNegotiation(await look(visit), {
      fallbackToPassword: kerberos.fallbackToPassword,
      askedBefore: visit.askedBefore,
    });
}
