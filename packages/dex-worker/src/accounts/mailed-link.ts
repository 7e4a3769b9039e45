// A link from a mail, on its way through the browser: out of the address bar at once, into a cookie, and used up only by
// the form behind it (ACC-8). Programs that open every link of a mail therefore use none of them up.
import { equalInConstantTime, sha256 } from "@dex/runtime";
import { type CookieNames, readCookies, setCookie } from "../middleware/cookies.ts";
import { readQuery } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import type { Visit } from "../visit.ts";

const COOKIE_LIFETIME_SECONDS = 1800;
const MAX_TOKEN_LENGTH = 200;

/** The addresses that mailed links lead to; each has a cookie of its own. */
export type LinkPlace = "verify-email" | "reset-password" | "accept-invitation" | "change-email";

export interface MailedLinks {
  /** True when the request brought a token: it is in the cookie now, and the browser on its way to the clean `path`. */
  arrive(visit: Visit, place: LinkPlace, path: string): boolean;
  /** The token that this browser brought here, unchecked; undefined when there is none. */
  token(visit: Visit, place: LinkPlace): string | undefined;
  /** What the form behind the link must send back as `form_token`. */
  formToken(token: string): string;
  /** Throws InvalidInput unless the form came from the page behind this very link (BRO-2). */
  checkForm(form: URLSearchParams, token: string): void;
  /** Forgets the link. */
  leave(visit: Visit, place: LinkPlace): void;
}

export function makeMailedLinks(names: CookieNames): MailedLinks {
  const cookieOf = (place: LinkPlace) => `${names.linkPrefix}${place}`;
  const formToken = (token: string) => sha256(`form ${token}`).toString("base64url");
  const set = ({ response }: Visit, place: LinkPlace, value: string, maxAgeSeconds: number) =>
    setCookie(response, { name: cookieOf(place), value, maxAgeSeconds, secure: names.secure });
  return {
    arrive(visit, place, path) {
      const query = readQuery(visit.request);
      const token = query.get("token");
      if (token === null) return false;
      // What is no token at all would not fit into a cookie; the page then says that the link is not valid.
      if (/^[\w-]+$/.test(token) && token.length <= MAX_TOKEN_LENGTH && query.getAll("token").length === 1) {
        set(visit, place, token, COOKIE_LIFETIME_SECONDS);
      } else {
        set(visit, place, "", 0);
      }
      visit.response.redirect(303, path);
      return true;
    },
    token: ({ request }, place) => readCookies(request).get(cookieOf(place)) || undefined,
    formToken,
    checkForm(form, token) {
      if (!equalInConstantTime(form.get("form_token") ?? "", formToken(token))) {
        throw new InvalidInput(
          403,
          "this form does not belong to the link that was opened; please open the link again",
        );
      }
    },
    leave: (visit, place) => set(visit, place, "", 0),
  };
}
