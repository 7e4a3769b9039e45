// The short form of a run with ten thousand mails by hand: node packages/e2e/src/mail-load/main.ts
import { expect, test } from "vitest";
import { runMailLoad } from "./mail-load.ts";

test("of a queue of mails none is lost while server, Redis, Postgres and workers go away at random (I5, 4.14)", {
  timeout: 120_000,
}, async () => {
  const report = await runMailLoad({
    mails: 400,
    trouble: 0.04,
    faultEverySeconds: 2,
    seed: 3,
    seconds: 25,
    say: () => undefined,
  });
  expect(report).toMatchObject({ lost: 0, dead: 0 });
  expect(report.accepted + report.waiting).toBe(report.promised);
  expect(report.accepted).toBeGreaterThan(100);
});
