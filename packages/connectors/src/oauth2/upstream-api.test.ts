import { expect, test } from "vitest";
import * as z from "zod";
import { UpstreamUnreachable } from "../bounded-fetch.ts";
import { LoginRefused } from "../login-refused.ts";
import { makeUpstreamApi, nextLink, type UpstreamApi } from "./upstream-api.ts";

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

test("a list whose next page is itself, or that never ends, is an error (C 24)", async () => {
  await expect(open({ [`${ORIGIN}/list`]: pointing(`${ORIGIN}/list`) }).pages()).rejects.toThrow("does not end");
  const endless = Object.fromEntries(
    Array.from({ length: 100 }, (_, n) => [`${ORIGIN}/list${n || ""}`, pointing(`${ORIGIN}/list${n + 1}`)]),
  );
  const { pages, asked } = open(endless);
  await expect(pages()).rejects.toThrow("does not end");
  expect(asked.length).toBeLessThanOrEqual(50);
});

test("a GET that got lost is sent once more, one of all; a POST and a refused one are not", async () => {
  const lost = new UpstreamUnreachable("reset", { connectionLost: true });
  const slow = new UpstreamUnreachable("too slow");
  const ok = () => Response.json({});
  const status = (code: number) => new Response("{}", { status: code });
  const run = async (answers: (Error | Response)[], call: (api: UpstreamApi) => Promise<unknown>) => {
    let sent = 0;
    const api = makeUpstreamApi({
      fetch: async () => {
        sent += 1;
        const answer = answers.shift();
        if (answer instanceof Error) throw answer;
        return answer ?? ok();
      },
      ...{ origin: ORIGIN, accessToken: "t", headers: {}, signal: AbortSignal.timeout(5_000) },
    });
    const outcome = await call(api).then(
      () => "answered",
      () => "failed",
    );
    return [outcome, sent];
  };
  const get = (api: UpstreamApi) => api.get(`${ORIGIN}/x`, page);
  const twice = async (api: UpstreamApi) => [await get(api), await get(api)];
  expect(await run([lost], get)).toEqual(["answered", 2]);
  for (const code of [502, 503, 504]) expect(await run([status(code)], get)).toEqual(["answered", 2]);
  for (const code of [500, 429, 401]) expect(await run([status(code)], get)).toEqual(["failed", 1]);
  expect(await run([slow], get)).toEqual(["failed", 1]);
  expect(await run([lost, lost], get)).toEqual(["failed", 2]);
  expect(await run([lost, ok(), lost], twice)).toEqual(["failed", 3]);
  expect(await run([lost], (api) => api.post(`${ORIGIN}/x`, {}, page))).toEqual(["failed", 1]);
  expect(await run([status(503)], (api) => api.post(`${ORIGIN}/x`, {}, page))).toEqual(["failed", 1]);
});

test("the token is not taken to another host by a POST either (SSR-1)", async () => {
  const { api, asked } = open({});
  await expect(api.post("https://evil.example/x", {}, page)).rejects.toThrow("on another host");
  expect(asked).toEqual([]);
});

test("pages that are too long together are an error", async () => {
  const long = "x".repeat(900_000);
  const many = Object.fromEntries(
    Array.from({ length: 20 }, (_, n) => [
      `${ORIGIN}/list${n || ""}`,
      Response.json({ next: `${ORIGIN}/list${n + 1}`, long }),
    ]),
  );
  const { pages, asked } = open(many);
  await expect(pages()).rejects.toThrow("too long");
  expect(asked.length).toBeLessThan(12);
});

test("an id that is longer than a number can hold stays as it was written", async () => {
  const { api } = open({
    [`${ORIGIN}/user`]: new Response('{"id": 9007199254740993, "near": 9007199254740991, "f": 1e300}'),
  });
  const { body } = await api.get(`${ORIGIN}/user`, z.json());
  expect(body).toEqual({ id: "9007199254740993", near: 9007199254740991, f: 1e300 });
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
  { status: 403, body: { message: "no" }, refusal: { kind: "refused", detail: /403 "no"/ } },
  {
    status: 400,
    body: { error: { type: "OAuthException", message: "expired" } },
    refusal: { kind: "refused", detail: /"OAuthException" "expired"/ },
  },
  {
    status: 400,
    body: { error: { message: "later", is_transient: true } },
    refusal: { kind: "unavailable", detail: /later/ },
  },
  { status: 429, body: {}, refusal: { kind: "unavailable", detail: /429/ } },
  { status: 503, body: "down", refusal: { kind: "unavailable", detail: /503/ } },
])("status $status tells what the provider said, in the log (v1 N06)", async ({ status, body, refusal }) => {
  const { api } = open({ [`${ORIGIN}/user`]: Response.json(body, { status }) });
  const error: unknown = await api.get(`${ORIGIN}/user`, page).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ refusal: { kind: refusal.kind, detail: expect.stringMatching(refusal.detail) } });
});

test.each([
  ["x-ratelimit-remaining", "0", "unavailable"],
  ["retry-after", "60", "unavailable"],
  ["x-ratelimit-remaining", "10", "refused"],
])("a 403 with %s: %s is %s: asking too often is nobody's fault", async (name, value, kind) => {
  const answer = () => new Response("{}", { status: 403, headers: { [name]: value } });
  const { api } = open({ [`${ORIGIN}/user`]: answer() });
  const error: unknown = await api.get(`${ORIGIN}/user`, page).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ refusal: { kind } });
  const { api: second } = open({ [`${ORIGIN}/user`]: answer() });
  const status: unknown = await second.status(`${ORIGIN}/user`).catch((caught: unknown) => caught);
  if (kind === "refused") expect(status).toBe(403);
  else expect(status).toMatchObject({ refusal: { kind } });
});
