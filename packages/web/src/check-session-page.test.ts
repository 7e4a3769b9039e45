import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { CHECK_SESSION_SCRIPT, renderCheckSessionPage } from "./index.ts";

test("the one script of the session frame is the one that its policy names (BRO-10)", () => {
  const scripts = [...renderCheckSessionPage({ cookieName: "state" }).matchAll(/<script>([\s\S]*?)<\/script>/g)];
  expect(scripts).toHaveLength(1);
  const hash = createHash("sha256").update(scripts[0]?.[1] ?? "");
  expect(CHECK_SESSION_SCRIPT).toBe(`'sha256-${hash.digest("base64")}'`);
});

test("the session frame has nothing in it that is loaded, followed or sent", () => {
  const page = renderCheckSessionPage({ cookieName: "state" });
  expect(page).not.toMatch(/ (src|href|action)=|fetch\(|XMLHttpRequest/);
  // An answer for whomever.
  expect(page).not.toContain('"*"');
});

test("the name of the cookie is text (BRO-11)", () => {
  expect(renderCheckSessionPage({ cookieName: '"><script>' }).match(/<script/g)).toHaveLength(1);
});
