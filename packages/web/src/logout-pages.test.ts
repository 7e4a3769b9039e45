import { expect, test } from "vitest";
import { renderLoggedOutPage, renderLogoutPage } from "./logout-pages.ts";

const theme = { issuerName: "Example", logoUrl: undefined, stylesheetUrl: "/dex/static/x.css" };
const view = { frames: [], next: undefined, signInHref: "/dex/account" };

test("the question can be answered by people and by programs: its form and its button keep their ids", () => {
  const asked = { clientName: "<b>Shop</b>", userEmail: "ada@example.com", action: "/dex/logout/confirm" };
  const page = renderLogoutPage(theme, { ...asked, formToken: "t", request: "r" });
  expect(page).toContain('<form id="logout-form" method="post" action="/dex/logout/confirm">');
  expect(page).toContain('id="submit-logout"');
  expect(page).toContain("&lt;b&gt;Shop&lt;/b&gt;");
});

const addresses = [
  { address: "https://rp.example/out?a=b&c=d", linked: "https://rp.example/out?a=b&amp;c=d" },
  { address: "http://127.0.0.1:5555/out", linked: "http://127.0.0.1:5555/out" },
  { address: "com.example.app:/out", linked: "com.example.app:/out" },
  { address: "javascript:alert(1)", linked: undefined },
  { address: "data:text/html,x", linked: undefined },
  { address: "https://user:secret@rp.example/", linked: undefined },
  { address: "//rp.example/out", linked: undefined },
  { address: "https://rp.example/\nout", linked: undefined },
];
test.each(addresses)("$address is linked as $linked (BRO-12)", ({ address, linked }) => {
  const page = renderLoggedOutPage(theme, { ...view, next: address, frames: [address] });
  if (linked === undefined) {
    expect(page).toContain('id="sign-in-again" href="/dex/account"');
    expect(page).not.toContain("<iframe");
    expect(page).not.toContain(address);
  } else {
    expect(page).toContain(`id="continue" href="${linked}"`);
    expect(page).toContain(`src="${linked}" sandbox="allow-scripts allow-same-origin" hidden`);
  }
});
