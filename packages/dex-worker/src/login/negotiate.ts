// HTTP's side of signing in with a ticket (SPNEGO, RFC 4559): headers, the probe cookie, and who is asked at all. What a
// ticket is worth, and what comes of it, the connector decides.
import type { Connector, Negotiation, PasswordLogin } from "@dex/connectors";
import type { LoginState } from "@dex/oidc";
import { readCookies, setCookie } from "../middleware/cookies.ts";
import { soleHeader } from "../middleware/sole-header.ts";
import type { Pages } from "../pages.ts";
import type { Visit } from "../visit.ts";
import type { AcceptIdentity } from "./accept-identity.ts";
import type { LoginPaths } from "./paths.ts";
import type { RefusedLogin } from "./refused-login.ts";
import { askedOf } from "./upstream-trip.ts";

/** dex v2's name: while it lives, a browser that had no ticket is not asked for one again. */
const TRIED_COOKIE = "dex_spnego_tried";
const TRIED_SECONDS = 60;

/** Returns the status that the form is to be shown with, or "answered" when there is no form. */
export type Negotiate = (
  visit: Visit,
  state: LoginState,
  connector: Connector & { login: PasswordLogin },
) => Promise<200 | 401 | "answered">;

export function makeNegotiate(parts: {
  issuerOrigin: string;
  paths: LoginPaths;
  pages: Pages;
  refused: RefusedLogin;
  acceptIdentity: AcceptIdentity;
}): Negotiate {
  const { pages, paths, refused } = parts;

  function writeTried(visit: Visit, maxAgeSeconds: number): void {
    const secure = parts.issuerOrigin.startsWith("https:");
    setCookie(visit.response, { name: TRIED_COOKIE, value: maxAgeSeconds === 0 ? "" : "1", maxAgeSeconds, secure });
  }

  function showRefusal(visit: Visit, state: LoginState, message: string): void {
    const [title, backHref] = ["You were not signed in", paths.chooser(state.id)];
    pages.error(visit.response, 401, { title, message, backHref });
  }

  async function conclude(
    visit: Visit,
    state: LoginState,
    connector: Connector & { login: PasswordLogin },
    { outcome, reply }: Negotiation & { kind: "outcome" },
  ): Promise<void> {
    if (outcome.kind === "refused") {
      refused.describe(visit, connector, outcome);
      // RFC 9110 §15.5.2: a 401 says what would do. Without the reply, so that the browser does not go on with this ticket.
      writeChallenge(visit, undefined);
      return showRefusal(visit, state, `${connector.displayName} did not sign you in`);
    }
    if (outcome.kind !== "identity") return refused.show(visit, state, connector, outcome);
    if (reply !== undefined) writeChallenge(visit, reply);
    if (readCookies(visit.request).has(TRIED_COOKIE)) writeTried(visit, 0);
    await parts.acceptIdentity(visit, state, connector, outcome);
  }

  return async (visit, state, connector) => {
    const { negotiate } = connector.login;
    if (negotiate === undefined || wantsPerson(state)) return 200;
    const negotiation = await negotiate({
      ticket: readTicket(visit),
      askedBefore: readCookies(visit.request).get(TRIED_COOKIE) === "1",
      asked: askedOf(state),
      now: visit.now,
    });
    if (negotiation.kind === "form") return 200;
    if (negotiation.kind === "outcome") {
      await conclude(visit, state, connector, negotiation);
      return "answered";
    }
    writeChallenge(visit, negotiation.reply);
    if (negotiation.orForm) {
      writeTried(visit, TRIED_SECONDS);
      // The form stands in the 401 itself: a browser without a ticket shows it, one with a ticket asks again.
      return 401;
    }
    showRefusal(visit, state, `your browser has no ticket that ${connector.displayName} takes`);
    return "answered";
  };
}

/**
 * A ticket shows who is logged in at the machine, not that they are there, nor since when (OIDC Core §3.1.2.1). Nor does it
 * let them choose who they are, as when they connect one more identity.
 */
function wantsPerson({ intent, request: { prompt, maxAgeSeconds } }: LoginState): boolean {
  const asked = prompt.includes("login") || prompt.includes("select_account");
  return asked || maxAgeSeconds !== undefined || intent !== "sign in";
}

function readTicket({ request }: Visit): Buffer | undefined {
  const credentials = soleHeader(request.headersDistinct.authorization);
  const token = /^Negotiate +([A-Za-z0-9+/=]*)$/i.exec(credentials ?? "")?.[1];
  return token === undefined ? undefined : Buffer.from(token, "base64");
}

function writeChallenge({ response }: Visit, reply: Buffer | undefined): void {
  response.setHeader("WWW-Authenticate", reply === undefined ? "Negotiate" : `Negotiate ${reply.toString("base64")}`);
}
