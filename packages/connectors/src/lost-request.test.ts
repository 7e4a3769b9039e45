import { expect, test } from "vitest";
import { UpstreamUnreachable } from "./bounded-fetch.ts";
import { retryLostGet } from "./lost-request.ts";

const lost = () => Promise.reject(new UpstreamUnreachable("connection lost", { connectionLost: true }));
const slow = () => Promise.reject(new UpstreamUnreachable("too slow"));
const answer = (status: number) => async () => new Response("", { status });

/** A fetch that does one thing after the other, and how often it was called. */
function inTurn(...steps: (() => Promise<Response>)[]) {
  const calls = { count: 0 };
  const fetch = () => {
    const step = steps[calls.count];
    calls.count += 1;
    return step === undefined ? Promise.reject(new Error("asked too often")) : step();
  };
  return { calls, fetch };
}

const get = { method: "GET", headers: {} };

test.each([
  { what: "a lost connection", first: lost },
  { what: "502", first: answer(502) },
  { what: "503", first: answer(503) },
  { what: "504", first: answer(504) },
])("a GET is sent once more after $what, and its second answer counts (4.11)", async ({ first }) => {
  const { calls, fetch } = inTurn(first, answer(200));
  expect((await retryLostGet(fetch)("https://up.example/", get)).status).toBe(200);
  expect(calls.count).toBe(2);
  const twice = inTurn(first, answer(503));
  expect((await retryLostGet(twice.fetch)("https://up.example/", get)).status).toBe(503);
  expect(twice.calls.count).toBe(2);
});

test.each([
  { what: "an answer of the server itself", first: answer(500), method: "GET" },
  { what: "one that took too long", first: slow, method: "GET" },
  { what: "anything but a GET", first: lost, method: "POST" },
])("nothing is sent again after $what", async ({ first, method }) => {
  const { calls, fetch } = inTurn(first, answer(200));
  await retryLostGet(fetch)("https://up.example/", { method, headers: {} }).catch(() => undefined);
  expect(calls.count).toBe(1);
});
