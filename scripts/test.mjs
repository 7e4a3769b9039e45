// `npm test`: everything that must hold, from a fresh clone, under any Node >= 20. Stops at the first failure.
// Plain JavaScript: it runs before anything is installed.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureInstalled, InstallProblem, pinnedNode, projectRoot } from "./install.mjs";

/** Command, or a file -> the Debian packages that bring it. */
const PROGRAMS = {
  chromium: "chromium",
  haproxy: "haproxy",
  "redis-server": "redis-server",
  slapd: "slapd",
  nginx: "nginx",
  // The server alone: Debian's package apache2 would also start it on port 80.
  apache2: "apache2-bin",
  "/usr/lib/apache2/modules/mod_auth_openidc.so": "libapache2-mod-auth-openidc",
  ldapmodify: "ldap-utils",
  openssl: "openssl",
  // The README of dexctl uses it.
  jq: "jq",
  "keystone-manage": "python3-keystone",
  xmlsec1: "xmlsec1",
  php: "php-cli php-xml php-mbstring",
  "/usr/share/simplesamlphp/bin/console": "simplesamlphp",
  "/usr/lib/python3/dist-packages/jwt/jwks_client.py": "python3-jwt python3-cryptography",
};
/** The parts of the run that start some of them. */
const PARTS_WITH_PROGRAMS = ["deploy", "integration", "e2e"];

const bin = (name) => join(projectRoot, "node_modules", ".bin", name);
const script = (name, ...args) => [pinnedNode, join(projectRoot, "scripts", name), ...args];
const STEPS = [
  { part: "types", name: "types", command: [bin("tsc"), "--noEmit"] },
  { part: "lint", name: "lint and format", command: [bin("biome"), "check", "."] },
  { part: "imports", name: "import rules", command: script("check-imports.ts") },
  { part: "deploy", name: "compose file and manifests", command: script("check-deploy.ts") },
  { part: "bundle", name: "bundles", command: script("bundle.ts") },
  { part: "unit", name: "unit tests", command: [bin("vitest"), "run", "--project", "unit"] },
  {
    part: "integration",
    name: "database and programs",
    command: [bin("vitest"), "run", "--project", "integration"],
  },
  { part: "requirements", name: "security requirements", command: script("requirements.ts", "--missing") },
  { part: "checklist", name: "checklists of behaviour", command: script("checklists.ts", "--check") },
  { part: "standards", name: "demands of the standards", command: script("musts.ts", "--check") },
  { part: "capabilities", name: "table of connectors", command: script("capability-table.ts", "--check") },
  {
    part: "authorization",
    name: "table of the authorization endpoint",
    command: script("authorization-table.ts", "--check"),
  },
  {
    part: "e2e",
    name: "end to end",
    command: [bin("vitest"), "run", "--project", "e2e", "--project", "e2e-alone"],
  },
];
/** Every process of this run inherits it, so that those left behind can be found. */
const RUN_MARK = `DEX_TEST_RUN=${process.pid}-${Date.now()}`;
const LEFT_BEHIND_SECONDS = 5;
const PARTS = STEPS.map(({ part }) => part);

const failure = await main(process.argv.slice(2));
process.exitCode = failure || (await reportLeftBehind());

async function main(args) {
  const only = parseArguments(args);
  if (only instanceof Error) return say(`${only.message}\nusage: npm test [-- --only ${PARTS.join("|")}]`, 2);
  const startedAt = performance.now();
  const done = [];
  try {
    await ensureInstalled();
    const steps = STEPS.filter(({ part }) => only === undefined || part === only);
    if (steps.some(({ part }) => PARTS_WITH_PROGRAMS.includes(part))) await ensurePrograms();
    for (const step of steps) {
      say(`\n== ${step.name}`);
      const began = performance.now();
      const status = await run(step.command);
      const seconds = secondsSince(began);
      if (status !== 0)
        return say(`\nFAILED: ${step.name} (${seconds} s). Run it alone: npm test -- --only ${step.part}`, 1);
      // Hundreds of tests start dexctl: as it is in an image, it is there in half the time.
      if (step.part === "bundle") process.env.DEX_TEST_DEXCTL = join(projectRoot, "dist", "dexctl.js");
      done.push(`  ${step.name.padEnd(28)} ${seconds} s`);
    }
  } catch (error) {
    if (error instanceof InstallProblem) return say(error.message, 1);
    throw error;
  }
  return say(`\n${done.join("\n")}\nall passed in ${secondsSince(startedAt)} s`, 0);
}

