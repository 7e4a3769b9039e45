// Certificates of clients, RFC 8705, on connections to the worker itself.
import { X509Certificate } from "node:crypto";
import { fetchWithCertificate, makeClientAuthority } from "@dex/testing";
import { expect } from "vitest";
import type { CallWorld, MemberCalls } from "./call-world.ts";

export const CLIENT_AUTHORITY = makeClientAuthority();
const certificate = CLIENT_AUTHORITY.issue({ subject: "/O=Acme/CN=client" });
const x509 = new X509Certificate(certificate.cert);
const jwk = { ...x509.publicKey.export({ format: "jwk" }), x5c: [x509.raw.toString("base64")] };

/** By method: what a client registers that has the certificate. */
export const CERTIFIED: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  tls_client_auth: { tls_client_auth_subject_dn: "CN=client,O=Acme" },
  self_signed_tls_client_auth: { jwks: { keys: [jwk] } },
};

/** Shows the certificate with each request. */
export function fetchOf({ authority }: CallWorld): typeof fetch {
  const shown = fetchWithCertificate({ ca: authority.ca, certificate });
  return (input, init) => shown(input instanceof Request ? input.url : input, init);
}

export const CERTIFICATE_CALLS: Readonly<Record<string, MemberCalls>> = {
  tls_client_certificate_bound_access_tokens: {
    async true(world) {
      const client = await world.register("code", { tls_client_certificate_bound_access_tokens: true });
      const { tokens } = await world.signIn(client, { fetch: fetchOf(world) });
      const ask = (send: typeof fetch) =>
        send(`${world.issuer}/userinfo`, { headers: { Authorization: `Bearer ${tokens.access_token}` } });
      expect([(await ask(fetchOf(world))).status, (await ask(fetch)).status]).toEqual([200, 401]);
    },
  },
};
