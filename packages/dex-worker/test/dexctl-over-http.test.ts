// dexctl, as the program it is, against the management API as it is.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { openHttpServer } from "@dex/runtime";
import express from "express";
import { expect, test } from "vitest";
import { makeManagementApi } from "../src/user-api/management-api.ts";
import { openTestApi } from "./management-api-server.ts";

const dexctl = fileURLToPath(new URL("../../dexctl/src/main.ts", import.meta.url));

test("dexctl does over HTTP what the API offers", async () => {
  await using api = await openTestApi();
  await api.reset();
  const app = express();
  const server = await openHttpServer({ handler: app, listen: new URL("http://127.0.0.1:0") });
  const issuer = new URL("/dex", server.url).href;
  app.get("/dex/.well-known/openid-configuration", (_request, response) => {
    response.json({ issuer, token_endpoint: `${issuer}/token` });
  });
  app.post("/dex/token", async (_request, response) => {
    response.json({ access_token: await api.token("admin"), token_type: "Bearer" });
  });
  app.use("/dex/api/v1", makeManagementApi(api.parts));
  const run = (args: readonly string[], stdin = "") => runProgram(issuer, args, stdin);

  expect(await run(["new-client", "--id", "mine", "https://app.example/cb"])).toMatch(/^DEX_APP_CLIENT_ID=mine$/m);
  expect(await run(["clients", "list"])).toMatch(/^mine +- +confidential +https:\/\/app\.example\/cb$/m);
  expect(await run(["clients", "delete", "mine"])).toBe("0 deleted client mine\n");
  expect(await run(["clients", "delete", "mine"])).toBe("1 dexctl: there is no client mine: see dexctl clients list\n");
  expect(await run(["set-connector-configs", "-"], `[{"id":"local","type":"local"}]`)).toBe(
    "0 saved 1 connector config\n",
  );
  expect(await run(["get-connector-configs"])).toBe("0 found 1 connector config\n\nID:   local\nType: local\n");
  expect(await run(["new-client", "--admin", "https://app.example/cb"])).toMatch(
    /^1 .*isAdmin: an admin client can only/,
  );
  expect(await run(["set-connector-configs", "-"], `[{"id":"x","type":"nope"}]`)).toMatch(/^1 .*connector "x": type/);
  await server.close(0);
}, 20_000);

/** The exit code, a blank, and everything that was printed. */
async function runProgram(issuer: string, args: readonly string[], stdin: string): Promise<string> {
  const child = spawn(process.execPath, [dexctl, ...args], {
    env: { DEXCTL_ISSUER: issuer, DEXCTL_CLIENT_ID: "admin", DEXCTL_CLIENT_SECRET: "secret" },
    stdio: "pipe",
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
  }
  child.stdin.end(stdin);
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return `${code} ${printed}`;
}
