import { Secret } from "@dex/runtime";
import PostalMime from "postal-mime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type OutgoingMail, openMailgunTransport, parseMailAddress, type SendOutcome } from "../src/index.ts";
import { type MailApi, startMailApi } from "./mail-api.ts";
import { findFreePort } from "./mail-server.ts";

const ACCOUNT = { apiKey: "canary-api-key", domain: "mg.example.com" };

let api: MailApi;
beforeEach(async () => {
  api = await startMailApi(ACCOUNT);
});
afterEach(() => api.close());

function addressOf(text: string) {
  const address = parseMailAddress(text);
  if (address === undefined) throw new Error(`${text} is not an address`);
  return address;
}

const mail: OutgoingMail = {
  id: "0b7e9f3c-1111-4222-8333-444455556666",
  kind: "invitation",
  from: addressOf("noreply@example.com"),
  fromName: "Example Accounts",
  to: addressOf("jane@example.com"),
  subject: "Grüße",
  text: "Grüße, in text\n",
  html: "<p>Grüße, in HTML</p>\n",
};

function send(
  changes: Partial<OutgoingMail> = {},
  account: Partial<typeof ACCOUNT> = {},
  base = api.url,
): Promise<SendOutcome> {
  const { apiKey, domain } = { ...ACCOUNT, ...account };
  return openMailgunTransport({ apiKey: new Secret(apiKey), domain, apiBase: new URL(base) }).send({
    ...mail,
    ...changes,
  });
}

test("a mail is handed over as the API documents it, with both parts and a fixed Message-ID (v1 E03, v1 E04)", async () => {
  expect(await send()).toEqual({ kind: "accepted" });
  expect(api.complaints).toEqual([]);
  expect(api.taken).toEqual([
    {
      from: '"Example Accounts" <noreply@example.com>',
      to: "jane@example.com",
      subject: "Grüße",
      text: "Grüße, in text\n",
      html: "<p>Grüße, in HTML</p>\n",
      "h:Message-ID": "<0b7e9f3c-1111-4222-8333-444455556666@example.com>",
      "h:Auto-Submitted": "auto-generated",
      "o:tracking": "no",
    },
  ]);
});

test("a part that is not there is not made up (v1 E04)", async () => {
  await send({ text: undefined });
  await send({ html: undefined });
  expect(api.taken.map((form) => ["text" in form, "html" in form])).toEqual([
    [false, true],
    [true, false],
  ]);
});

test.each(['Dex" <eve@evil.example>, "', "Dex\\", "Dex\r\nBcc: eve@evil.example", "eve@evil.example,"])(
  "a sender's name %j adds no address and no header (ACC-10)",
  async (fromName) => {
    expect(await send({ fromName })).toEqual({ kind: "accepted" });
    const { from = "" } = api.taken[0] ?? {};
    expect(from).not.toMatch(/[\r\n]/);
    const parsed = await PostalMime.parse(`From: ${from}\r\n\r\n`);
    expect(parsed.from?.address).toBe("noreply@example.com");
  },
);

const outcomes = [
  { answer: 200, kind: "accepted" },
  { answer: 202, kind: "accepted" },
  { answer: 400, kind: "refused" },
  { answer: 413, kind: "refused" },
  { answer: 401, kind: "failed" },
  { answer: 403, kind: "failed" },
  { answer: 404, kind: "failed" },
  { answer: 429, kind: "failed" },
  { answer: 503, kind: "failed" },
  { answer: 302, kind: "failed" },
  { answer: 307, kind: "failed" },
  { answer: 500, kind: "unknown" },
  { answer: 502, kind: "unknown" },
  { answer: "drop", kind: "unknown" },
] as const;
test.each(outcomes)("$answer means $kind, and no redirect is followed (NET-9)", async ({ answer, kind }) => {
  api.answer = answer;
  const outcome = await send();
  expect(outcome.kind).toBe(kind);
  expect(api.taken).toHaveLength(1);
  expect(JSON.stringify(outcome), "an answer that repeats the address (LOG-2)").not.toContain("jane");
});

test("a service that never answers is given up within 10 seconds, its mail perhaps taken (NET-9)", async () => {
  api.answer = "silence";
  const started = performance.now();
  expect(await send()).toEqual({ kind: "unknown", error: "timeout" });
  expect(performance.now() - started).toBeLessThan(11_000);
}, 15_000);

test("nobody at the port counts as not delivered", async () => {
  expect(await send({}, {}, `http://127.0.0.1:${await findFreePort()}`)).toEqual({
    kind: "failed",
    error: "ECONNREFUSED",
  });
});

test("a wrong key is not repeated (LOG-1)", async () => {
  const outcome = await send({}, { apiKey: "canary-wrong-key" });
  expect(api.complaints).toEqual(["credentials"]);
  expect(JSON.stringify(outcome)).not.toContain("canary");
});
