import { inspect } from "node:util";
import { expect, test } from "vitest";
import { parseSmtpUrl, smtpUrl } from "./smtp-url.ts";

const read = [
  { url: "smtps://mail.example.com", host: "mail.example.com", port: 465, tls: "implicit" },
  { url: "smtps://mail.example.com:2465", host: "mail.example.com", port: 2465, tls: "implicit" },
  { url: "smtp://mail.example.com", host: "mail.example.com", port: 587, tls: "starttls" },
  { url: "smtp://mail.example.com:25/", host: "mail.example.com", port: 25, tls: "starttls" },
  { url: "smtp://mail.internal:25?tls=off", host: "mail.internal", port: 25, tls: "off" },
  { url: "smtp://127.0.0.1:1025", host: "127.0.0.1", port: 1025, tls: "off" },
  { url: "smtp://[::1]:1025", host: "::1", port: 1025, tls: "off" },
  { url: "smtp://mail.internal?tls=opportunistic", host: "mail.internal", port: 587, tls: "opportunistic" },
  { url: "smtp://localhost:1025?tls=required", host: "localhost", port: 1025, tls: "starttls" },
];
test.each(read)("$url is port $port with TLS $tls", ({ url, ...expected }) => {
  expect(parseSmtpUrl(url)).toMatchObject({ ...expected, credentials: undefined });
});

const refused = [
  { what: "another scheme", url: "http://mail.example.com" },
  { what: "no host", url: "smtp://" },
  { what: "a path", url: "smtp://mail.example.com/x" },
  { what: "a fragment", url: "smtp://mail.example.com#x" },
  { what: "an unknown option", url: "smtp://mail.example.com?secure=false" },
  { what: "an option twice", url: "smtp://mail.internal?tls=off&tls=required" },
  { what: "an unknown kind of TLS", url: "smtp://mail.example.com?tls=maybe" },
  { what: "smtps without TLS", url: "smtps://mail.example.com?tls=off" },
  { what: "a user without a password", url: "smtp://dex@mail.example.com" },
  { what: "a password that would travel in the clear", url: "smtp://dex:secret@mail.internal?tls=off" },
  { what: "a password where TLS is only hoped for", url: "smtp://dex:secret@mail.internal?tls=opportunistic" },
  { what: "insecurity that is not spelled out", url: "smtp://dex:secret@mail.internal?tls=off&insecure-auth=1" },
  { what: "insecurity of what is secure", url: "smtps://mail.example.com?insecure-auth=true" },
  { what: "a name of every object for TLS", url: "smtp://mail.internal?tls=constructor" },
  { what: "a broken escape", url: "smtp://dex:%zz@mail.example.com" },
  { what: "no URL", url: "mail.example.com:25" },
];
test.each(refused)("$what is refused", ({ url }) => {
  expect(parseSmtpUrl(url)).toBeUndefined();
  expect(smtpUrl.parse(url)).toBeUndefined();
});

test("user and password are decoded and print as a secret (LOG-1)", () => {
  const server = parseSmtpUrl("smtps://dex%40example.com:pa%2Fss@mail.example.com");
  expect(server?.credentials?.reveal()).toEqual({ user: "dex@example.com", password: "pa/ss" });
  expect(inspect(server, { depth: 9 })).not.toContain("pa/ss");
  expect(JSON.stringify(server)).not.toContain("pa/ss");
  expect(String(smtpUrl.parse("smtps://dex:pass@mail.example.com"))).toBe("[secret]");
});

test("a password goes in the clear only to this machine, or where that is asked for by name", () => {
  for (const url of ["smtp://dex:x@127.0.0.1:25", "smtp://dex:x@mail.internal?tls=off&insecure-auth=true"]) {
    expect(parseSmtpUrl(url)).toMatchObject({ tls: "off", credentials: expect.anything() });
  }
});
