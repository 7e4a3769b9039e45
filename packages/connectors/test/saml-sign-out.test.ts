// What a `saml` connector sends where people are signed out. A real identity provider is asked in the tests of dex-worker.
import { createPublicKey, createVerify } from "node:crypto";
import { inflateRawSync } from "node:zlib";
import type { JsonObject } from "@dex/runtime";
import { DOMParser } from "@xmldom/xmldom";
import { afterAll, describe, expect, test } from "vitest";
import { CALLBACK, later, NOW, openSaml, otherSigner, signer } from "./saml-login.ts";

afterAll(() => {
  for (const one of [signer, otherSigner]) one.close();
});

const sloURL = "https://idp.example/slo";
const SIGNED_OUT = "https://dex.example/auth/corp/signed-out";
const KEYS = { privateKey: otherSigner.privateKey, certificate: otherSigner.certificate };

async function signOut(config: JsonObject = {}, remoteId = "person-1") {
  const asked = { remoteId, callbackUrl: CALLBACK, returnTo: SIGNED_OUT, state: "a-state" };
  const departure = await openSaml({ sloURL, ...config }).signOut?.(asked);
  if (departure?.kind !== "redirect") throw new Error("departs otherwise");
  const to = new URL(departure.to);
  const bytes = Buffer.from(to.searchParams.get("SAMLRequest") ?? "", "base64");
  const root = new DOMParser().parseFromString(inflateRawSync(bytes).toString(), "text/xml").documentElement;
  if (root === null) throw new Error("no document");
  const text = (name: string) => root.getElementsByTagNameNS("urn:oasis:names:tc:SAML:2.0:assertion", name)[0];
  return { to, root, nameId: text("NameID"), issuer: text("Issuer") };
}

describe("signing out", () => {
  test("goes by redirect with a deflated LogoutRequest that names the person and ends soon", async () => {
    const { to, root, nameId, issuer } = await signOut();
    expect(`${to.origin}${to.pathname}`).toBe(sloURL);
    expect([...to.searchParams.keys()]).toEqual(["SAMLRequest", "RelayState"]);
    expect(to.searchParams.get("RelayState")).toBe("a-state");
    expect([root.namespaceURI, root.localName]).toEqual(["urn:oasis:names:tc:SAML:2.0:protocol", "LogoutRequest"]);
    expect(root.getAttribute("ID")).toMatch(/^_[0-9a-f]{40}$/);
    expect(root.getAttribute("Version")).toBe("2.0");
    expect(root.getAttribute("Destination")).toBe(sloURL);
    expect(root.getAttribute("IssueInstant")).toBe(NOW.toISOString());
    expect(root.getAttribute("NotOnOrAfter")).toBe(later(300).toISOString());
    expect(issuer?.textContent).toBe(CALLBACK);
    expect(nameId?.textContent).toBe("person-1");
    expect(nameId?.getAttribute("Format")).toBe("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent");
  });

  test("is named as sign-ins are: by the same entity id, with a NameID of the same format", async () => {
    const { issuer, nameId } = await signOut({ entityIssuer: "urn:dex", nameIDPolicyFormat: "emailAddress" });
    expect(issuer?.textContent).toBe("urn:dex");
    expect(nameId?.getAttribute("Format")).toBe("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress");
    const shared = await signOut({ redirectURI: "https://dex.example/callback" });
    expect(shared.issuer?.textContent).toBe("https://dex.example/callback");
  });

  test("is signed over the query as it is sent, where there is a key, and keeps the address's own query", async () => {
    const { to } = await signOut({ ...KEYS, sloURL: `${sloURL}?tenant=a%20b` });
    expect([...to.searchParams.keys()]).toEqual(["tenant", "SAMLRequest", "RelayState", "SigAlg", "Signature"]);
    const [, signed = ""] = /[?&](SAMLRequest=[^&]*&RelayState=[^&]*&SigAlg=[^&]*)&Signature=/.exec(to.href) ?? [];
    expect(to.searchParams.get("SigAlg")).toBe("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256");
    const signature = Buffer.from(to.searchParams.get("Signature") ?? "", "base64");
    const key = createPublicKey(otherSigner.certificate);
    expect(createVerify("sha256").update(signed).verify(key, signature)).toBe(true);
  });

  test("carries whoever it is as text, not as markup (BRO-11)", async () => {
    const hostile = `"></saml:NameID><saml:NameID>admin</saml:NameID>&amp;'`;
    const { root, nameId } = await signOut({}, hostile);
    expect(nameId?.textContent).toBe(hostile);
    expect(root.getElementsByTagNameNS("*", "NameID")).toHaveLength(1);
  });

  test("is not offered without an address for it", () => {
    expect(openSaml().signOut).toBeUndefined();
    expect(openSaml({ sloURL: "" }).signOut).toBeUndefined();
    for (const wrong of ["http://idp.example/slo", "javascript:alert(1)", "https://idp.example/slo#x"]) {
      expect(() => openSaml({ sloURL: wrong }), wrong).toThrow("sloURL");
    }
  });
});

test("metadata says where we are answered, by the binding that brings our cookies along", () => {
  const metadata = (config: JsonObject) => openSaml(config).metadata?.(CALLBACK, SIGNED_OUT).body ?? "";
  expect(metadata({ sloURL })).toContain(
    `<SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="${SIGNED_OUT}"/>`,
  );
  expect(metadata({ sloURL })).toMatch(/<AssertionConsumerService [^>]*HTTP-POST"/);
  expect(metadata({})).not.toContain("SingleLogoutService");
});
