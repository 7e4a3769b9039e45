import { findFreePorts } from "./free-ports.ts";
import { programFile } from "./program-files.ts";
import { answersOk, type RunningProgram, startProgram, waitUntilReady } from "./running-program.ts";

/** Starts one more example app, for a client whose redirect_uri is `url` + /callback. */
export async function startExampleApp(parts: {
  url: string;
  issuer: string;
  client: { id: string; secret: string };
  logFile: string;
}): Promise<RunningProgram> {
  const program = startProgram({
    name: "example-app",
    command: process.execPath,
    args: [programFile("example-app", "sources")],
    logFile: parts.logFile,
    env: {
      EXAMPLE_APP_LISTEN: parts.url,
      EXAMPLE_APP_REDIRECT_URL: `${parts.url}/callback`,
      EXAMPLE_APP_CLIENT_ID: parts.client.id,
      EXAMPLE_APP_CLIENT_SECRET: parts.client.secret,
      EXAMPLE_APP_DISCOVERY: parts.issuer,
    },
  });
  await waitUntilReady(program, () => answersOk(`${parts.url}/`));
  return program;
}

/** An origin of this machine on which nobody listens. */
export async function findFreeOrigin(): Promise<string> {
  const [port] = await findFreePorts(1);
  return `http://127.0.0.1:${port}`;
}