function parseArguments(args) {
  if (args.length === 0) return undefined;
  const only = args[0] === "--only" ? args[1] : args[0]?.startsWith("--only=") ? args[0].slice(7) : undefined;
  return PARTS.includes(only) ? only : new Error(`expected --only and one of ${PARTS.join(", ")}`);
}

/** The browser, the load balancer, Redis, the directory. Installed where that is possible without asking anybody. */
async function ensurePrograms() {
  const missing = Object.entries(PROGRAMS)
    .filter(([command]) => !isInstalled(command))
    .flatMap(([, packages]) => packages.split(" "));
  if (missing.length === 0) return;
  const words = missing.join(" ");
  const apt = spawnSync("apt-get", ["--version"]).status === 0;
  if (!apt || process.getuid?.() !== 0) {
    throw new InstallProblem(
      `these programs are missing: ${words}\ninstall them, on Debian with: sudo apt-get install --no-install-recommends ${words}`,
    );
  }
  say(`installing Debian's ${words}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", ...missing];
  // The package lists of a fresh image are empty or old. A directory of the machine's own is not wanted: tests start theirs.
  const status = (await run(["apt-get", "update", "-q"], env)) || (await run(install, env));
  if (status !== 0) throw new InstallProblem(`apt-get could not install ${words}: see its messages above`);
}

function isInstalled(command) {
  if (command === "chromium" && process.env.CHROMIUM_PATH) return true;
  if (command.startsWith("/")) return existsSync(command);
  const path = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`;
  return spawnSync("sh", ["-c", `command -v ${command}`], { env: { ...process.env, PATH: path } }).status === 0;
}

/** Runs a command to its end and passes signals on, so that nothing it started stays behind. */
function run([command, ...args], env = process.env) {
  return new Promise((resolve) => {
    const path = `${env.PATH}:/usr/sbin:/usr/local/sbin`;
    const child = spawn(command, args, {
      cwd: projectRoot,
      stdio: ["ignore", "inherit", "inherit"],
      env: {
        // Compiled code is kept between programs: they start in half the time.
        NODE_COMPILE_CACHE: join(projectRoot, "node_modules", ".cache", "compiled"),
        ...env,
        [RUN_MARK.split("=")[0]]: RUN_MARK.split("=")[1],
        PATH: `${join(projectRoot, "node_modules", ".bin")}:${path}`,
      },
    });
    const forward = (signal) => child.kill(signal);
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, forward);
    const end = (status) => {
      for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, forward);
      resolve(status);
    };
    child.once("error", (error) => end(say(`${command} could not be started: ${error.message}`, 127)));
    child.once("exit", (code) => end(code ?? 1));
  });
}

/** Says who still runs of all that this run started; they get a moment to end. Only Linux can tell. */
async function reportLeftBehind() {
  let left = findMarked();
  for (let waited = 0; left.length > 0 && waited < LEFT_BEHIND_SECONDS; waited++) {
    await sleep(1000);
    left = findMarked();
  }
  return left.length === 0 ? 0 : say(`FAILED: these processes were left behind:\n${left.join("\n")}`, 1);
}

function findMarked() {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(RUN_MARK)) return [];
        return [`  ${pid} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").slice(0, 120)}`];
      } catch {
        return []; // it has ended, or is not ours to look at
      }
    });
}

function secondsSince(start) {
  return ((performance.now() - start) / 1000).toFixed(1);
}

function say(text, status = 0) {
  process.stdout.write(`${text}\n`);
  return status;
}
