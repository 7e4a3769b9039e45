import { expect, test } from "vitest";
import { HOSTILE_TEXTS, shapeOf } from "../test/page-shape.ts";
import { describeBrowser } from "./account-browser-name.ts";
import { renderAccountConfirmPage, renderSignedOutPage } from "./account-confirm-page.ts";
import { renderAccountEmailPage } from "./account-email-page.ts";
import { describeMoment } from "./account-moment.ts";
import { parseAccountNotice } from "./account-notices.ts";
import { type AccountView, renderAccountPage } from "./account-page.ts";
import { renderAccountPasswordPage } from "./account-password-page.ts";
import type { Theme } from "./layout.ts";

const browsers = [
  { agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", name: "Firefox on Linux" },
  {
    agent:
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    name: "Chrome on Windows",
  },
  {
    agent:
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0",
    name: "Edge on Windows",
  },
  {
    agent:
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    name: "Safari on macOS",
  },
  {
    agent:
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
    name: "Chrome on iPhone",
  },
  {
    agent:
      "Mozilla/5.0 (Linux; Android 15; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36",
    name: "Samsung Internet on Android",
  },
  { agent: "curl/8.5.0", name: "curl" },
  { agent: "something on Linux", name: "Unknown browser on Linux" },
  { agent: "<script>", name: "Unknown browser" },
  { agent: undefined, name: "Unknown browser" },
];
test.each(browsers)("people know their browser as $name", ({ agent, name }) => {
  expect(describeBrowser(agent)).toBe(name);
});

const now = new Date("2030-06-12T12:00:00.000Z");
const moments = [
  { at: "2030-06-12T12:00:05.000Z", words: "just now" },
  { at: "2030-06-12T11:59:30.000Z", words: "just now" },
  { at: "2030-06-12T11:59:00.000Z", words: "1 minute ago" },
  { at: "2030-06-12T11:00:01.000Z", words: "59 minutes ago" },
  { at: "2030-06-12T09:00:00.000Z", words: "3 hours ago" },
  { at: "2030-06-09T12:00:00.000Z", words: "3 days ago" },
  { at: "2030-06-05T12:00:00.000Z", words: "on 5 June 2030" },
];
test.each(moments)("$at is $words", ({ at, words }) => {
  expect(describeMoment(new Date(at), now)).toBe(words);
});

test("a notice is one of the list, whatever the query says (BRO-11)", () => {
  expect(parseAccountNotice("saved")).toBe("saved");
  for (const name of [null, "", "constructor", "__proto__", "<b>saved</b>"]) {
    expect(parseAccountNotice(name)).toBeUndefined();
  }
});

const theme: Theme = { issuerName: "dex", logoUrl: undefined, stylesheetUrl: "/dex/static/x.css" };
const view = (text: string): AccountView => ({
  now,
  notice: undefined,
  path: "/dex/account",
  formToken: text,
  user: { id: text, email: text, emailVerified: false, displayName: text },
  password: { kind: "set", changedAt: now },
  identities: [
    { handle: text, connectorName: text, linkedAt: now, removable: false, usable: true },
    { handle: "h", connectorName: text, linkedAt: now, removable: true, usable: false },
  ],
  moreConnectors: [{ id: text, name: text, available: true }],
  applications: [
    { clientId: text, name: text, clientHost: text, scope: [text], lastUsedAt: now },
    {
      clientId: "c",
      name: text,
      signInHref: `https://rp.example/?${encodeURIComponent(text)}`,
      scope: [],
      lastUsedAt: now,
    },
  ],
  sessions: [
    { handle: text, own: false, connectorName: text, authTime: now, lastSeenAt: now, userAgent: text },
    { handle: "own", own: true, connectorName: text, authTime: now, lastSeenAt: now, userAgent: undefined },
  ],
});
const form = { path: "/dex/account", email: "a@b.example", formToken: "t" };
const pages = [
  { page: "the account", render: (text: string) => renderAccountPage(theme, view(text)) },
  {
    page: "the password",
    render: (text: string) =>
      renderAccountPasswordPage(theme, {
        ...form,
        email: text,
        formToken: text,
        present: "asked",
        minimumLength: 15,
        message: text,
      }),
  },
  {
    page: "the address",
    render: (text: string) =>
      renderAccountEmailPage(theme, { ...form, email: text, formToken: text, typed: text, message: text }),
  },
  {
    page: "a question",
    render: (text: string) =>
      renderAccountConfirmPage(theme, {
        title: text,
        explanation: text,
        formId: text,
        action: "/dex/account/unlink",
        formToken: text,
        fields: { [text]: text },
        button: text,
        backHref: "/dex/account",
      }),
  },
  {
    page: "the end of a sign-out",
    render: (text: string) =>
      renderSignedOutPage(theme, { signInHref: "/dex/account", upstream: { name: text, signedOut: true } }),
  },
];
test.each(pages)("no text makes markup on the page of $page (BRO-11)", ({ render }) => {
  for (const text of HOSTILE_TEXTS) expect(shapeOf(render(text)).tags).toEqual(shapeOf(render("harmless")).tags);
});

test.each([
  "javascript:alert(1)",
  "data:text/html,x",
  "//evil.example",
  "https://a@b.example/",
  'https://a.example/"x',
])("%j is nowhere that an application can be opened (BRO-12)", (signInHref) => {
  const application = { clientId: "c", name: "Books", signInHref, scope: [], lastUsedAt: now };
  const page = renderAccountPage(theme, { ...view("x"), applications: [application] }).toString();
  expect(page).not.toContain(signInHref);
});
