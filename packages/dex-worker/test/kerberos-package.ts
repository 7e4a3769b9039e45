// Stands in for npm's native `kerberos`, and for a keytab of it: what an operator installs beside the worker. It takes for a
// ticket the words `ticket <number> of <principal>`.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import Module from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeKeytab } from "@dex/testing";

const SOURCE = `
exports.initializeServer = async () => {
  const server = { username: null, response: null, contextComplete: false };
  server.step = async (ticket) => {
    const words = /^ticket \\d+ of (.+)$/.exec(Buffer.from(ticket, "base64").toString());
    if (words === null) throw new Error("not a ticket");
    server.username = words[1];
    server.targetName = "HTTP/localhost@EXAMPLE.COM";
    server.response = Buffer.from("reply").toString("base64");
    server.contextComplete = true;
  };
  return server;
};
`;

/** Installs it for this process. */
export function installKerberosPackage(): { readonly keytabPath: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), "dex-kerberos-"));
  const before = process.env.NODE_PATH;
  mkdirSync(join(directory, "kerberos"));
  writeFileSync(join(directory, "kerberos", "index.js"), SOURCE);
  const keytabPath = join(directory, "http.keytab");
  writeFileSync(keytabPath, makeKeytab(["HTTP/localhost@EXAMPLE.COM"]));
  process.env.NODE_PATH = directory;
  readNodePath();
  return {
    keytabPath,
    remove() {
      if (before === undefined) delete process.env.NODE_PATH;
      else process.env.NODE_PATH = before;
      readNodePath();
      delete process.env.KRB5_KTNAME;
      rmSync(directory, { recursive: true });
    },
  };
}

/** Node reads NODE_PATH when it starts. */
function readNodePath(): void {
  // CAST: there, but not among the types.
  (Module as unknown as { _initPaths(): void })._initPaths();
}
