import { createServer } from "node:net";
import type { PortName } from "./config.ts";
import { codeOf, Problem } from "./problem.ts";

/** Every port to use: those asked for, and free ones where 0 was. Throws a Problem that names a port in use. */
export async function choosePorts(
  asked: Readonly<Record<PortName, number>>,
  remembered: Readonly<Partial<Record<PortName, number>>>,
  host: string,
): Promise<{ ports: Record<PortName, number>; chosen: Partial<Record<PortName, number>> }> {
  const ports = { ...asked };
  const chosen: Partial<Record<PortName, number>> = {};
  for (const name of Object.keys(asked) as PortName[]) {
    if (asked[name] === 0) {
      const before = remembered[name];
      const again = before !== undefined && (await tryPort(before, host)) === undefined ? before : undefined;
      ports[name] = again ?? (await findFreePort(host));
      chosen[name] = ports[name];
      continue;
    }
    const refusal = await tryPort(asked[name], host);
    if (refusal === undefined) continue;
    const why =
      refusal === "EADDRINUSE" ? "is in use by another program: stop it or choose" : "may not be used: choose";
    throw new Problem(`port ${asked[name]} (${name}) ${why} another with --${name}-port`);
  }
  const [twice] = Object.values(ports).filter((port, index, all) => all.indexOf(port) !== index);
  if (twice !== undefined) throw new Problem(`port ${twice} was given to two parts: choose another for one of them`);
  return { ports, chosen };
}

/** Undefined when the port can be bound, otherwise why not. */
function tryPort(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", (error) => resolve(codeOf(error) ?? error.message));
    probe.listen(port, host, () => probe.close(() => resolve(undefined)));
  });
}

function findFreePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, host, () => {
      const address = probe.address();
      probe.close(() => {
        if (typeof address === "object" && address !== null) resolve(address.port);
        else reject(new Error("the system named no free port"));
      });
    });
  });
}
