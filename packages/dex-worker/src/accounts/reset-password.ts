import type { PageRoute } from "../visit.ts";
import { type NewPasswordParts, newPasswordPage } from "./new-password.ts";

/** The page behind the link by which somebody who forgot the password chooses a new one. */
export function resetPasswordPage(parts: NewPasswordParts, href: string): PageRoute {
  return newPasswordPage(parts, {
    occasion: "reset",
    place: "reset-password",
    purpose: "reset password",
    href,
    use: parts.links.resetPassword,
  });
}
