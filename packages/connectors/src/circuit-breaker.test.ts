import { makeHandSetClock } from "@dex/testing";
import { expect, test } from "vitest";
import { makeCircuitBreaker } from "./circuit-breaker.ts";

function setUp() {
  const clock = makeHandSetClock();
  const breaker = makeCircuitBreaker(clock.now);
  const call = (result: "answered" | "failed") => {
    const admission = breaker.admit();
    if (admission.kind === "admitted") admission.settle(result);
    return admission.kind;
  };
  return { clock, breaker, call };
}

test("five failures within ten seconds stop all calls for five", () => {
  const { clock, call } = setUp();
  for (let failure = 0; failure < 5; failure += 1) expect(call("failed")).toBe("admitted");
  expect(call("answered")).toBe("refused");
  clock.advance(4.9);
  expect(call("answered")).toBe("refused");
  clock.advance(0.2);
  expect(call("answered")).toBe("admitted");
  expect(call("answered")).toBe("admitted");
});

test("failures further apart than ten seconds stop nothing", () => {
  const { clock, call } = setUp();
  for (let failure = 0; failure < 20; failure += 1) {
    expect(call("failed")).toBe("admitted");
    clock.advance(2.6);
  }
});

test("one caller probes; the others are refused until it is back, and its failure closes the door again", () => {
  const { clock, breaker, call } = setUp();
  for (let failure = 0; failure < 5; failure += 1) call("failed");
  clock.advance(5);
  const probe = breaker.admit();
  expect(call("answered")).toBe("refused");
  if (probe.kind === "admitted") probe.settle("failed");
  expect(call("answered")).toBe("refused");
  clock.advance(5);
  expect(call("answered")).toBe("admitted");
});

test("calls that were under way when the circuit opened do not open or close it again", () => {
  const { clock, breaker, call } = setUp();
  const slow = [breaker.admit(), breaker.admit()];
  for (let failure = 0; failure < 5; failure += 1) call("failed");
  for (const one of slow) if (one.kind === "admitted") one.settle("answered");
  expect(call("answered")).toBe("refused");
  clock.advance(5);
  expect(call("answered")).toBe("admitted");
});

test("at most twenty calls are under way at once", () => {
  const { breaker } = setUp();
  const admissions = Array.from({ length: 25 }, () => breaker.admit());
  expect(admissions.filter(({ kind }) => kind === "admitted")).toHaveLength(20);
  const [first] = admissions;
  if (first?.kind === "admitted") first.settle("answered");
  expect(breaker.admit().kind).toBe("admitted");
});
