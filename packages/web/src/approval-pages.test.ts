import { expect, test } from "vitest";
import { HOSTILE_TEXTS, shapeOf } from "../test/page-shape.ts";
import { renderBackchannelApprovalPage, renderBackchannelDonePage } from "./backchannel-pages.ts";
import { renderDeviceApprovalPage, renderDeviceCodePage, renderDeviceDonePage } from "./device-pages.ts";

const theme = { issuerName: "dex", logoUrl: undefined, stylesheetUrl: "/static/dex.css" };
const approval = (text: string) => ({
  clientName: text,
  unverified: true,
  userEmail: text,
  scopes: ["openid", text],
  resources: [{ name: text, scopes: [text], details: [{ name: text, members: [{ name: text, value: text }] }] }],
  otherClients: [text],
  action: "/dex/device/approve?flow=1",
  formToken: text,
});
const accountHref = "/dex/account";

/** Every text of every page. */
const pages: readonly { page: string; render: (text: string) => string }[] = [
  {
    page: "the code",
    render: (text) =>
      renderDeviceCodePage(theme, { action: "/dex/device?flow=1", formToken: text, userCode: text, message: text }),
  },
  {
    page: "the approval of a device",
    render: (text) => renderDeviceApprovalPage(theme, { ...approval(text), userCode: text }),
  },
  {
    page: "the approval of a client that asked",
    render: (text) => renderBackchannelApprovalPage(theme, { ...approval(text), bindingMessage: text }),
  },
  ...(["approved", "denied"] as const).flatMap((decision) => [
    {
      page: `a device, ${decision}`,
      render: (text: string) => renderDeviceDonePage(theme, { decision, clientName: text, accountHref }),
    },
    {
      page: `a client that asked, ${decision}`,
      render: (text: string) => renderBackchannelDonePage(theme, { decision, clientName: text, accountHref }),
    },
  ]),
];

test.each(pages)("no text makes markup, or leads elsewhere, on the page of $page (BRO-11)", ({ render }) => {
  for (const text of HOSTILE_TEXTS) expect(shapeOf(render(text))).toEqual(shapeOf(render("harmless")));
});

test.each(pages)("the page of $page has one heading, no script and no id twice (BRO-10)", ({ render }) => {
  const page = render("Television");
  expect(page).not.toMatch(/<script|<style|\sstyle=|\son[a-z]+=/i);
  expect(page.match(/<h1[ >]/g)).toHaveLength(1);
  const ids = [...page.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test("who allowed something is led to where it can be ended, and who did not is told that nothing is left to do", () => {
  for (const render of [renderDeviceDonePage, renderBackchannelDonePage]) {
    const end = (decision: "approved" | "denied") => render(theme, { decision, clientName: "Television", accountHref });
    expect(end("approved")).toContain(`<a id="account" href="/dex/account">`);
    expect(end("denied")).toContain("nothing more to do");
  }
});
