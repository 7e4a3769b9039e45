import type { PageRoute } from "../visit.ts";
import { type NewPasswordParts, newPasswordPage } from "./new-password.ts";

/** The page behind the link of an invitation: whoever an administrator made an account for chooses its password. */
export function acceptInvitationPage(parts: NewPasswordParts, href: string): PageRoute {
  return newPasswordPage(parts, {
    occasion: "welcome",
    place: "accept-invitation",
    purpose: "invitation",
    href,
    use: parts.links.acceptInvitation,
  });
}
