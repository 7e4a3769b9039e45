// The end of a sign-in for a program that no browser can return to: the code is shown once, and the person carries it over
// (dex v1 §2.8). It reaches its page in a cookie, so that it stands in no address, history or log.
import type { ServerResponse } from "node:http";
import { DEFAULT_TOKEN_LIFETIMES } from "@dex/oidc";
import { renderOobPage } from "@dex/web";
import { type CookieNames, readCookies, setCookie } from "../middleware/cookies.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute } from "../visit.ts";

/** Below the issuer. */
export const OOB_PATH = "/oob";

const LIFETIME_SECONDS = DEFAULT_TOKEN_LIFETIMES.outOfBandCodeSeconds;

/** Gives the code to the browser, for the page at OOB_PATH. */
export function handOverCode(response: ServerResponse, { outOfBand, secure }: CookieNames, code: string): void {
  setCookie(response, { name: outOfBand, value: code, maxAgeSeconds: LIFETIME_SECONDS, secure });
}

/** The page that shows the code, and forgets it. */
export function oobPages({ cookieNames, pages }: { cookieNames: CookieNames; pages: Pages }): readonly PageRoute[] {
  return [
    {
      path: OOB_PATH,
      async GET({ request, response }) {
        const code = readCookies(request).get(cookieNames.outOfBand);
        if (code === undefined || !/^dxc_[\w-]+$/.test(code)) {
          throw new InvalidInput(
            400,
            "there is no code here: it was shown already, or its time is over; begin again in the application",
          );
        }
        setCookie(response, { name: cookieNames.outOfBand, value: "", maxAgeSeconds: 0, secure: cookieNames.secure });
        pages.show(response, 200, (theme) => renderOobPage(theme, { code, lifetimeMinutes: LIFETIME_SECONDS / 60 }));
      },
    },
  ];
}
