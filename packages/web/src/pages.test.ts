import { expect, test } from "vitest";
import { HOSTILE_TEXTS, shapeOf } from "../test/page-shape.ts";
import {
  renderChooserPage,
  renderConsentPage,
  renderErrorPage,
  renderOobPage,
  renderPasswordPage,
  staticFiles,
  stylesheetPath,
  type Theme,
} from "./index.ts";

const theme: Theme = { issuerName: "dex", logoUrl: undefined, stylesheetUrl: `/dex${stylesheetPath()}` };
const chooser = {
  clientName: "Grafana",
  connectors: [
    { id: "local", displayName: "Email", href: "/dex/auth/local?flow=1", available: true },
    { id: "corp", displayName: "Corporate", href: "/dex/auth/corp?flow=1", available: false },
  ],
  message: "That did not work.",
};
const homeRealm = { action: "/dex/login?flow=1", formToken: "token", email: "kim@example.com", wrong: true };
const password = {
  connectorName: "Email",
  loginLabel: "email address",
  action: "/dex/auth/local/login?flow=1",
  formToken: "token",
  login: "kim@example.com",
  message: "Wrong.",
  otherWaysHref: "/dex/auth?flow=1",
};
const consent = {
  clientName: "Grafana",
  clientUri: "https://grafana.example.com/",
  redirectHost: "grafana.example.com",
  userEmail: "kim@example.com",
  scopes: ["openid", "profile", "email", "groups", "offline_access", "audience:server:client_id:other", "odd"],
  action: "/dex/consent?flow=1",
  formToken: "token",
};
const error = { title: "Not found", message: "No such page.", requestId: "abc", forHelpers: "gone", backHref: "/dex/" };

const fields = [
  ...["issuerName", "logoUrl", "stylesheetUrl"].map((field) => ({
    field: `theme.${field}`,
    render: (value: string) => renderErrorPage({ ...theme, [field]: value }, error),
  })),
  ...["clientName", "message"].map((field) => ({
    field: `chooser.${field}`,
    render: (value: string) => renderChooserPage(theme, { ...chooser, [field]: value }),
  })),
  ...["id", "displayName", "href"].flatMap((field) =>
    [true, false].map((available) => ({
      field: `connector.${field} ${available ? "available" : "unavailable"}`,
      render: (value: string) => {
        const choice = { id: "a", displayName: "A", href: "/a", available, [field]: value };
        return renderChooserPage(theme, { ...chooser, connectors: [choice] });
      },
    })),
  ),
  ...["formToken", "email"].map((field) => ({
    field: `chooser.homeRealm.${field}`,
    render: (value: string) => renderChooserPage(theme, { ...chooser, homeRealm: { ...homeRealm, [field]: value } }),
  })),
  ...["connectorName", "loginLabel", "formToken", "login", "message", "otherWaysHref"].map((field) => ({
    field: `password.${field}`,
    render: (value: string) => renderPasswordPage(theme, { ...password, [field]: value }),
  })),
  ...["clientName", "clientUri", "logoUri", "policyUri", "termsUri", "redirectHost", "userEmail", "formToken"].map(
    (field) => ({
      field: `consent.${field}`,
      render: (value: string) => renderConsentPage(theme, { ...consent, [field]: value }),
    }),
  ),
  {
    field: "consent.scopes",
    render: (value: string) =>
      renderConsentPage(theme, { ...consent, scopes: [value, `audience:server:client_id:${value}`] }),
  },
  {
    field: "consent.otherClients",
    render: (value: string) => renderConsentPage(theme, { ...consent, unverified: true, otherClients: [value] }),
  },
  {
    field: "consent.clientHost",
    render: (value: string) => renderConsentPage(theme, { ...consent, unverified: true, clientHost: value }),
  },
  { field: "oob.code", render: (value: string) => renderOobPage(theme, { code: value, lifetimeMinutes: 5 }) },
  ...["title", "message", "requestId", "forHelpers", "backHref"].map((field) => ({
    field: `error.${field}`,
    render: (value: string) => renderErrorPage(theme, { ...error, [field]: value }),
  })),
];

