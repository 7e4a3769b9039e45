import { expect, test } from "vitest";
import { parseFormAction, parseImage, parseLink } from "./links.ts";

const linked = ["https://app.example.com/", "https://app.example.com/a?b=c#d", "/dex/auth?x=1", "/"];
test.each(linked)("%s is linked (BRO-12)", (url) => {
  expect(parseLink(url)).toBe(url);
});

const refusedLinks = [
  "http://app.example.com/",
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  " javascript:alert(1)",
  "java\nscript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "vbscript:x",
  "//evil.example",
  "/\\evil.example",
  "/\t/evil.example",
  "\\\\evil.example",
  "https:evil.example",
  "https://user:pass@evil.example/",
  "https://app.example.com@evil.example/",
  "https://a b/",
  "https://app.example.com/\u202egro",
  "evil.example",
  "",
  `https://app.example.com/${"a".repeat(3000)}`,
];
test.each(refusedLinks)("%j is not linked (BRO-12)", (url) => {
  expect(parseLink(url)).toBeUndefined();
});

test("a quote in a link cannot leave its attribute (BRO-12)", () => {
  expect(parseLink('https://app.example.com/"onclick="x')).toBe("https://app.example.com/%22onclick=%22x");
});

test.each([...refusedLinks, "https://evil.example/"])("a form does not post to %j (BRO-13)", (action) => {
  expect(() => parseFormAction(action)).toThrow("a path of our own origin");
});

test("an image comes with the one origin that a page must allow for it (BRO-10)", () => {
  const image = { link: "https://cdn.example.com:8443/a/b.png?c#d", origin: "https://cdn.example.com:8443" };
  expect(parseImage("https://CDN.example.com:8443/a/b.png?c#d")).toEqual(image);
});

test.each([
  ...refusedLinks,
  "/logo.png",
  "https://a.example;script-src/x.png",
  "https://a.example,default-src/x.png",
  "https://'self'/x.png",
  "https://*/x.png",
  "https://*.example/x.png",
  "https://[::1]/x.png",
])("%j is no image (BRO-10)", (url) => {
  expect(parseImage(url)).toBeUndefined();
});
