import { expect, test } from "vitest";
import { HOSTILE_TEXTS, shapeOf } from "../test/page-shape.ts";
import {
  renderChangeEmailPage,
  renderCheckYourMailPage,
  renderNewPasswordPage,
  renderPasswordPage,
  renderPasswordSetPage,
  renderSendResetPasswordPage,
  stylesheetPath,
  type Theme,
} from "./index.ts";

const theme: Theme = { issuerName: "dex", logoUrl: undefined, stylesheetUrl: `/dex${stylesheetPath()}` };
const action = "/dex/reset-password";

/** Every text of every page. */
const pages: readonly { page: string; render: (text: string) => string }[] = [
  {
    page: "asking for a mail",
    render: (text) =>
      renderSendResetPasswordPage(theme, {
        action,
        fields: { flow: text },
        email: text,
        message: text,
        signInHref: text,
      }),
  },
  {
    page: "the mail of those who are known",
    render: (text) => renderCheckYourMailPage(theme, { email: text, explanation: text, sent: "if known" }),
  },
  ...(["reset", "welcome"] as const).map((occasion) => ({
    page: `new password, ${occasion}`,
    render: (text: string) =>
      renderNewPasswordPage(
        { ...theme, issuerName: text },
        { occasion, email: text, action, formToken: text, minimumLength: 15, message: text },
      ),
  })),
  ...(["reset", "welcome"] as const).map((occasion) => ({
    page: `password set, ${occasion}`,
    render: (text: string) =>
      renderPasswordSetPage(theme, { occasion, email: text, clientName: text, accountHref: text }),
  })),
  {
    page: "new address",
    render: (text) => renderChangeEmailPage(theme, { kind: "ask", email: text, action, formToken: text }),
  },
  ...(["done", "taken"] as const).map((kind) => ({
    page: `new address, ${kind}`,
    render: (text: string) => renderChangeEmailPage(theme, { kind, email: text, accountHref: text }),
  })),
];

test.each(pages)("$page: no text becomes markup or a link elsewhere (BRO-11, BRO-12)", ({ render }) => {
  for (const text of HOSTILE_TEXTS) expect(shapeOf(render(text)).tags).toEqual(shapeOf(render("harmless")).tags);
});

test("no form of a mailed link posts to anybody else", () => {
  const view = { occasion: "reset", email: "a@b.example", formToken: "t", minimumLength: 15 } as const;
  expect(() => renderNewPasswordPage(theme, { ...view, action: "https://evil.example/" })).toThrow();
});

test("only who can have a new password is offered one", () => {
  const view = { connectorName: "Directory", loginLabel: "user name", action, formToken: "t", login: "" };
  expect(renderPasswordPage(theme, view)).not.toContain("forgot-password");
  expect(renderPasswordPage(theme, { ...view, forgotHref: "/dex/x" })).toContain('id="forgot-password" href="/dex/x"');
});
