// The link that was mailed to the new address of an account. Only the form behind it uses it up (ACC-8, ACC-15).
import type { Logger } from "@dex/runtime";
import type { AccountLink, AccountLinks, LinkTokens } from "@dex/users";
import { type ChangeEmailView, renderChangeEmailPage } from "@dex/web";
import { readForm } from "../middleware/form-body.ts";
import { requestIdOf } from "../middleware/request-id.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";
import type { IsLinkOwner } from "./link-owner.ts";
import type { MailedLinks } from "./mailed-link.ts";

const PLACE = "change-email";
const PURPOSE = "change email";

export interface ChangeEmailParts {
  issuerOrigin: string;
  mailedLinks: MailedLinks;
  linkTokens: LinkTokens;
  links: Pick<AccountLinks, "find" | "changeEmail">;
  isLinkOwner: IsLinkOwner;
  /** The address of this page, for redirects and forms. */
  href: string;
  /** The address of "your account". */
  accountHref: string;
  pages: Pages;
  logger: Logger;
}

export function changeEmailPage(parts: ChangeEmailParts): PageRoute {
  const { mailedLinks, linkTokens, links, isLinkOwner, href, accountHref, pages, logger } = parts;

  async function find(token: string, now: Date): Promise<AccountLink | undefined> {
    const id = linkTokens.read(PURPOSE, token);
    return id === undefined ? undefined : links.find(id, PURPOSE, now);
  }

  // Used, expired, superseded, for something else and made up look the same (ACC-8).
  function refuse(visit: Visit): void {
    mailedLinks.leave(visit, PLACE);
    pages.error(visit.response, 400, {
      title: "This link cannot be used",
      message: "it was used already, is too old, or is not complete; please ask for a new one in your account",
      backHref: accountHref,
    });
  }

  const show = (visit: Visit, status: number, view: ChangeEmailView) =>
    pages.show(visit.response, status, (theme) => renderChangeEmailPage(theme, view));

  return {
    path: `/${PLACE}`,

    async GET(visit) {
      if (mailedLinks.arrive(visit, PLACE, href)) return;
      const token = mailedLinks.token(visit, PLACE);
      const link = token === undefined ? undefined : await find(token, visit.now);
      if (token === undefined || link === undefined) return refuse(visit);
      if (!(await isLinkOwner(visit, link, `/${PLACE}`))) return;
      show(visit, 200, { kind: "ask", email: link.email, action: href, formToken: mailedLinks.formToken(token) });
    },

    async POST(visit) {
      refuseForeignOrigin(visit.request, parts.issuerOrigin);
      const form = await readForm(visit.request);
      const token = mailedLinks.token(visit, PLACE);
      if (token === undefined) return refuse(visit);
      mailedLinks.checkForm(form, token);
      const link = await find(token, visit.now);
      if (link === undefined) return refuse(visit);
      if (!(await isLinkOwner(visit, link, `/${PLACE}`))) return;
      const { email, user } = link;
      const actor = { kind: "user", id: user.id, address: visit.request.ip } as const;
      const outcome = await links.changeEmail(link.id, actor, visit.now);
      if (outcome === "gone") return refuse(visit);
      logger.info("address change confirmed", { requestId: requestIdOf(visit.response), userId: user.id, outcome });
      mailedLinks.leave(visit, PLACE);
      if (outcome === "taken") return show(visit, 409, { kind: "taken", email, accountHref });
      show(visit, 200, { kind: "done", email, accountHref });
    },
  };
}
