import { CHECK_SESSION_PATH } from "@dex/oidc";
import { CHECK_SESSION_SCRIPT, renderCheckSessionPage } from "@dex/web";
import type { CookieNames } from "../middleware/cookies.ts";
import { setFrameHeaders } from "../middleware/headers.ts";
import type { PageRoute } from "../visit.ts";

/** The page at `check_session_iframe`, OIDC Session Management 1.0 §3.2. Reads nothing of the request, and stores nothing. */
export function checkSessionPage({ browserState }: Pick<CookieNames, "browserState">): PageRoute {
  const page = renderCheckSessionPage({ cookieName: browserState });
  return {
    path: CHECK_SESSION_PATH,
    async GET({ response }) {
      setFrameHeaders(response, CHECK_SESSION_SCRIPT);
      response.status(200).end(page);
    },
  };
}
