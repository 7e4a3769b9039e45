import { X509Certificate } from "node:crypto";
import { sha256 } from "@dex/runtime";
import { makeClientAuthority } from "@dex/testing";
import { afterAll, expect, test } from "vitest";
import { parseClientCertificate } from "./client-certificate.ts";

const authority = makeClientAuthority();
afterAll(() => authority.remove());
const { cert: pem, key } = authority.issue();
const { cert: otherPem } = authority.issue();
const der = new X509Certificate(pem).raw;
const base64 = der.toString("base64");
const escaped = encodeURIComponent(pem);

test.each([
  ["PEM in the escapes of a URL, as of nginx", escaped],
  ["PEM with no more escapes than it needs", pem.replaceAll("\n", "%0A")],
  ["PEM whose line ends became spaces", pem.trim().replaceAll("\n", " ")],
  ["DER in base64, as of HAProxy", base64],
  ["a byte sequence (RFC 9440 §2.2)", `:${base64}:`],
])("%s is a certificate", (_form, text) => {
  const thumbprint = sha256(der).toString("base64url");
  expect(parseClientCertificate(text)).toMatchObject({ thumbprint });
});

test.each([
  ["nothing", ""],
  ["(null)", "(null)"],
  ["another text", "certificate"],
  ["a byte sequence of nothing", "::"],
  ["a byte sequence with a parameter", `:${base64}:;a=1`],
  ["a byte sequence that is open", `:${base64}`],
  ["two byte sequences", `:${base64}:, :${base64}:`],
  ["base64 twice", `${base64}, ${base64}`],
  ["base64url", der.toString("base64url")],
  ["base64 with spaces", ` ${base64}`],
  ["DER with more after it", Buffer.concat([der, Buffer.from([0])]).toString("base64")],
  ["DER cut short", der.subarray(0, -1).toString("base64")],
  ["DER with a byte changed", Buffer.from(der).fill(0xff, 4, 5).toString("base64")],
  ["PEM in base64", Buffer.from(pem).toString("base64")],
  ["two certificates in PEM", encodeURIComponent(pem + otherPem)],
  ["a key", encodeURIComponent(key)],
  ["a certificate and its key", encodeURIComponent(pem + key)],
  ["escapes that are none", `${escaped}%zz`],
  ["PEM escaped twice", encodeURIComponent(escaped)],
  ["what never ends", `${escaped}${"%20".repeat(5000)}`],
])("%s is none", (_what, text) => {
  expect(parseClientCertificate(text)).toBeUndefined();
});

test("each byte of a certificate may be another one, and nothing fails but the reading", () => {
  for (let at = 0; at < der.length; at += 1) {
    for (const byte of [0x00, 0x80, 0xff])
      parseClientCertificate(
        Buffer.from(der)
          .fill(byte, at, at + 1)
          .toString("base64"),
      );
  }
});
