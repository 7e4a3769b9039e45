// Checks what is deployed from deploy/ and docker-compose.yml as far as it can be checked without an engine: structure,
// hardening, and that every setting named there exists. Prints each problem and exits 1.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments } from "yaml";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const problems: string[] = [];
const refuse = (where: string, message: string) => void problems.push(`${where}: ${message}`);

type Tree = { readonly [name: string]: unknown };
const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);
const tree = (value: unknown): Tree => (isTree(value) ? value : {});
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

checkCompose();
checkWithComposeClient();
checkLoadBalancer();
for (const name of readdirSync(join(root, "deploy", "kubernetes"))) checkManifests(`deploy/kubernetes/${name}`);
for (const name of readdirSync(join(root, "deploy", "systemd"))) checkUnit(`deploy/systemd/${name}`);
checkSettingNames();
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;

function checkCompose(): void {
  const where = "docker-compose.yml";
  const file = tree(parse(read(where), { merge: true }));
  const services = tree(file.services);
  for (const [name, value] of Object.entries(services)) {
    const service = tree(value);
    const at = `${where}: ${name}`;
    if (typeof service.image !== "string") refuse(at, "has no image");
    for (const port of list(service.ports)) {
      if (!/^127\.0\.0\.1:\d+:\d+$/.test(String(port))) refuse(at, `publishes ${port}, which is not loopback only`);
    }
    for (const [other, condition] of Object.entries(tree(service.depends_on))) {
      const wanted = tree(condition).condition;
      const target = tree(services[other]);
      if (services[other] === undefined) refuse(at, `depends on ${other}, which does not exist`);
      const checked = target.image === "dex" ? tree(target.healthcheck).disable !== true : isTree(target.healthcheck);
      if (wanted === "service_healthy" && !checked) refuse(at, `waits for the health of ${other}, which has no check`);
    }
    for (const [variable, text] of Object.entries(tree(service.environment))) {
      const secret = /SECRET|PASSWORD|DB_URL/.test(variable) && variable !== "DEX_SECRETS";
      if (secret && !variable.endsWith("_FILE")) refuse(at, `gives the secret ${variable} in the open`);
      if (secret && !String(text).startsWith("/secrets/")) refuse(at, `${variable} is not below /secrets`);
    }
    for (const volume of list(service.volumes)) {
      const [source = ""] = String(volume).split(":");
      const known = source.startsWith(".") ? existsSync(join(root, source)) : source in tree(file.volumes);
      if (!known) refuse(at, `mounts ${source}, which does not exist`);
    }
    if (service.image === "dex" && service.read_only !== true) refuse(at, "can write to its file system");
  }
}

/** The client expands anchors and knows every key; it needs no engine for that. */
function checkWithComposeClient(): void {
  const clients: readonly (readonly [string, ...string[]])[] = [["docker", "compose"], ["docker-compose"]];
  for (const [command, ...first] of clients) {
    if (spawnSync(command, [...first, "version"]).status !== 0) continue;
    const run = spawnSync(command, [...first, "-f", join(root, "docker-compose.yml"), "config", "-q"], {
      encoding: "utf8",
    });
    if (run.status !== 0) refuse("docker-compose.yml", run.stderr.trim());
    else console.log(`docker-compose.yml is valid for ${[command, ...first].join(" ")}`);
    return;
  }
  console.log("no compose client is installed: docker-compose.yml was checked for its structure only");
}

function checkLoadBalancer(): void {
  const env = {
    PATH: process.env.PATH,
    DEX_LB_BIND: "127.0.0.1:5556",
    DEX_LB_HEALTH: "/dex/health/live",
    DEX_LB_WORKER_1: "127.0.0.1:1",
  };
  const run = spawnSync("haproxy", ["-c", "-f", join(root, "deploy", "haproxy.cfg")], { encoding: "utf8", env });
  if (run.error !== undefined) refuse("deploy/haproxy.cfg", "cannot be checked: install haproxy");
  else if (run.status !== 0) refuse("deploy/haproxy.cfg", run.stderr.trim());
}

