import { expect, test } from "vitest";
import { describeBrowser } from "./account-browser-name.ts";
import { describeMoment } from "./account-moment.ts";
import { parseAccountNotice } from "./account-notices.ts";

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
