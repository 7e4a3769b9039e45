// The fleet of docker-compose.yml as plain processes on this machine, for people and for trials of failure.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { startFleet } from "../packages/testing/src/fleet/fleet.ts";
import { renderFacts } from "../packages/testing/src/fleet/fleet-facts.ts";

const USAGE = `scripts/fleet: starts Postgres, Redis, dex-overlord, dex-worker, HAProxy and the example app

  --workers N      number of workers behind the load balancer, 1 to 9 (default 3)
  --overlords N    number of overlords, one leads and the others stand by (default 1)
  --bundles        runs the bundles in dist/ (make them with scripts/bundle.ts) instead of the sources
  --facts FILE     where to write issuer, secrets and process ids as JSON (default .dex/fleet.json)
  --help           prints this text`;

try {
  const { values } = parseArgs({
    options: {
      workers: { type: "string", default: "3" },
      overlords: { type: "string", default: "1" },
      bundles: { type: "boolean", default: false },
      facts: { type: "string", default: ".dex/fleet.json" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) console.log(USAGE);
  else await run(values);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function run(flags: { workers: string; overlords: string; bundles: boolean; facts: string }): Promise<void> {
  const fleet = await startFleet({
    workers: count(flags.workers, "--workers"),
    overlords: count(flags.overlords, "--overlords"),
    programs: flags.bundles ? "bundles" : "sources",
    ports: { issuer: 5556, admin: 5557, exampleApp: 5555 },
    say: (line) => console.log(line),
  });
  const stop = () => {
    console.log("\nstopping");
    // A second signal must not cut the orderly end short.
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
    void fleet.stop().then(() => process.exit(0));
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  mkdirSync(dirname(flags.facts), { recursive: true });
  writeFileSync(flags.facts, `${JSON.stringify(fleet.facts, null, 2)}\n`, { mode: 0o600 });
  console.log(`\n${renderFacts(fleet.facts)}\n  logs         ${fleet.logDirectory}\n`);
  console.log(`all of this is in ${resolve(flags.facts)}; Ctrl-C stops everything`);
  setInterval(() => {}, 60_000);
}

function count(text: string, flag: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 9) return value;
  throw new Error(`${flag}: expected a whole number from 1 to 9, found ${text}`);
}
