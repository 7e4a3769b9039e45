import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { CONTINUE_SCRIPT, type ContinueView, renderContinuePage, type Theme } from "./index.ts";

const theme: Theme = { issuerName: "dex", logoUrl: undefined, stylesheetUrl: "/static/x.css" };
const render = (view: Partial<ContinueView>) =>
  renderContinuePage(theme, { to: "Corporate", action: "https://idp.example/sso", fields: [["a", "b"]], ...view });

describe("the page that posts a form on", () => {
  test("holds every field in order, and a button for browsers without scripts", () => {
    const page = render({
      fields: [
        ["SAMLRequest", "PHg+"],
        ["RelayState", "one.two"],
      ],
    });
    expect(page).toMatch(
      /<form [^>]*id="continue-form" method="post" action="https:\/\/idp\.example\/sso">\s*<input type="hidden" name="SAMLRequest" value="PHg\+"><input type="hidden" name="RelayState" value="one\.two">\s*<button [^>]*id="continue" type="submit">Continue</,
    );
  });

  test("sends it by GET where asked to, and says of a sign-out what is done and what is not", () => {
    const page = render({ method: "get", signedOut: true });
    expect(page).toContain('id="continue-form" method="get" action="https://idp.example/sso"');
    expect(page).toContain("<h1>You are signed out here</h1>");
    expect(page).toContain('<bdi class="name">Corporate</bdi> is asked to sign you out there');
    expect(render({})).not.toContain("signed out");
  });

  test("its one script is the one that the policy names (BRO-10)", () => {
    const scripts = [...render({}).matchAll(/<script>([\s\S]*?)<\/script>/g)];
    expect(scripts).toHaveLength(1);
    const hash = createHash("sha256").update(scripts[0]?.[1] ?? "");
    expect(CONTINUE_SCRIPT).toBe(`'sha256-${hash.digest("base64")}'`);
  });

  test.each(['"><script>alert(1)</script>', "'><img src=x onerror=alert(1)>", "</form><form action=//evil>"])(
    "a field called and holding %s is text (BRO-11)",
    (hostile) => {
      const page = render({ to: hostile, fields: [[hostile, hostile]] });
      expect(page.match(/<script/g)).toHaveLength(1);
      expect(page.match(/<form/g)).toHaveLength(1);
      expect(page).not.toContain("<img src=x");
    },
  );

  test.each(["javascript:alert(1)", "data:text/html,x", "//evil.example/", "https://user:pw@idp.example/", "ftp://x/"])(
    "posts nothing to %s (BRO-12)",
    (action) => {
      expect(() => render({ action })).toThrow(/form's action/);
    },
  );
});