function checkManifests(where: string): void {
  const secrets = parseAllDocuments(read("deploy/kubernetes/secret.example.yaml")).map((one) => tree(one.toJS()));
  const secretKeys = secrets.flatMap((secret) => Object.keys(tree(secret.stringData)));
  for (const document of parseAllDocuments(read(where))) {
    for (const { message } of document.errors) refuse(where, message);
    const object = tree(document.toJS());
    const at = `${where}: ${object.kind} ${tree(object.metadata).name}`;
    if (typeof object.apiVersion !== "string" || typeof tree(object.metadata).name !== "string") {
      refuse(at, "needs apiVersion, kind and metadata.name");
    }
    if (object.kind === "Deployment") checkDeployment(at, tree(object.spec), secretKeys);
  }
}

function checkDeployment(at: string, spec: Tree, secretKeys: readonly string[]): void {
  const template = tree(spec.template);
  const pod = tree(template.spec);
  const labels = JSON.stringify(tree(template.metadata).labels);
  if (JSON.stringify(tree(spec.selector).matchLabels) !== labels) refuse(at, "selects other labels than its pods have");
  if (tree(pod.securityContext).runAsNonRoot !== true) refuse(at, "may run as root");
  for (const container of list(pod.containers).map(tree)) {
    const context = tree(container.securityContext);
    if (context.readOnlyRootFilesystem !== true) refuse(at, "can write to its file system");
    if (context.allowPrivilegeEscalation !== false) refuse(at, "may gain privileges");
    if (!isTree(container.livenessProbe)) refuse(at, "has no liveness probe");
    for (const { name, value, valueFrom } of list(container.env).map(tree)) {
      const key = tree(tree(valueFrom).secretKeyRef).key;
      if (value === undefined && !secretKeys.includes(String(key))) refuse(at, `${name}: no key ${key} in the Secret`);
    }
  }
}

function checkUnit(where: string): void {
  const lines = read(where).split("\n");
  for (const wanted of ["[Unit]", "[Service]", "[Install]", "DynamicUser=yes", "NoNewPrivileges=yes"]) {
    if (!lines.includes(wanted)) refuse(where, `has no line ${wanted}`);
  }
  for (const [index, line] of lines.entries()) {
    if (!/^(?:\[\w+\]|#.*|[A-Z]\w+=.*|)$/.test(line)) refuse(`${where}:${index + 1}`, `is no line of a unit: ${line}`);
  }
  for (const [, credential = ""] of read(where).matchAll(/%d\/(\S+)/g)) {
    if (!lines.some((line) => line.startsWith(`LoadCredential=${credential}:`))) {
      refuse(where, `uses the credential ${credential} and does not load it`);
    }
  }
}

/** Asks the programs themselves which settings they have. */
function checkSettingNames(): void {
  const programs = { DEX_WORKER_: "dex-worker", DEX_OVERLORD_: "dex-overlord", EXAMPLE_APP_: "example-app" };
  const files = readdirSync(join(root, "deploy"), { recursive: true, encoding: "utf8" })
    .map((name) => `deploy/${name}`)
    .filter((name) => /\.(?:yaml|service)$/.test(name));
  for (const [prefix, program] of Object.entries(programs)) {
    const main = join(root, "packages", program, "src", "main.ts");
    const { stdout, status } = spawnSync(process.execPath, [main, "--help"], { encoding: "utf8" });
    if (status !== 0) {
      refuse(program, "--help fails, so its settings are not known");
      continue;
    }
    // A program may list its variables, or its flags only.
    const known = stdout.toUpperCase().replaceAll("-", "_");
    for (const file of ["docker-compose.yml", ...files]) {
      for (const [name] of read(file).matchAll(new RegExp(`\\b${prefix}[A-Z_]+\\b`, "g"))) {
        if (!new RegExp(`\\b_*${name.slice(prefix.length)}\\b|\\b${name}\\b`).test(known)) {
          refuse(file, `${name} is no setting of ${program}`);
        }
      }
    }
  }
}

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}
