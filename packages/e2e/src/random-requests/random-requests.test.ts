// The short form of a run with a hundred thousand requests by hand: node packages/e2e/src/random-requests/main.ts
import { expect, inject, test } from "vitest";
import { runRandomRequests } from "./random-requests.ts";
import { type Answer, wrongWith } from "./verdict.ts";

const { facts, registrationToken } = inject("sharedFleet");

test("of thousands of random requests to every endpoint none gets a 5xx, waits, is led astray or sees its own markup (AUT-10, RED-10, BRO-11, SQL-1)", {
  timeout: 120_000,
}, async () => {
  // Another seed in each run: what is found is printed, and can be run again by hand.
  const seed = Math.trunc(performance.timeOrigin) % 1_000_000;
  const report = await runRandomRequests(facts, registrationToken, { requests: 10_000, seed, say: () => undefined });
  expect(report.violations, `seed ${seed}`).toEqual([]);
  expect(report.requests).toBeGreaterThanOrEqual(10_000);
  // Some get through: were all refused at the door, nothing behind it would have been tried.
  expect(report.statuses).toMatchObject({ 200: expect.any(Number), 303: expect.any(Number), 400: expect.any(Number) });
  const grants = ["token-exchange", "jwt-bearer"].map((name) => `urn:ietf:params:oauth:grant-type:${name}`);
  const newer = [
    ...["/par", "/introspect", "/revoke", "/device/code"].map((path) => `POST /dex${path}`),
    ...["client_credentials", "refresh_token", ...grants].map((grant) => `POST /dex/token ${grant}`),
    ...["GET /dex/userinfo", "GET /.well-known/oauth-protected-resource/dex/userinfo"],
  ];
  expect(Object.keys(report.accepted)).toEqual(expect.arrayContaining(newer));
});

const dex = { issuer: "https://dex.example/dex", registered: ["https://rp.example/cb"] };
const page = (body: string): Partial<Answer> => ({ headers: { "content-type": "text/html; charset=utf-8" }, body });

test.each<[string, Partial<Answer>, string | undefined]>([
  ["a page", page('<p>&lt;zq9 x=&quot;1&quot;&gt;</p><form action="/dex/login">'), undefined],
  ["a redirect home", { headers: { location: "/dex/login?flow=x" } }, undefined],
  ["a redirect to a client", { headers: { location: "https://rp.example/cb?error=x" } }, undefined],
  ["an answer by form_post", page('<form method="post" action="https://rp.example/cb?a=1&amp;b">'), undefined],
  ["a refusal that quotes JSON", { headers: { "content-type": "application/json" }, body: '{"x":"<zq9"}' }, undefined],
  ["an error of ours", { status: 500 }, "status 500"],
  ["a busy sign", { status: 503 }, "status 503"],
  ["a slow answer", { milliseconds: 6_000 }, "an answer after 6000 ms"],
  ["a header of the request", { headers: { "x-zq9": "1" } }, "a header that the request wrote"],
  [
    "a stranger's address",
    { headers: { location: "https://evil.example/cb" } },
    "a redirect to https://evil.example/cb",
  ],
  ["a longer path", { headers: { location: "https://rp.example/cb/x?a" } }, "a redirect to https://rp.example/cb/x?a"],
  ["two slashes", { headers: { location: "//evil.example" } }, "a redirect to //evil.example"],
  ["a backslash", { headers: { location: "/\\dex.example" } }, "a redirect to /\\dex.example"],
  ["a script", { headers: { location: "javascript:alert(1)" } }, "a redirect to javascript:alert(1)"],
  ["markup", page("<p><zq9 x=1></p>"), "markup of the request on the page"],
  ["an attribute", page('<p title="" zq9="1">'), "an attribute of the request on the page"],
  ["a script in a link", page('<a href="javascript:zq9">'), "a script in a link of the page"],
  [
    "a form that leads away",
    page('<form action="https://evil.example/">'),
    "a form that goes to https://evil.example/",
  ],
  ["a stack", page("<p>Error at handle (file:///srv/dex.ts:1)</p>"), "the inside of the program"],
])("%s is told as what it is", (_, answer, wrong) => {
  expect(wrongWith({ status: 200, headers: {}, body: "", milliseconds: 1, ...answer }, dex)).toBe(wrong);
});
