import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { openSamlSigner } from "@dex/testing";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { samlKind } from "../src/saml/saml.ts";
import { begin, CALLBACK, CONFIG, caData, later, NOW, openSaml, otherSigner, signer } from "./saml-login.ts";

afterAll(() => {
  for (const one of [signer, otherSigner]) one.close();
});

const CLAIMS = { remoteId: "person-1", displayName: "Grace Hopper", email: "grace@example.com", emailVerified: true };

describe("the request", () => {
  const requestOf = async (more = {}, wish = {}) => {
    const { login } = openSaml(more);
    if (login.kind !== "callback") throw new Error("not a callback connector");
    const nothing = { reauthenticate: false, selectAccount: false, maxAgeSeconds: undefined, loginHint: undefined };
    const asked = { groups: false, offlineAccess: false };
    const departure = await login.begin({
      callbackUrl: CALLBACK,
      state: "opaque",
      wish: { ...nothing, asked, ...wish },
    });
    if (departure.kind !== "form") return { departure, xml: "" };
    return { departure, xml: Buffer.from(departure.fields.SAMLRequest ?? "", "base64").toString() };
  };

  test("is posted, with our flow as RelayState and no address in it (SAM-9)", async () => {
    const { departure, xml } = await requestOf();
    expect(departure).toMatchObject({ kind: "form", to: CONFIG.ssoURL, fields: { RelayState: "opaque" } });
    for (const part of [
      'ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"',
      `Destination="${CONFIG.ssoURL}"`,
      `AssertionConsumerServiceURL="${CALLBACK}"`,
      `${CALLBACK}</saml:Issuer>`,
      'AllowCreate="true"',
    ]) {
      expect(xml).toContain(part);
    }
    expect(xml).not.toContain("ForceAuthn");
  });

  test.each([
    { format: undefined, urn: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" },
    { format: "emailAddress", urn: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress" },
    {
      format: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
      urn: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    },
  ])("asks for a NameID of format $format (C 120)", async ({ format, urn }) => {
    const { xml } = await requestOf(format === undefined ? {} : { nameIDPolicyFormat: format });
    expect(xml).toContain(`Format="${urn}"`);
  });

  test("asks for a new sign-in when the client does", async () => {
    expect((await requestOf({}, { reauthenticate: true })).xml).toContain('ForceAuthn="true"');
  });

  test("carries what it is given as text, not as markup (BRO-11)", async () => {
    const { xml } = await requestOf({ entityIssuer: 'a"><b/>&amp;' });
    expect(xml).toContain('a"&gt;&lt;b/&gt;&amp;amp;');
  });

  test("is signed where there is a key", async () => {
    const { xml } = await requestOf({ privateKey: otherSigner.privateKey, certificate: otherSigner.certificate });
    expect(xml).toContain("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256");
    expect(otherSigner.verify(xml, "AuthnRequest")).toBe(true);
    expect(signer.verify(xml, "AuthnRequest")).toBe(false);
  });

  test("is not made for an address that is none of ours (C 10)", async () => {
    const { departure } = await requestOf({ redirectURI: "https://old.example/callback" });
    expect(departure).toMatchObject({ kind: "unavailable" });
    const shared = await requestOf({ redirectURI: "https://dex.example/callback" });
    expect(shared.xml).toContain('AssertionConsumerServiceURL="https://dex.example/callback"');
  });
});

describe("a configuration", () => {
  const parse = (more: object) => samlKind.parse({ ...CONFIG, ...more });
  const { certificate } = signer;
  const encode = (text: string) => Buffer.from(text).toString("base64");

  test.each([
    { what: "one block", text: certificate },
    { what: "two blocks", text: `${certificate}${otherSigner.certificate}` },
    { what: "trailing newlines and blanks", text: `${certificate}\n\n  \n` },
  ])("is taken with caData of $what (C 118)", ({ text }) => {
    expect(parse({ caData: encode(text) })).toMatchObject({ kind: "config" });
  });

  test("takes an empty member for an absent one, as dex v2 does", () => {
    const empty = { ssoIssuer: "", entityIssuer: "", redirectURI: "", ca: "", groupsDelim: "", nameIDPolicyFormat: "" };
    expect(parse({ ...empty, privateKey: "", certificate: "" })).toMatchObject({ kind: "config" });
  });

  const refusals: readonly { what: string; more: object; reason: RegExp; by: string }[] = [
    { what: "empty caData", more: { caData: "" }, reason: /caData/, by: "C 118" },
    { what: "junk after", more: { caData: encode(`${certificate}junk`) }, reason: /caData/, by: "C 118" },
    { what: "junk before", more: { caData: encode(`junk${certificate}`) }, reason: /caData/, by: "C 118" },
    { what: "neither ca nor caData", more: { caData: undefined }, reason: /exactly one of ca and caData/, by: "C 119" },
    { what: "both", more: { ca: "/etc/ca.pem" }, reason: /exactly one of ca and caData/, by: "C 119" },
    { what: "an unknown format", more: { nameIDPolicyFormat: "carrier-pigeon" }, reason: /NameID format/, by: "C 120" },
    { what: "a format for one time", more: { nameIDPolicyFormat: "transient" }, reason: /second time/, by: "ACC-14" },
    {
      what: "signatures switched off",
      more: { insecureSkipSignatureValidation: true },
      reason: /without signatures anybody could sign in/,
      by: "SAM-5",
    },
    {
      what: "groups that nothing names",
      more: { allowedGroups: ["a"], groupsAttr: undefined },
      reason: /groupsAttr/,
      by: "C 127",
    },
    { what: "plain http", more: { ssoURL: "http://idp.example/sso" }, reason: /https/, by: "SSR-1" },
  ];
  test.each(refusals)("is refused for $what ($by)", ({ more, reason }) => {
    const config = Object.fromEntries(
      Object.entries({ ...CONFIG, ...more }).filter(([, value]) => value !== undefined),
    );
    expect(samlKind.parse(config)).toMatchObject({ kind: "refused", reason: expect.stringMatching(reason) });
  });

  test("is refused for a short RSA key, and for a key that is none", async () => {
    const short = openSamlSigner("rsa-1024");
    expect(parse({ caData: caData(short.certificate) })).toMatchObject({ reason: expect.stringContaining("2048") });
    short.close();
    expect(() => openSaml({ privateKey: "canary" })).toThrow("privateKey: expected an RSA key");
  });
});

describe("refresh", () => {
  const asked = { groups: true, offlineAccess: true };
  const remoteId = "person-1";
  const keep = async () => {};

  test("is not offered unless the operator switched it on (C 17)", () => {
    expect(openSaml().refresh).toBeUndefined();
  });

  test("says twice in a row what the sign-in said, groups only where they are asked for (C 121, C 122)", async () => {
    const connector = openSaml({ enableCachedRefresh: true });
    const trip = await begin(connector);
    const proved = await trip.finish(trip.answer(), { asked });
    if (proved.kind !== "identity" || proved.grant === undefined) throw new Error("no grant");
    const { grant } = proved;
    for (const groups of [["Admins", "Everyone"], ["Admins", "Everyone"], undefined]) {
      const outcome = await connector.refresh?.({
        grant,
        remoteId,
        asked: { ...asked, groups: groups !== undefined },
        now: NOW,
        keep,
      });
      expect(outcome).toMatchObject({ kind: "identity", identity: { ...CLAIMS, groups } });
      expect(outcome).not.toHaveProperty("grant");
    }
  });

  test("keeps out who is in none of the groups that are allowed today", async () => {
    const trip = await begin(openSaml({ enableCachedRefresh: true }));
    const proved = await trip.finish(trip.answer(), { asked });
    if (proved.kind !== "identity" || proved.grant === undefined) throw new Error("no grant");
    const narrowed = openSaml({ enableCachedRefresh: true, allowedGroups: ["Ops"] });
    const outcome = await narrowed.refresh?.({ grant: proved.grant, remoteId, asked, now: NOW, keep });
    expect(outcome).toMatchObject({ reason: "not permitted" });
  });

  test.each([
    { what: "nothing", grant: {} },
    { what: "something else", grant: { remoteId: 1, groups: "x" } },
    { what: "somebody else", grant: { remoteId: "person-2", displayName: "B", email: "b@example.com" } },
  ])("refuses a grant that holds $what (C 123)", async ({ grant }) => {
    const outcome = await openSaml({ enableCachedRefresh: true }).refresh?.({ grant, remoteId, asked, now: NOW, keep });
    expect(outcome).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });
});

test("metadata says who we are, where we are answered, and with which key", () => {
  const more = {
    privateKey: otherSigner.privateKey,
    certificate: otherSigner.certificate,
    entityIssuer: "https://dex.example/",
  };
  const document = openSaml(more).metadata?.(CALLBACK, "https://dex.example/auth/corp/signed-out");
  expect(document?.contentType).toContain("application/samlmetadata+xml");
  expect(document?.body).toContain('entityID="https://dex.example/"');
  expect(document?.body).toContain(`Location="${CALLBACK}"`);
  expect(document?.body).toContain(otherSigner.certificate.split("\n")[1]);
  expect(document?.body).not.toContain("PRIVATE KEY");
});

test("a dry run sees what arrived and what a rule made of it, and nobody else does", async () => {
  const seen: unknown[] = [];
  const rules = { groupsDelim: ";", allowedGroups: ["Ops"], filterGroups: true };
  const trip = await begin(openSaml(rules, { trace: (event) => void seen.push(event) }));
  const attributes = { name: ["A"], email: ["a@example.com"], groups: ["Ops;Everyone"] };
  await trip.finish(trip.answer({ attributes }), { asked: { groups: true } });
  expect(seen).toEqual([
    { kind: "claims", source: "assertion", claims: { NameID: "person-1", ...attributes } },
    { kind: "rule", rule: "groupsDelim", before: ["Ops;Everyone"], after: ["Ops", "Everyone"] },
    { kind: "rule", rule: "filterGroups", before: ["Ops", "Everyone"], after: ["Ops"] },
  ]);
});

describe("a check without a person", () => {
  test("says that somebody answers where people sign in, and how long the certificate is good", async () => {
    const server = createServer((_request, response) => void response.writeHead(500).end()).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const ssoURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sso?spentityid=x`;
    const steps = await openSaml({ ssoURL }).check?.();
    expect(steps?.map(({ name, ok }) => [name, ok])).toEqual([
      ["certificate 1", true],
      ["sign-on address", true],
      ["clock", true],
    ]);
  });

  test("says what is wrong: nobody there, and a certificate of the past", async () => {
    const steps = await openSaml({ ssoURL: "http://127.0.0.1:1/sso" }, { clock: () => later(400 * 86_400) }).check?.();
    expect(steps?.map(({ name, ok }) => [name, ok])).toEqual([
      ["certificate 1", false],
      ["sign-on address", false],
    ]);
  });
});
