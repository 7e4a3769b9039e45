import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeClientAuthority } from "@dex/testing";
import { afterAll, expect, test } from "vitest";
import { readWorkerConfig } from "./config.ts";

const authority = makeClientAuthority();
const directory = mkdtempSync(join(tmpdir(), "dex-mtls-setup-"));
afterAll(() => {
  authority.remove();
  rmSync(directory, { recursive: true });
});
function file(name: string, text: string): string {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
}
const read = (...flags: string[]) =>
  readWorkerConfig(["--issuer=https://id.example/dex", ...flags], {
    DEX_WORKER_DB_URL: "postgres://a.example/dex",
    DEX_WORKER_KEY_SECRETS: Buffer.alloc(32).toString("base64"),
  });

const HEADER = ["--client-certificate-header=Client-Cert", "--trusted-proxies=192.0.2.1"];
const leaf = authority.issue().cert;
const key = authority.issue().key;

const mistakes: readonly (readonly [string, readonly string[], RegExp])[] = [
  ["a header that nobody is believed in", ["--client-certificate-header=Client-Cert"], /needs --trusted-proxies/],
  ["a header whose name is none", ["--client-certificate-header=Client Cert", HEADER[1] ?? ""], /the name of a header/],
  ["certificates of connections without TLS", ["--request-client-certificates"], /needs --listen to be https/],
  [
    "authorities, and nothing that shows certificates",
    [`--client-certificate-ca=${authority.caFile}`],
    /need --client-cert/,
  ],
  ["an address, and nothing that shows certificates", ["--mtls-url=https://mtls.example/dex"], /need --client-cert/],
  [
    "a file that is not there",
    [...HEADER, `--client-certificate-ca=${directory}/none`],
    /--client-certificate-ca: ENOENT/,
  ],
  ["a file of nothing", [...HEADER, `--client-certificate-ca=${file("empty", "")}`], /found no certificate/],
  ["a file of a key", [...HEADER, `--client-certificate-ca=${file("key", key)}`], /found no certificate/],
  [
    "a client's certificate",
    [...HEADER, `--client-certificate-ca=${file("leaf", authority.ca + leaf)}`],
    /no authority's/,
  ],
  ["an address of plain http", [...HEADER, "--mtls-url=http://mtls.example/dex"], /--mtls-url: expected https/],
  ["an address with another path", [...HEADER, "--mtls-url=https://mtls.example/"], /the path of --issuer/],
  ["an address with a query", [...HEADER, "--mtls-url=https://mtls.example/dex?a=b"], /the path of --issuer/],
];
test.each(mistakes)("%s is refused at the start", (_what, flags, message) => {
  expect(read(...flags)).toMatchObject({ kind: "exit", code: 1, message: expect.stringMatching(message) });
});

test.each([
  ["nothing", [], { certificates: "none", fromConnection: false, header: undefined, url: undefined }],
  ["a header", HEADER, { certificates: "shown", header: "Client-Cert" }],
  ["authorities", [...HEADER, `--client-certificate-ca=${authority.caFile}`], { certificates: "issued" }],
  ["an address", [...HEADER, "--mtls-url=https://mtls.example:8443/dex/"], { url: "https://mtls.example:8443/dex" }],
])("%s comes to what clients may do", (_what, flags, mutualTls) => {
  expect(read(...flags)).toMatchObject({ kind: "settings", values: { mutualTls } });
});
