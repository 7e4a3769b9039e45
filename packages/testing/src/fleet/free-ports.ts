import { createServer, type Server } from "node:net";

/** `count` different TCP ports of 127.0.0.1 on which nobody listens now. */
export async function findFreePorts(count: number): Promise<readonly number[]> {
  // All are held until the last is found, so that none is named twice.
  const servers = await Promise.all(Array.from({ length: count }, listen));
  const ports = servers.map((server) => {
    const address = server.address();
    if (typeof address !== "object" || address === null) throw new Error("the system named no free port");
    return address.port;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listen(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}
