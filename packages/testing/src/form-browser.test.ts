import { expect, test } from "vitest";
import { readForm } from "./form-browser.ts";

const url = new URL("http://127.0.0.1/dex/register?flow=x");
const page = (text: string) => ({ status: 200, url, headers: new Headers(), text });

test("a form's fields are read with their values, hidden and prefilled, entities decoded (v1 F12)", () => {
  const form = readForm(
    page(`<form id="other" action="/elsewhere"><input name="a" value="0"></form>
      <form id="wanted" method="post" action="/dex/register?flow=x&amp;y=1">
        <input type="hidden" name="form_token" value="t&quot;k">
        <input name="email" value="ada@example.com"><input name="password" type="password">
      </form>`),
    "wanted",
  );
  expect(form).toMatchObject({ method: "POST", action: new URL("/dex/register?flow=x&y=1", url) });
  expect([...form.fields]).toEqual([
    ["form_token", 't"k'],
    ["email", "ada@example.com"],
    ["password", ""],
  ]);
});