test.each(fields)(
  "hostile text as $field changes no tag and no attribute of the page (BRO-11)",
  ({ field, render }) => {
    const link = /href|Uri|Url/.test(field);
    const harmless = shapeOf(render(link && !field.includes("stylesheet") ? "not a link" : "harmless"));
    for (const value of HOSTILE_TEXTS) {
      const shape = shapeOf(render(value));
      expect(shape.tags).toEqual(harmless.tags);
      // The stylesheet's address comes from the configuration; every other target passes parseLink (BRO-12).
      if (!field.includes("stylesheet")) {
        expect(shape.targets.filter((target) => !/^(https:\/\/|\/(?!\/))/.test(target))).toEqual([]);
      }
    }
  },
);

test("no page carries a script, an inline style or an event handler (BRO-10)", () => {
  const pages = [
    renderChooserPage(theme, chooser),
    renderChooserPage(theme, { ...chooser, homeRealm }),
    renderPasswordPage(theme, password),
    renderConsentPage(theme, consent),
    renderErrorPage(theme, error),
  ];
  for (const page of pages) {
    expect(page).toMatch(/^<!DOCTYPE html>\n<html lang="en">/);
    expect(page).not.toMatch(/<script|<style|\sstyle=|\son[a-z]+=/i);
    expect(page.match(/<h1>/g)).toHaveLength(1);
    const ids = [...page.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  }
});

test("links to elsewhere are https only and give nothing away (BRO-12)", () => {
  expect(renderConsentPage(theme, consent)).toContain(
    `<a href="https://grafana.example.com/" target="_blank" rel="noopener noreferrer nofollow">`,
  );
  const plain = renderConsentPage(theme, { ...consent, clientUri: "http://grafana.example.com/" });
  expect(plain).not.toContain("<a ");
  expect(plain).toContain("Grafana");
});

test("a client's picture, policy and terms are shown (oidcc-registration-logo-uri, -policy-uri, -tos-uri)", () => {
  const page = renderConsentPage(theme, {
    ...consent,
    logoUri: "https://cdn.example.com/logo.png?a=1&b",
    policyUri: "https://grafana.example.com/policy",
    termsUri: "https://grafana.example.com/terms",
  });
  expect(page).toContain(
    `<img class="client-logo" id="client-logo" src="https://cdn.example.com/logo.png?a=1&amp;b" alt="">`,
  );
  const outward = `target="_blank" rel="noopener noreferrer nofollow"`;
  expect(page).toContain(`<a id="client-policy" href="https://grafana.example.com/policy" ${outward}>`);
  expect(page).toContain(`<a id="client-terms" href="https://grafana.example.com/terms" ${outward}>`);
  const bare = renderConsentPage(theme, consent);
  for (const id of ["client-logo", "client-policy", "client-terms"]) expect(bare).not.toContain(id);
  expect(bare).toContain("client-mark");
  const unsafe = { logoUri: "/dex/logo.png", policyUri: "http://a.example/", termsUri: "javascript:alert(1)" };
  expect(renderConsentPage(theme, { ...consent, ...unsafe })).toBe(bare);
});

test("a logo that is neither https nor ours is left out (BRO-12)", () => {
  expect(renderErrorPage({ ...theme, logoUrl: "http://elsewhere.example/logo.png" }, error)).not.toContain("<img");
  expect(renderErrorPage({ ...theme, logoUrl: "/dex/static/logo.svg" }, error)).toContain(
    `<img class="logo" src="/dex/static/logo.svg" alt="dex">`,
  );
});

test("the sign-in form has the ids and names that people automate", () => {
  const page = renderPasswordPage(theme, password);
  expect(page).toContain(`<form id="login-form" method="post" action="/dex/auth/local/login?flow=1">`);
  expect(page).toContain(`<input type="hidden" name="form_token" value="token">`);
  expect(page).toMatch(/<label for="login">Email address<\/label>\n<input id="login" name="login" type="text"/);
  expect(page).toMatch(/<label for="password">Password<\/label>\n<input id="password" name="password" type="password"/);
  expect(page).toContain(`autocomplete="username"`);
  expect(page).toContain(`autocomplete="current-password"`);
  expect(page).toContain(`id="submit-login" type="submit"`);
});

test("the sign-in form says what was wrong next to the fields and never gives the password back", () => {
  const page = renderPasswordPage(theme, password);
  expect(page).toContain(`<p class="message" id="message" role="alert" aria-live="assertive">Wrong.</p>`);
  expect(page.match(/aria-invalid="true" aria-describedby="message"/g)).toHaveLength(2);
  expect(/<input id="password"[^>]*>/.exec(page)?.[0]).not.toContain("value=");
  expect(renderPasswordPage(theme, { ...password, message: undefined })).not.toContain("aria-invalid");
});

test("the cursor waits in the first empty field", () => {
  expect(/<input id="password"[^>]*>/.exec(renderPasswordPage(theme, password))?.[0]).toContain("autofocus");
  const blank = renderPasswordPage(theme, { ...password, login: "" });
  expect(/<input id="login"[^>]*>/.exec(blank)?.[0]).toContain("autofocus");
  expect(blank.match(/autofocus/g)).toHaveLength(1);
});

test("the consent form tells approve from deny", () => {
  const page = renderConsentPage(theme, consent);
  expect(page).toContain(`id="approve" type="submit" name="decision" value="approve"`);
  expect(page).toContain(`id="deny" type="submit" name="decision" value="deny"`);
  expect(page).toContain(`<form id="consent-form" method="post" action="/dex/consent?flow=1">`);
});

test("scopes are told in plain words, unknown ones by name", () => {
  const page = renderConsentPage(theme, consent);
  expect(page).toContain("See your email address");
  expect(page).toContain("Keep access while you are away");
  expect(page).toContain("Act for you at another application <code>other</code>");
  expect(page).toContain("Use a permission named <code>odd</code>");
  expect(renderConsentPage(theme, { ...consent, scopes: ["constructor"] })).toContain("<code>constructor</code>");
});

test("an unavailable connector is shown without a link", () => {
  const page = renderChooserPage(theme, chooser);
  expect(page).toContain(`<a class="choice" id="connector-local" href="/dex/auth/local?flow=1">`);
  expect(page).toContain(`<span class="choice unavailable" id="connector-corp">`);
  expect(page).toContain("Not available right now");
});

test("an address that led nowhere stands in the form again, named as wrong by the page's message", () => {
  const page = renderChooserPage(theme, { ...chooser, homeRealm });
  expect(page).toContain('<form class="wide" id="home-realm-form" method="post" action="/dex/login?flow=1">');
  expect(page).toMatch(/<label for="email">/);
  expect(page).toMatch(/id="email" [^>]*value="kim@example.com" aria-invalid="true" aria-describedby="message /);
  expect(page).toContain('id="find-connector"');
  expect(renderChooserPage(theme, { ...chooser, homeRealm: { ...homeRealm, wrong: false } })).not.toContain(
    "aria-invalid",
  );
});

test("without any connector the chooser says so", () => {
  expect(renderChooserPage(theme, { ...chooser, connectors: [] })).toContain("no way to sign in at the moment");
});

test("a static file's name follows its content and it names no other resource (BRO-10, NET-9)", () => {
  const [stylesheet] = staticFiles();
  expect(staticFiles()).toHaveLength(1);
  expect(stylesheet?.path).toMatch(/^\/static\/dex-[0-9a-f]{16}\.css$/);
  expect(stylesheet?.path).toBe(stylesheetPath());
  expect(stylesheet?.contentType).toBe("text/css; charset=utf-8");
  expect(stylesheet?.body.toString()).not.toMatch(/url\(|@import|https?:/);
});
