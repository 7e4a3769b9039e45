import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer, type Server } from "node:net";
import { afterAll, beforeEach, expect, test } from "vitest";
import { OutboundFailure, type ResolveName } from "./exchange.ts";
import { makeOutgoingClient } from "./outgoing-client.ts";

const names = { answers: [] as string[][], asked: [] as string[] };
const resolve: ResolveName = (hostname, _options, callback) => {
  names.asked.push(hostname);
  const [found = []] = names.answers.splice(0, 1);
  callback(
    null,
    found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
  );
};

const limits = { connectMilliseconds: 300, totalMilliseconds: 600, answerBytes: 10_000 };
const closed = makeOutgoingClient({ privateAddresses: "refused", limits, resolve });
const open = makeOutgoingClient({ privateAddresses: "allowed", limits, resolve });

let seen: { method: string; url: string; type: string | undefined; body: string }[] = [];
const servers: Server[] = [];
beforeEach(() => {
  seen = [];
  names.asked.length = 0;
  names.answers.length = 0;
});
afterAll(() => {
  for (const server of servers) server.close();
});

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

const answering: RequestListener = async (request, response) => {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  const { method = "", url = "" } = request;
  seen.push({ method, url, type: request.headers["content-type"], body });
  if (url === "/moved") response.writeHead(302, { location: "/" }).end();
  else if (url === "/huge") response.end("x".repeat(limits.answerBytes + 1));
  else if (url === "/slow") response.write("{");
  else if (url !== "/hang") {
    response.setHeader("content-type", "Application/JSON; charset=utf-8").setHeader("cache-control", "max-age=60");
    response.end('{"keys":[]}');
  }
};
const port = await portOf(createHttpServer(answering));

test("a document comes with its status, media type and lifetime; a fragment stays here", async () => {
  expect(await open.fetchDocument(`http://127.0.0.1:${port}/keys?a=b#fragment`)).toEqual({
    status: 200,
    contentType: "application/json",
    cacheControl: "max-age=60",
    body: Buffer.from('{"keys":[]}'),
  });
  expect(seen).toMatchObject([{ method: "GET", url: "/keys?a=b" }]);
});

test("a form is posted as one", async () => {
  const form = new URLSearchParams({ logout_token: "a+b&c" });
  expect(await open.postForm(`http://127.0.0.1:${port}/out`, form)).toBe(200);
  const type = "application/x-www-form-urlencoded";
  expect(seen).toEqual([{ method: "POST", url: "/out", type, body: "logout_token=a%2Bb%26c" }]);
});

const notPublic = [
  ...["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0.0.0.0", "10.0.0.1", "172.16.0.1"],
  ...["192.168.0.1", "100.64.0.1", "169.254.169.254", "2852039166", "224.0.0.1", "255.255.255.255", "198.18.0.1"],
  ...["[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[64:ff9b::7f00:1]", "[fe80::1]", "[fd00:ec2::254]"],
  ...["[ff02::1]", "[2002:7f00:1::]"],
];
test.each(notPublic)("%s is no public address: nobody is called (SSR-1)", async (host) => {
  await expect(closed.fetchDocument(`https://${host}:${port}/`)).rejects.toThrow("is not a public address");
  await expect(closed.postForm(`https://${host}:${port}/`, new URLSearchParams())).rejects.toThrow(OutboundFailure);
  expect({ seen, asked: names.asked }).toEqual({ seen: [], asked: [] });
});

test.each([
  [["127.0.0.1"]],
  [["::1"]],
  [["::ffff:10.0.0.1"]],
  [["93.184.215.14", "127.0.0.1"]],
  [["93.184.215.14", "fd00::1"]],
  [[]],
])("a name that stands for %o is not called (SSR-1)", async (found) => {
  names.answers.push(found);
  await expect(closed.fetchDocument(`https://rebind.example:${port}/`)).rejects.toThrow("is not a public address");
  expect(names.asked).toEqual(["rebind.example"]);
});

test("a name is asked for once, and what was checked is what is called: a second answer changes nothing (SSR-1)", async () => {
  names.answers.push(["93.184.215.14"], ["127.0.0.1"]);
  await expect(closed.fetchDocument(`https://rebind.example:${port}/`)).rejects.toBeInstanceOf(OutboundFailure);
  expect(names.asked).toEqual(["rebind.example"]);
  expect(seen).toEqual([]);
});

test.each([
  `http://rp.example:${port}/`,
  "ftp://rp.example/",
  "file:///etc/passwd",
  "data:application/json,{}",
  "https://user:password@rp.example/",
  "//rp.example",
  "",
])("%s is not called (SSR-1)", async (url) => {
  await expect(closed.fetchDocument(url)).rejects.toBeInstanceOf(OutboundFailure);
  expect(names.asked).toEqual([]);
});

test("a redirect is not followed (SSR-1)", async () => {
  expect((await open.fetchDocument(`http://127.0.0.1:${port}/moved`)).status).toBe(302);
  expect(seen).toHaveLength(1);
});

test.each(["/huge", "/slow", "/hang"])("%s is given up, in time", async (path) => {
  const started = performance.now();
  await expect(open.fetchDocument(`http://127.0.0.1:${port}${path}`)).rejects.toBeInstanceOf(OutboundFailure);
  expect(performance.now() - started).toBeLessThan(3_000);
});

test("one that shakes no hands and one that is not there are given up", async () => {
  const silent = await portOf(createServer(() => undefined));
  await expect(open.fetchDocument(`https://127.0.0.1:${silent}/`)).rejects.toThrow("no connection in time");
  await expect(open.fetchDocument("http://127.0.0.1:1/")).rejects.toBeInstanceOf(OutboundFailure);
});

test("a slow host holds up so many calls and no more, and then answers again", async () => {
  const calls = await Promise.allSettled(
    Array.from({ length: 12 }, () => open.fetchDocument(`http://127.0.0.1:${port}/hang`)),
  );
  const refused = calls.filter((call) => call.status === "rejected" && String(call.reason).includes("too many calls"));
  expect(refused).toHaveLength(4);
  expect((await open.fetchDocument(`http://127.0.0.1:${port}/`)).status).toBe(200);
});
