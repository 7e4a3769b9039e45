// How the certificates of an OAuth2 upstream are checked, on real TLS connections.
import type { JsonObject } from "@dex/runtime";
import {
  type FakeOAuth2Server,
  type FakeOauthPerson,
  makeTestCertificates,
  startFakeOauth,
  type TestCertificates,
} from "@dex/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withSystemAuthorities } from "../src/root-ca.ts";
import { begin, callbackOf, FAKE, openOAuth2Connector } from "./oauth2-login.ts";

const PEOPLE = [{ id: "a-1" }];

let certificates: TestCertificates;
let upstream: FakeOAuth2Server<FakeOauthPerson>;
let expired: FakeOAuth2Server<FakeOauthPerson>;
beforeAll(async () => {
  certificates = makeTestCertificates();
  upstream = await startFakeOauth({ ...FAKE, people: PEOPLE, tls: certificates.server });
  expired = await startFakeOauth({ ...FAKE, people: PEOPLE, tls: certificates.expired });
});
afterAll(async () => {
  await upstream?.close();
  await expired?.close();
  certificates?.remove();
});

const connect = (config: JsonObject, { url } = upstream) =>
  openOAuth2Connector("oauth", {
    authorizationURL: `${url}/authorize`,
    tokenURL: `${url}/token`,
    userInfoURL: `${url}/userinfo`,
    ...config,
  });

/** The browser trusts what it likes; what our own calls trust is seen in a dry run, which makes all of them. */
async function reached(config: JsonObject, server = upstream): Promise<boolean> {
  const steps = (await connect(config, server).check?.()) ?? [];
  return steps.length > 0 && steps.every(({ ok }) => ok);
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("a server with a certificate of a private authority", () => {
  test("is reached when the authority is named by path, as PEM or as base64 (C 32)", async () => {
    const { ca, caFile } = certificates;
    for (const entry of [caFile, ca, base64(ca)]) {
      expect(await reached({ rootCAs: [entry] }), entry.slice(0, 30)).toBe(true);
      expect(await reached({ rootCAs: ["", entry] })).toBe(true);
    }
  });

  test("is not reached otherwise, unless certificates are not checked at all (C 34)", async () => {
    expect(await reached({})).toBe(false);
    expect(await reached({ rootCAs: [] })).toBe(false);
    expect(await reached({ insecureSkipVerify: false })).toBe(false);
    expect(await reached({ insecureSkipVerify: true })).toBe(true);
    const steps = await connect({ insecureSkipVerify: true }).check?.();
    expect(steps?.[0]).toMatchObject({ name: "certificates", detail: expect.stringContaining("not checked") });
  });

  test("is not reached with an expired one", async () => {
    expect(await reached({ rootCAs: [certificates.ca] }, expired)).toBe(false);
    expect(await reached({ insecureSkipVerify: true }, expired)).toBe(true);
  });

  test("whose handshake fails makes the login unavailable, not an error of ours (SSR-1)", async () => {
    const connector = connect({});
    const { data } = await begin(callbackOf(connector));
    const input = { callbackUrl: FAKE.redirectUris[0] ?? "", state: "state-of-the-browser-1", data };
    const outcome = await callbackOf(connector).finish({
      ...input,
      query: new URLSearchParams({ code: "c", state: input.state }),
      asked: { groups: false, offlineAccess: false },
      request: { header: () => undefined, peer: "192.0.2.1" },
      now: new Date(0),
    });
    expect(outcome).toMatchObject({ kind: "unavailable" });
  });
});

test("public authorities are still trusted beside a private one (C 32)", () => {
  const all = withSystemAuthorities(certificates.ca);
  expect(all).toContain(certificates.ca);
  expect(all.length).toBeGreaterThan(50);
});

test.each([
  ["/nowhere/ca.pem", /rootCAs\.1: the file cannot be read/],
  [base64("no certificate"), /rootCAs\.1/],
  ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", /rootCAs\.1: expected PEM/],
  ["-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", /rootCAs\.1: expected PEM/],
])("an entry that is no certificate is refused by its index (C 33)", (entry, names) => {
  expect(() => connect({ rootCAs: [certificates.ca, entry] })).toThrow(names);
});
