import { OWN_PAGES_CLIENT_ID } from "@dex/oidc";
import { readSessionHash } from "../login/session-cookie.ts";
import type { Visit } from "../visit.ts";
import type { LoginWiring } from "../wiring.ts";

/**
 * Whether the reader of a mail is signed in, in this browser, as the user the mail is about (ACC-13): otherwise somebody could
 * name a stranger's address, and have the stranger's click verify it or make it theirs. If not, the answer has been given:
 * off to sign in and back to the page at `path`, or a refusal.
 */
export type IsLinkOwner = (
  visit: Visit,
  link: { readonly user: { readonly id: string } },
  path: string,
) => Promise<boolean>;

export function makeIsLinkOwner({
  outside,
  pages,
  cookieNames,
  sessionLimits,
  beginOwnPages,
}: Pick<LoginWiring, "outside" | "pages" | "cookieNames" | "sessionLimits" | "beginOwnPages">): IsLinkOwner {
  const { signIns } = outside.storage;

  // A disabled user is not signed in.
  async function signedInUser({ request, now }: Visit) {
    const hash = readSessionHash(request, cookieNames);
    if (hash === undefined) return undefined;
    return (await signIns.findSession(hash, OWN_PAGES_CLIENT_ID, now, sessionLimits.idleSeconds))?.user;
  }

  return async (visit, link, path) => {
    const here = await signedInUser(visit);
    if (here?.id === link.user.id) return true;
    if (here === undefined && visit.request.method !== "POST") {
      await beginOwnPages({ visit, path });
      return false;
    }
    pages.error(visit.response, 403, {
      title: "Please sign in to the account that this is about",
      message:
        here === undefined
          ? "you are not signed in any more; please open the link again"
          : "you are signed in with another account; please sign out there and open the link again",
    });
    return false;
  };
}
