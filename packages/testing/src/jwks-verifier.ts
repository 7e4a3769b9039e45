// A verifier of tokens that was not written by us: Debian's PyJWT, as a program that knows discovery and a JWK set.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { passedOn } from "./fleet/running-program.ts";

const PROGRAM = join(import.meta.dirname, "jwks-verifier.py");

export type JwksVerdict =
  | { readonly claims: Readonly<Record<string, unknown>> }
  /** The name of PyJWT's exception. */
  | { readonly refused: string };

export interface RunningJwksVerifier {
  /** What it will take, from the discovery document. */
  readonly algorithms: readonly string[];
  verify(token: string): Promise<JwksVerdict>;
  close(): Promise<void>;
}

/** Starts one, which keeps the keys that it fetched. Throws with its own words when it does not believe the issuer. */
export async function startJwksVerifier(issuer: string, audience: string): Promise<RunningJwksVerifier> {
  // Debian's own: another Python on the path does not see Debian's packages.
  const program = spawn("/usr/bin/python3", [PROGRAM, issuer, audience], {
    stdio: ["pipe", "pipe", "pipe"],
    env: passedOn(),
  });
  let complaints = "";
  program.stderr.on("data", (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const ended = once(program, "close");
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  async function answer(): Promise<unknown> {
    const { done, value } = await lines.next();
    if (done) throw new Error(`the verifier ended: ${complaints.trim()}`);
    return JSON.parse(value);
  }
  const { algorithms } = (await answer()) as { algorithms: readonly string[] };
  // One answer for each line, in their order.
  let last: Promise<unknown> = Promise.resolve();
  return {
    algorithms,
    verify(token) {
      program.stdin.write(`${token}\n`);
      const verdict = last.then(answer);
      last = verdict.catch(() => {});
      return verdict as Promise<JwksVerdict>;
    },
    async close() {
      program.stdin.end();
      await ended;
    },
  };
}
