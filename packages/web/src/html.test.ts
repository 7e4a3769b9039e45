import { expect, test } from "vitest";
import { escapeHtml, html } from "./html.ts";

test("text is escaped in text and in attribute values (BRO-11)", () => {
  const hostile = `"><script>alert('1')</script>&\``;
  expect(html`<p title="${hostile}">${hostile}</p>`.toString()).toBe(
    '<p title="&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&#96;">&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&#96;</p>',
  );
});

test("finished HTML and lists of it are kept, undefined leaves nothing", () => {
  expect(html`<ul>${[html`<li>${1}</li>`, html`<li>${"<"}</li>`]}${undefined}</ul>`.toString()).toBe(
    "<ul><li>1</li><li>&lt;</li></ul>",
  );
});

test("control characters and lone surrogates become the replacement character (BRO-11)", () => {
  expect(escapeHtml("a\0b\x1b[2Jc\ud800d\n")).toBe("a\ufffdb\ufffd[2Jc\ufffdd\n");
});

test("a value outside of double quotes, or inside script or style, is refused (BRO-11)", () => {
  expect(() => html`<a href=${"x"}>y</a>`).toThrow("outside of double quotes");
  expect(() => html`<a href='${"x"}'>y</a>`).toThrow("outside of double quotes");
  expect(() => html`<${"b"}>y</b>`).toThrow("outside of double quotes");
  expect(() => html`<script>${"x"}</script>`).toThrow("script or style");
  expect(() => html`<style>${"x"}</style>`).toThrow("script or style");
});

test("text cannot stand for a whole attribute (BRO-11)", () => {
  expect(() => html`<input ${"onfocus=alert(1)"}>`).toThrow("only Html");
  expect(html`<input ${html`autofocus`} ${undefined}>`.toString()).toBe("<input autofocus >");
});

test("an object that only looks like HTML is escaped or refused (BRO-11)", () => {
  // What a caller without type checking could hand in.
  const forged = { toString: () => "<b>" } as unknown;
  expect(() => html`<p>${forged as string}</p>`.toString()).toThrow();
});
