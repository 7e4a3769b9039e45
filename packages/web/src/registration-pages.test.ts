import { expect, test } from "vitest";
import {
  renderCheckYourMailPage,
  renderChooserPage,
  renderConfirmAddressPage,
  renderLinkIdentityPage,
  renderPasswordPage,
  renderRegisterPage,
  renderUnmatchedIdentityPage,
  stylesheetPath,
  type Theme,
} from "./index.ts";

const theme: Theme = { issuerName: "dex", logoUrl: undefined, stylesheetUrl: `/dex${stylesheetPath()}` };
const hostile = [
  `"><script>alert(1)</script>`,
  "</title></textarea></style></script><svg onload=alert(1)>",
  'x" autofocus onfocus=alert(1) x="',
  "\0<\0script>alert(1)</script>",
];
const form = { action: "/dex/x?flow=1", formToken: "token" };

/** Every text of every page, one after the other. */
const pages: readonly { page: string; render: (text: string) => string }[] = [
  {
    page: "register",
    render: (text) =>
      renderRegisterPage(theme, {
        ...form,
        clientName: text,
        formToken: text,
        email: text,
        proof: { kind: "password", rule: text },
        message: text,
        emailProblem: text,
        passwordProblem: text,
        signInHref: text,
      }),
  },
  {
    page: "register with an identity",
    render: (text) =>
      renderRegisterPage(theme, {
        ...form,
        clientName: text,
        email: text,
        proof: { kind: "identity", name: text },
        signInHref: "/",
      }),
  },
  { page: "check your mail", render: (text) => renderCheckYourMailPage(theme, { email: text, explanation: text }) },
  {
    page: "confirm",
    render: (text) =>
      renderConfirmAddressPage(theme, {
        ...form,
        kind: "ask",
        formToken: text,
        email: text,
        password: "asked",
        message: text,
      }),
  },
  { page: "other browser", render: (text) => renderConfirmAddressPage(theme, { kind: "other browser", email: text }) },
  {
    page: "done",
    render: (text) => renderConfirmAddressPage(theme, { kind: "done", email: text, clientName: text, href: text }),
  },
  {
    page: "link",
    render: (text) =>
      renderLinkIdentityPage(theme, {
        ...form,
        connectorName: text,
        identityName: text,
        userEmail: text,
        formToken: text,
      }),
  },
  ...(["no account", "registered"] as const).map((kind) => ({
    page: kind,
    render: (text: string) =>
      renderUnmatchedIdentityPage(theme, {
        ...form,
        kind,
        connectorName: text,
        name: text,
        clientName: text,
        otherWaysHref: text,
      }),
  })),
  {
    page: "chooser",
    render: (text) =>
      renderChooserPage(theme, {
        clientName: text,
        connectors: [],
        mode: "register",
        notice: text,
        otherModeHref: text,
      }),
  },
  {
    page: "password",
    render: (text) =>
      renderPasswordPage(theme, {
        ...form,
        connectorName: text,
        loginLabel: text,
        login: text,
        notice: text,
        registerHref: text,
      }),
  },
];

/** The tags of a page with the names of their attributes, in order. */
function shapeOf(page: string): readonly string[] {
  return [...page.matchAll(/<([a-z!/][^\s>]*)((?:[^">]|"[^"]*")*)>/gi)].map(([, name, rest = ""]) =>
    [name, ...[...rest.matchAll(/([^\s="]+)(?:="[^"]*")?/g)].map(([, attribute]) => attribute)].join(" "),
  );
}

test.each(pages)("nothing on the page $page becomes markup (BRO-11)", ({ render }) => {
  for (const text of hostile) expect(shapeOf(render(text))).toEqual(shapeOf(render("harmless")));
});

test("the chosen password is asked for as a new one and the confirmed one as the present one (v1 P01)", () => {
  const proof = { kind: "password", rule: "At least 15 characters." } as const;
  const html = renderRegisterPage(theme, { ...form, clientName: "A", email: "", proof, signInHref: "/" });
  expect(html).toContain('type="password" autocomplete="new-password"');
  expect(html).toMatch(/id="email"[^>]*autofocus/);
  const ask = { ...form, kind: "ask", email: "kim@example.com" } as const;
  expect(renderConfirmAddressPage(theme, { ...ask, password: "asked" })).toContain('autocomplete="current-password"');
  expect(renderConfirmAddressPage(theme, { ...ask, password: "not needed" })).not.toContain("password");
});

test("what is wrong with a field is tied to it, for those who hear the page", () => {
  const proof = { kind: "password", rule: "At least 15 characters." } as const;
  const view = { ...form, clientName: "A", email: "kim", proof, signInHref: "/", emailProblem: "Please look again." };
  const html = renderRegisterPage(theme, view);
  expect(html).toMatch(/id="email"[^>]*aria-describedby="email-note" aria-invalid="true"/);
  expect(html).toContain('id="email-note" role="alert">Please look again.');
});

test("after confirming only an address that may be linked is one (BRO-12)", () => {
  const done = { kind: "done", email: "kim@example.com", clientName: "App" } as const;
  const linked = (href: string) => renderConfirmAddressPage(theme, { ...done, href }).includes("<a ");
  expect(linked("https://app.example/cb")).toBe(true);
  for (const href of ["http://app.example/", "javascript:alert(1)", "//evil.example/", "urn:ietf:wg:oauth:2.0:oob"]) {
    expect(linked(href)).toBe(false);
  }
});
