import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { makeApp } from "./app.ts";
import { makeRelyingParty } from "./relying-party.ts";
import { makeSessions } from "./sessions.ts";
import { readSettings } from "./settings.ts";

const outcome = readSettings(process.argv.slice(2), process.env);
if (outcome.kind === "exit") {
  (outcome.code === 0 ? process.stdout : process.stderr).write(`${outcome.message}\n`);
  process.exit(outcome.code);
}
const { settings } = outcome;
const report = (message: string) => void process.stderr.write(`${message}\n`);

const relyingParty = makeRelyingParty(settings);
const app = makeApp({ settings, relyingParty, sessions: makeSessions(settings, randomBytes), report });
const server = createServer({ maxHeaderSize: 16 * 1024, headersTimeout: 10_000, requestTimeout: 30_000 }, app);
const { hostname, port } = settings.listen;
server.once("error", (error: NodeJS.ErrnoException) => {
  const why = error.code === "EADDRINUSE" ? "it is in use by another program" : error.message;
  report(`FATAL: cannot serve at ${settings.listen.href}: ${why}`);
  process.exit(1);
});
const stopped = new AbortController();
server.listen(Number(port || 80), hostname.replace(/^\[|\]$/g, ""), () => {
  report(`INFO: serving at ${settings.listen.href}`);
  let told = "";
  void relyingParty.keepTrying(stopped.signal, (message) => {
    if (message !== told) report(`WARN: ${message} Trying again.`);
    told = message;
  });
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    stopped.abort();
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setTimeout(() => process.exit(0), 5000).unref();
  });
}
