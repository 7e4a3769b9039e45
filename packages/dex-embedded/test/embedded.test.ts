// dex-embedded as the program it is, in a data directory of its own and on free ports.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { EmbeddedFacts } from "../src/embedded-facts.ts";

const main = join(import.meta.dirname, "../src/main.ts");
const portNames = ["issuer", "admin", "example-app", "mail", "smtp"];
const freePorts = portNames.map((name) => `--${name}-port=0`);
let directory: string;
let dataDirectory: string;
let running: ChildProcess | undefined;
let output: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "dex-embedded-test-"));
  chmodSync(directory, 0o711); // as root, Postgres runs as somebody else, who must get to its data
  dataDirectory = join(directory, "data");
});
afterEach(async () => {
  await stop("SIGTERM");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(...flags: string[]): ChildProcess {
  output = "";
  const child = spawn(process.execPath, [main, "--data-dir", dataDirectory, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
  }
  return child;
}

async function start(...flags: string[]): Promise<EmbeddedFacts> {
  const child = run(...freePorts, ...flags);
  running = child;
  while (!output.includes("Press Ctrl-C")) {
    if (child.exitCode !== null) throw new Error(`ended before it was ready: ${output}`);
    await sleep(20);
  }
  return JSON.parse(readFileSync(join(dataDirectory, "embedded.json"), "utf8"));
}

async function stop(signal: NodeJS.Signals): Promise<number | null> {
  if (running === undefined || running.exitCode !== null || running.signalCode !== null) return null;
  const ended = once(running, "close");
  running.kill(signal);
  const [code] = await ended;
  running = undefined;
  return code;
}

/** Runs it to its end. */
async function refuse(...flags: string[]): Promise<{ code: number | null; output: string }> {
  const [code] = await once(run(...flags), "close");
  return { code, output };
}

async function untilGone(facts: EmbeddedFacts): Promise<number[]> {
  const { pids } = facts;
  const all = [pids.postgres, pids.overlord, ...pids.workers, pids.exampleApp];
  const alive = () =>
    all.filter((pid) => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    });
  for (const deadline = performance.now() + 12_000; alive().length > 0 && performance.now() < deadline; )
    await sleep(20);
  return alive();
}

const LONG = 60_000;

test("it starts everything, a second start reuses data and secrets, and nothing stays behind", {
  timeout: LONG,
}, async () => {
  const first = await start();
  expect(Object.keys(first)).toEqual([
    ...[
      "issuer",
      "adminApi",
      "adminApiSecret",
      "exampleApp",
      "mail",
      "databaseUrl",
      "keySecrets",
      "user",
      "client",
      "pids",
    ],
  ]);
  expect(statSync(join(dataDirectory, "embedded.json")).mode & 0o777).toBe(0o600);
  for (const shown of [
    first.issuer,
    first.adminApi,
    first.exampleApp,
    first.mail,
    first.user.email,
    first.user.password,
  ]) {
    expect(output).toContain(shown);
  }
  const discovery = await fetch(`${first.issuer}/.well-known/openid-configuration`);
  expect(await discovery.json()).toMatchObject({ issuer: first.issuer });
  expect(await (await fetch(first.exampleApp)).text()).toContain('id="sign-in"');
  expect(await (await fetch(first.mail)).text()).toContain("Mail that dex sent");

  const second = await refuse(...freePorts);
  expect(second).toMatchObject({ code: 1 });
  expect(second.output).toMatch(/^FATAL: dex is already running with this data directory \(process \d+\): .*\n$/);

  expect(await stop("SIGINT")).toBe(0);
  expect(await untilGone(first)).toEqual([]);
  expect(existsSync(join(dataDirectory, "embedded.json"))).toBe(false);

  const { pids: _first, ...before } = first;
  const again = await start("--workers=2");
  const { pids, ...after } = again;
  expect(after).toEqual(before);
  expect(pids.workers).toHaveLength(2);

  // Killed without a chance to tidy up: the programs notice, and the next start finds a usable database.
  await stop("SIGKILL");
  const recovered = await start();
  expect(await untilGone(again)).toEqual([]);
  expect(recovered.user).toEqual(first.user);

  // A program that dies takes the rest along, and is named.
  process.kill(recovered.pids.overlord, "SIGKILL");
  const [code] = running === undefined ? [] : await once(running, "close");
  expect(code).toBe(1);
  expect(output).toContain("dex-overlord was ended by SIGKILL; it last said:");
  expect(await untilGone(recovered)).toEqual([]);

  const fresh = await start("--reset");
  expect(output).toContain(`deleted the data of earlier starts in ${dataDirectory}`);
  expect(fresh.user.password).not.toBe(first.user.password);
  expect(fresh.adminApiSecret).not.toBe(first.adminApiSecret);
});

test("a port in use is named, with the flag that changes it", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const address = other.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const outcome = await refuse(...freePorts, `--issuer-port=${port}`);
  expect(outcome).toEqual({
    code: 1,
    output: `FATAL: port ${port} (issuer) is in use by another program: stop it or choose another with --issuer-port\n`,
  });
  await new Promise((resolve) => other.close(resolve));
});

test.each([
  "https://id.example.com/dex",
  "http://10.0.0.1:5556/dex",
  "http://127.0.0.1.example.com/dex",
  "https://127.0.0.1/",
])("the issuer %s is refused: this mode is for loopback only (NET-4)", async (issuer) => {
  const outcome = await refuse(`--issuer=${issuer}`);
  expect(outcome.code).toBe(1);
  expect(outcome.output).toMatch(/^FATAL: --issuer: .*loopback only.*\n$/);
});

test("a directory with other things in it is left alone, also with --reset", async () => {
  const foreign = join(directory, "foreign");
  mkdirSync(foreign);
  writeFileSync(join(foreign, "thesis.txt"), "years of work");
  const outcome = await refuse("--data-dir", foreign, "--reset", ...freePorts);
  expect(outcome.code).toBe(1);
  expect(outcome.output).toMatch(/^FATAL: .*foreign holds other things, such as thesis.txt: .*\n$/);
  expect(readFileSync(join(foreign, "thesis.txt"), "utf8")).toBe("years of work");
});

test("--help lists every setting", async () => {
  const outcome = await refuse("--help");
  expect(outcome.code).toBe(0);
  for (const flag of [
    "data-dir",
    "issuer",
    ...portNames.map((name) => `${name}-port`),
    "postgres-port",
    "workers",
    "reset",
  ]) {
    expect(outcome.output).toContain(`--${flag} `);
  }
});
