import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { makeCookieNames, readCookies, setCookie } from "./cookies.ts";
import { readForm, readQuery } from "./form-body.ts";
import { setPageHeaders } from "./headers.ts";
import { refuseForeignOrigin } from "./same-origin.ts";

const issuer = "https://id.example.com/dex";
const requestWith = (headers: Record<string, string>) => ({ headers, url: "/" }) as unknown as IncomingMessage;

/** What `read` makes of a real request with these bytes. */
async function receive<T>(head: string, body: string | Buffer, read: (request: IncomingMessage) => T | Promise<T>) {
  const outcome = Promise.withResolvers<T>();
  const server = createServer((request, response) => {
    Promise.resolve()
      .then(() => read(request))
      .then(outcome.resolve, outcome.reject)
      .finally(() => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("error", () => {}); // the server may answer and close before it has read everything
  socket.write(`${head}\r\nHost: x\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`);
  socket.write(body);
  return outcome.promise;
}
const post = (body: string | Buffer, headers = "Content-Type: application/x-www-form-urlencoded") =>
  receive(`POST / HTTP/1.1\r\n${headers}`, body, readForm);

describe("forms", () => {
  test("names of any shape stay flat and inert (AUT-9, RED-7)", async () => {
    const form = await post("a[b]=1&__proto__=2&constructor.prototype=3&redirect_uri[]=4&a=5");
    expect([...form.keys()]).toEqual(["a[b]", "__proto__", "constructor.prototype", "redirect_uri[]", "a"]);
    expect(form.get("redirect_uri")).toBeNull();
  });

  test.each([
    { what: "JSON", headers: "Content-Type: application/json", body: "{}", status: 415 },
    { what: "multipart", headers: "Content-Type: multipart/form-data; boundary=x", body: "", status: 415 },
    { what: "no type", headers: "X-None: 1", body: "a=1", status: 415 },
    {
      what: "a gzip body",
      headers: "Content-Type: application/x-www-form-urlencoded\r\nContent-Encoding: gzip",
      body: "a=1",
      status: 415,
    },
  ])("$what is refused with $status (NET-6, TOK-7)", async ({ headers, body, status }) => {
    await expect(post(body, headers)).rejects.toMatchObject({ status });
  });

  test.each([
    { what: "more than 64 KiB", body: `a=${"x".repeat(65_536)}`, status: 413 },
    { what: "20,000 parameters", body: "a=1&".repeat(15_000), status: 400 },
    { what: "a bad escape", body: "a=%zz", status: 400 },
    { what: "a lone surrogate", body: "a=%ED%A0%80", status: 400 },
    { what: "overlong UTF-8", body: "a=%C0%80", status: 400 },
    { what: "raw bytes beyond ASCII", body: Buffer.from([97, 61, 0xff]), status: 400 },
  ])("$what is refused with $status (NET-6, AUT-10)", async ({ body, status }) => {
    await expect(post(body)).rejects.toMatchObject({ status });
  });

  test("a query that cannot be decoded is refused (AUT-10)", async () => {
    await expect(receive("GET /x?a=%E0%A4%A HTTP/1.1", "", readQuery)).rejects.toMatchObject({ status: 400 });
  });
});

describe("forms of other sites (BRO-2, BRO-3)", () => {
  const own = "https://id.example.com";
  test.each([
    { what: "a page of ours", headers: { "sec-fetch-site": "same-origin", origin: own } },
    { what: "a page of ours under no-referrer", headers: { "sec-fetch-site": "same-origin", origin: "null" } },
    { what: "a browser without Sec-Fetch-Site", headers: { origin: own } },
    { what: "no browser", headers: {} },
  ])("$what may post", ({ headers }) => {
    expect(() => refuseForeignOrigin(requestWith(headers), own)).not.toThrow();
  });

  test.each([
    { what: "another site", headers: { "sec-fetch-site": "cross-site", origin: "https://evil.example" } },
    { what: "a sibling subdomain", headers: { "sec-fetch-site": "same-site", origin: "https://evil.example.com" } },
    { what: "another origin without Sec-Fetch-Site", headers: { origin: "https://evil.example" } },
    { what: "another scheme", headers: { origin: "http://id.example.com" } },
    { what: "a sandboxed frame", headers: { "sec-fetch-site": "cross-site", origin: "null" } },
    { what: "an opaque origin without Sec-Fetch-Site", headers: { origin: "null" } },
  ])("$what is refused (BRO-2, BRO-3)", ({ headers }) => {
    expect(() => refuseForeignOrigin(requestWith(headers), own)).toThrow(expect.objectContaining({ status: 403 }));
  });
});

describe("cookies", () => {
  test("over TLS every name has the __Host- prefix, on loopback http none (BRO-8)", () => {
    expect(makeCookieNames(new URL(issuer), issuer).session).toMatch(/^__Host-dex-session-[0-9a-f]{8}$/);
    expect(makeCookieNames(new URL("http://127.0.0.1:5556"), "http://127.0.0.1:5556").session).toMatch(/^dex-session-/);
  });

  test("two issuers on one host do not share names", () => {
    const [left, right] = ["http://127.0.0.1:1", "http://127.0.0.1:2"].map((one) => makeCookieNames(new URL(one), one));
    expect(left?.session).not.toBe(right?.session);
  });

  test("a cookie is HttpOnly, SameSite=Lax, for the whole host, and Secure over TLS (BRO-8)", () => {
    const lines: string[] = [];
    const response = { appendHeader: (_name: string, value: string) => lines.push(value) };
    setCookie(response as never, { name: "__Host-a", value: "v", maxAgeSeconds: 60, secure: true });
    expect(lines).toEqual(["__Host-a=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"]);
  });

  test.each([
    { what: "garbage", cookie: ";;;=;a;=b;\u0001", found: undefined },
    { what: "a name twice", cookie: "s=one; s=two", found: undefined },
    { what: "a name three times", cookie: "s=one; s=two; s=one", found: undefined },
    { what: "a value with = signs", cookie: "s=a=b", found: "a=b" },
    {
      what: "300 cookies before it",
      cookie: `${Array.from({ length: 300 }, (_, n) => `c${n}=1`).join("; ")}; s=1`,
      found: undefined,
    },
    { what: "13 kB", cookie: `s=${"x".repeat(13_000)}`, found: undefined },
    { what: "a prototype's name", cookie: "__proto__=1; s=ok", found: "ok" },
  ])("$what is read without harm (BRO-15)", ({ cookie, found }) => {
    expect(readCookies(requestWith({ cookie })).get("s")).toBe(found);
  });
});

test("a page allows nothing but our own style and its own form (BRO-10)", () => {
  const headers = new Map<string, string>();
  const response = { setHeader: (name: string, value: string) => headers.set(name.toLowerCase(), value) };
  setPageHeaders(response as never, { logo: undefined, formTargets: ["https://app.example"] });
  expect(headers.get("content-security-policy")).toBe(
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' https://app.example; base-uri 'none'; frame-ancestors 'none'",
  );
  expect(headers.get("x-frame-options")).toBe("DENY");
  expect(headers.get("referrer-policy")).toBe("no-referrer");
  expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
});
