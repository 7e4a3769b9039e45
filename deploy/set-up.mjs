// Makes a trial deployment usable through the overlord's admin API: the local connector, a user, the example app's client.
// What an earlier start made is kept, and a start that was cut short is completed. Prints what a person needs.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const directory = process.env.DEX_SECRETS ?? "/secrets";
const adminApi = process.env.DEX_ADMIN_API ?? "http://overlord:5557";
const issuer = process.env.DEX_ISSUER ?? "http://127.0.0.1:5556/dex";
const exampleApp = process.env.DEX_EXAMPLE_APP ?? "http://127.0.0.1:5555";
const email = "admin@example.com";
const TAKEN = 409;

const secret = read("admin-api-secret");
const { connectors = [] } = await call("GET", "connectors");
if (connectors.length === 0) await call("PUT", "connectors", { connectors: [{ type: "local", id: "local" }] });
await call("POST", "admin", { email, password: read("user-password") });
await call("POST", "client", {
  client: {
    id: "example-app",
    secret: read("client-secret"),
    clientName: "Example app",
    redirectURIs: [`${exampleApp}/callback`],
  },
});

console.log(`
  issuer       ${issuer}
  admin API    http://127.0.0.1:5557
  example app  ${exampleApp}
  sign in as   ${email}  password ${read("user-password")}
`);

async function call(method, path, body) {
  const response = await fetch(`${adminApi}/api/v1/${path}`, {
    method,
    headers: { authorization: secret, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  if (!response.ok && response.status !== TAKEN) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === "" ? {} : JSON.parse(text);
}

function read(name) {
  return readFileSync(join(directory, name), "utf8").trim();
}
