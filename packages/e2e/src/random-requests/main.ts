// node packages/e2e/src/random-requests/main.ts --requests 100000: random requests by hand. Exits 1 at the first bad answer.
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { startFleet } from "@dex/testing";
import { runRandomRequests } from "./random-requests.ts";
import { CERTIFICATE_HEADER } from "./requests.ts";

const print = (text: string) => void process.stdout.write(`${text}\n`);

// Ended this way, no process of the fleet stays behind.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  print(`usage: node packages/e2e/src/random-requests/main.ts [--requests 100000] [--seed 1]
Sends random requests to every endpoint of a fleet of its own. None may be answered with a 5xx, late, with a redirect to an
address that nobody registered, or with markup of its own.`);
} else {
  const registrationToken = randomBytes(32).toString("base64");
  const startedAt = performance.now();
  const fleet = await startFleet({
    workers: 2,
    workerEnv: {
      DEX_WORKER_ENABLE_FRONT_CHANNEL_TOKENS: "true",
      DEX_WORKER_ENABLE_CLIENT_REGISTRATION: "true",
      DEX_WORKER_CLIENT_REGISTRATION_TOKENS: registrationToken,
      DEX_WORKER_PASSWORD_GRANT_CONNECTORS: "local",
      DEX_WORKER_ENABLE_BACKCHANNEL_DECISIONS_BY_ADMINISTRATORS: "true",
      DEX_WORKER_CLIENT_CERTIFICATE_HEADER: CERTIFICATE_HEADER,
      DEX_WORKER_CLIENT_ID_DOCUMENTS: "any",
      DEX_WORKER_INSECURE_PRIVATE_CLIENT_ADDRESSES: "true",
    },
  });
  try {
    const report = await runRandomRequests(fleet.facts, registrationToken, {
      requests: Number(values.requests),
      seed: Number(values.seed),
      say: (line) => print(`${((performance.now() - startedAt) / 1000).toFixed(0)} s  ${line}`),
    });
    print(JSON.stringify(report, null, 2));
    if (report.violations.length > 0) process.exitCode = 1;
  } finally {
    await fleet.stop();
  }
}
