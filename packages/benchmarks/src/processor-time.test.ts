import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { timeOfFamily, timeOfProcess } from "./processor-time.ts";

const BUSY = "for (const end = performance.now() + 150; performance.now() < end; );";

test("the time of a process grows with its work and holds the time of its hashing threads", async () => {
  const work = `new (require("node:worker_threads").Worker)(${JSON.stringify(BUSY)}, { eval: true })
    .on("online", () => process.stdout.write("x")).on("exit", () => process.exit()); process.stdin.resume();`;
  const child = spawn(process.execPath, ["-e", work], { stdio: ["pipe", "pipe", "ignore"] });
  const pid = child.pid ?? 0;
  let most = { total: 0, hashing: 0 };
  const watch = setInterval(() => {
    const time = timeOfProcess(pid);
    if (time.hashing > most.hashing) most = time;
  }, 5);
  await once(child, "exit").finally(() => clearInterval(watch));
  expect(most.hashing).toBeGreaterThan(0);
  expect(most.total).toBeGreaterThanOrEqual(most.hashing);
});

test("a family's time holds that of children that have ended", async () => {
  const before = timeOfFamily(process.pid);
  const child = spawn(process.execPath, ["-e", BUSY], { stdio: "ignore" });
  await once(child, "exit");
  expect(timeOfFamily(process.pid) - before).toBeGreaterThanOrEqual(100_000);
});
