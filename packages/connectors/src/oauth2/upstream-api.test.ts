import { expect, test } from "vitest";
import * as z from "zod";
import { LoginRefused } from "../login-refused.ts";
import { makeUpstreamApi, nextLink } from "./upstream-api.ts";

const ORIGIN = "https://api.example";
const page = z.object({ next: z.string().optional() });

/** An API that answers each address with what stands there. */
function open(answers: Readonly<Record<string, Response>>) {
  const asked: string[] = [];
  const api = makeUpstreamApi({
    fetch: async (url, { headers }) => {
      expect(headers.authorization).toBe("Bearer token-canary");
      asked.push(url);
      return answers[url]?.clone() ?? new Response("{}", { status: 404 });
    },
    origin: ORIGIN,
    accessToken: "token-canary",
    headers: {},
    signal: AbortSignal.timeout(5_000),
  });
  const pages = () => api.pages(`${ORIGIN}/list`, page, ({ body }) => body.next);
  return { api, pages, asked };
}
const pointing = (next: string) => Response.json({ next });

test.each([
  "https://evil.example/list",
  "http://api.example/list",
  "https://api.example:444/list",
  "//evil.example",
  "nonsense",
])("the token is not taken to a next page at %s (SSR-1)", async (next) => {
  const { pages, asked } = open({ [`${ORIGIN}/list`]: pointing(next) });
  await expect(pages()).rejects.toBeInstanceOf(LoginRefused);
  expect(asked).toEqual([`${ORIGIN}/list`]);
});

test("a list whose next page is itself, or that never ends, is an error", async () => {
  await expect(open({ [`${ORIGIN}/list`]: pointing(`${ORIGIN}/list`) }).pages()).rejects.toThrow("does not end");
  const endless = Object.fromEntries(
    Array.from({ length: 100 }, (_, n) => [`${ORIGIN}/list${n || ""}`, pointing(`${ORIGIN}/list${n + 1}`)]),
  );
  const { pages, asked } = open(endless);
  await expect(pages()).rejects.toThrow("does not end");
  expect(asked.length).toBeLessThanOrEqual(50);
});

test.each([
  ['<https://a.example/2>; rel="next"', "https://a.example/2"],
  [
    '<https://a.example/1>; rel="prev", <https://a.example/3>; rel="next", <https://a.example/9>; rel="last"',
    "https://a.example/3",
  ],
  ['<https://a.example/2>; title="x"; rel=next', "https://a.example/2"],
  ['<https://a.example/9>; rel="last"', undefined],
  ['<https://a.example/2>; rel="nextish"', undefined],
  ["", undefined],
])("the next page of %j is %s (RFC 8288 §3)", (link, expected) => {
  expect(nextLink({ body: undefined, headers: new Headers({ link }) })).toBe(expected);
});

test.each([
  { status: 401, body: { message: "Bad credentials" }, refusal: { kind: "refused", detail: /401 "Bad credentials"/ } },
  { status: 400, body: { error: "a", error_description: "b" }, refusal: { kind: "refused", detail: /"a" "b"/ } },
  { status: 429, body: {}, refusal: { kind: "unavailable", detail: /429/ } },
  { status: 503, body: "down", refusal: { kind: "unavailable", detail: /503/ } },
])("status $status tells what the provider said, in the log (v1 N06)", async ({ status, body, refusal }) => {
  const { api } = open({ [`${ORIGIN}/user`]: Response.json(body, { status }) });
  const error: unknown = await api.get(`${ORIGIN}/user`, page).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ refusal: { kind: refusal.kind, detail: expect.stringMatching(refusal.detail) } });
});
