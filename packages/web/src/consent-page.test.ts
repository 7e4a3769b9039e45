import { expect, test } from "vitest";
import { type ConsentView, renderConsentPage } from "./consent-page.ts";

const theme = { issuerName: "dex", logoUrl: undefined, stylesheetUrl: "/static/dex.css" };
const view: ConsentView = {
  clientName: "Agent",
  redirectHost: "127.0.0.1:33418",
  redirectsToDevice: true,
  userEmail: "ada@example.com",
  scopes: ["openid"],
  action: "/consent",
  formToken: "token",
};
/** The words of a page. */
const textOf = (more: Partial<ConsentView>) =>
  renderConsentPage(theme, { ...view, ...more })
    .replace(/<[^>]+>/g, " ")
    .replace(/\s+/g, " ");

test("a client with a document is told by the host of its document, before anything else is said of it (DCR-3)", () => {
  const text = textOf({ unverified: true, clientHost: "agents.example" });
  expect(text).toMatch(/says that it is from agents\.example .*Nobody here has verified .*Agent will be able to/);
});

test("a client that registered itself is told by where it sends people (DCR-3)", () => {
  const text = textOf({ unverified: true, redirectHost: "app.example", redirectsToDevice: false });
  expect(text).toMatch(/registered itself.* It sends you to app\.example \./);
  expect(text).not.toContain("this device");
});

test("a redirect URI of this machine is told as an application on this device (RFC 8252 §7.3)", () => {
  expect(textOf({})).toContain("you return to an application on this device ( 127.0.0.1:33418 )");
});

test("where the code is shown nobody is sent anywhere", () => {
  const text = textOf({ redirectHost: undefined, redirectsToDevice: false, unverified: true, clientHost: "a.example" });
  expect(text).toContain("you are shown a code");
  expect(text).not.toContain("sends you");
});
