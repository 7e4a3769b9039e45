// Who is a client by the certificate of its connection, RFC 8705 §2.
import { X509Certificate } from "node:crypto";
import { makeClientAuthority, type WantedCertificate } from "@dex/testing";
import { afterAll, describe, expect, test } from "vitest";
import {
  chosenSecrets,
  client,
  clientsOf,
  later,
  makeFailureCounter,
  makeSecretUpgrades,
  now,
} from "../../test/fakes.ts";
import { makeClientKeySets } from "../client-jwts/client-key-sets.ts";
import { idOfSubject } from "../client-jwts/key-ids.ts";
import type { Client } from "../clients/client.ts";
import { makeClientAuthentication } from "../clients/client-authentication.ts";
import type { ClientDetails } from "../clients/client-details.ts";
import { OAuthError } from "../errors.ts";
import { makeCheckClientCertificate } from "./certificate-authentication.ts";
import { type ClientCertificate, clientCertificateOf } from "./client-certificate.ts";

const authority = makeClientAuthority();
const stranger = makeClientAuthority(); // of the same name
afterAll(() => {
  authority.remove();
  stranger.remove();
});
const x509Of = ({ cert }: { cert: string }) => new X509Certificate(cert);
const shown = (made: { cert: string }): ClientCertificate => clientCertificateOf(x509Of(made));
const issued = (wanted?: WantedCertificate) => shown(authority.issue(wanted));

const EVERY_NAME: WantedCertificate = {
  subject: "/C=DE/O=Acme, Inc./CN=client+UID=7",
  names:
    "DNS:Client.example,DNS:*.wild.example,URI:https://a.example/Id,IP:192.0.2.1,IP:2001:db8::1,email:Ops@A.example",
};
const named = issued(EVERY_NAME);
const byDns: ClientDetails = {
  token_endpoint_auth_method: "tls_client_auth",
  tls_client_auth_san_dns: "client.example",
};

interface Attempt {
  readonly details: ClientDetails;
  readonly certificate?: ClientCertificate | undefined;
  readonly authorization?: string;
  readonly body?: Readonly<Record<string, string>>;
  readonly at?: Date;
  readonly authorities?: readonly X509Certificate[];
  /** What is behind a jwks_uri. */
  readonly published?: unknown;
}

async function attempt({ details, certificate, authorization, body, at = now, ...parts }: Attempt) {
  const registered: Client = { ...client, secret: undefined, details };
  const failures = makeFailureCounter();
  const uses: unknown[] = [];
  const keySets = makeClientKeySets({
    fetchDocument: async () =>
      ({ status: 200, body: Buffer.from(JSON.stringify(parts.published)), headers: {} }) as never,
  });
  const authentication = makeClientAuthentication({
    clients: clientsOf(registered),
    failures,
    chosenSecrets,
    secretUpgrades: makeSecretUpgrades(),
    checkCertificate: makeCheckClientCertificate({
      keySets,
      authorities: parts.authorities ?? [x509Of({ cert: authority.ca })],
      noteKeyUse: (...use) => void uses.push(use),
    }),
  });
  const form = new URLSearchParams({ client_id: client.id, ...body });
  const request = { authorization, body: form, source: "192.0.2.9", clientCertificate: certificate };
  const outcome: unknown = await authentication.authenticate(request, at).catch((error: unknown) => error);
  return { outcome, failures: failures.keys.size, uses };
}

const tls = (subject: ClientDetails): ClientDetails => ({ token_endpoint_auth_method: "tls_client_auth", ...subject });
const jwkOf = (certificate: ClientCertificate, ...more: ClientCertificate[]) => ({
  ...(certificate.x509.publicKey.export({ format: "jwk" }) as { kty: string }),
  x5c: [certificate, ...more].map(({ x509 }) => x509.raw.toString("base64")),
});
const own = shown(authority.selfSigned({ subject: "/CN=own" }));
const ownOther = shown(authority.selfSigned({ subject: "/CN=own" }));
const selfSigned = (...keys: ReturnType<typeof jwkOf>[]): ClientDetails => ({
  token_endpoint_auth_method: "self_signed_tls_client_auth",
  jwks: { keys },
});

describe("a client is who its certificate shows", () => {
  test.each<readonly [string, Attempt]>([
    [
      "by its DN",
      { details: tls({ tls_client_auth_subject_dn: "UID=7+CN=client,O=Acme\\, Inc.,C=DE" }), certificate: named },
    ],
    ["by a DNS name", { details: byDns, certificate: named }],
    ["by a URI", { details: tls({ tls_client_auth_san_uri: "https://a.example/Id" }), certificate: named }],
    ["by an address of IPv4", { details: tls({ tls_client_auth_san_ip: "192.0.2.1" }), certificate: named }],
    ["by an address of IPv6", { details: tls({ tls_client_auth_san_ip: "2001:DB8:0:0:0:0:0:1" }), certificate: named }],
    ["by a mail address", { details: tls({ tls_client_auth_san_email: "Ops@a.EXAMPLE" }), certificate: named }],
    [
      "when it is for clients",
      { details: byDns, certificate: issued({ names: "DNS:client.example", usage: "serverAuth,clientAuth" }) },
    ],
    ["with one that it made itself", { details: selfSigned(jwkOf(ownOther), jwkOf(own)), certificate: own }],
    [
      "with one that it published",
      {
        details: { token_endpoint_auth_method: "self_signed_tls_client_auth", jwks_uri: "https://a.example/jwks" },
        certificate: own,
        published: { keys: [jwkOf(own)] },
      },
    ],
    [
      "with one that somebody issued, where it is in its key set",
      { details: selfSigned(jwkOf(named)), certificate: named },
    ],
  ])("%s (RFC 8705 §2)", async (_how, one) => {
    expect(await attempt(one)).toMatchObject({ outcome: { id: client.id }, failures: 0 });
  });
});

test("what proved a client is noted: its own certificate, or the subject of those that are issued to it", async () => {
  const twice = { details: selfSigned(jwkOf(ownOther), jwkOf(own)), certificate: own };
  expect(await attempt(twice)).toMatchObject({ uses: [[client.id, own.thumbprint, now]] });
  const bySubject = await attempt({ details: byDns, certificate: named });
  expect(bySubject.uses).toEqual([[client.id, idOfSubject(byDns), now]]);
  const renewed = issued({ names: "DNS:client.example" });
  expect((await attempt({ details: byDns, certificate: renewed })).uses).toEqual(bySubject.uses);
  const other = issued({ names: "DNS:other.example" });
  expect(await attempt({ details: byDns, certificate: other })).toMatchObject({ uses: [] });
  expect(await attempt({ ...twice, certificate: other })).toMatchObject({ uses: [] });
});

const soon = { names: "DNS:client.example", from: "20260101000000Z", to: "20260301120010Z" };
describe("a client is refused", () => {
  test.each<readonly [string, Attempt]>([
    ["without a certificate", { details: byDns }],
    ["without a certificate, by its own key set", { details: selfSigned(jwkOf(own)) }],
    ["with a certificate of another DNS name", { details: byDns, certificate: issued({ names: "DNS:other.example" }) }],
    ["with its name in the DN alone", { details: byDns, certificate: issued({ subject: "/CN=client.example" }) }],
    [
      "with its name as another kind of name",
      { details: byDns, certificate: issued({ names: "URI:client.example,email:client.example" }) },
    ],
    [
      "with a wildcard for its name",
      { details: tls({ tls_client_auth_san_dns: "a.wild.example" }), certificate: named },
    ],
    [
      "with another DN",
      { details: tls({ tls_client_auth_subject_dn: "CN=client,O=Acme\\, Inc.,C=DE" }), certificate: named },
    ],
    [
      "with its DN the other way round",
      { details: tls({ tls_client_auth_subject_dn: "C=DE,O=Acme\\, Inc.,CN=client+UID=7" }), certificate: named },
    ],
    [
      "with a DN in which a comma pretends to be two parts",
      { details: tls({ tls_client_auth_subject_dn: "CN=a,O=b" }), certificate: issued({ subject: "/CN=a,O=b" }) },
    ],
    ["with another URI", { details: tls({ tls_client_auth_san_uri: "https://a.example/id" }), certificate: named }],
    ["with another address", { details: tls({ tls_client_auth_san_ip: "192.0.2.2" }), certificate: named }],
    ["with another mail address", { details: tls({ tls_client_auth_san_email: "ops@a.example" }), certificate: named }],
    [
      "with a certificate by a stranger of the authority's name",
      { details: byDns, certificate: shown(stranger.issue(EVERY_NAME)) },
    ],
    [
      "with one that it made itself in that name",
      { details: byDns, certificate: shown(authority.selfSigned(EVERY_NAME)) },
    ],
    ["where there is no authority", { details: byDns, certificate: named, authorities: [] }],
    [
      "with a certificate for servers alone",
      { details: byDns, certificate: issued({ names: "DNS:client.example", usage: "serverAuth" }) },
    ],
    ["after its certificate ended", { details: byDns, certificate: issued(soon), at: later(11) }],
    ["before its certificate begins", { details: byDns, certificate: issued({ ...soon, from: "20260301120005Z" }) }],
    ["after the authority's certificate ended", { details: byDns, certificate: named, at: new Date("2098-06-01") }],
    ["without a registered subject", { details: tls({}), certificate: named }],
    [
      "with two registered subjects",
      { details: { ...byDns, tls_client_auth_san_ip: "192.0.2.1" }, certificate: named },
    ],
    ["with another certificate that it made itself", { details: selfSigned(jwkOf(own)), certificate: ownOther }],
    [
      "with an issued certificate of its subject, when it registered its own",
      { details: { ...selfSigned(jwkOf(own)), tls_client_auth_san_dns: "client.example" }, certificate: named },
    ],
    [
      "with a certificate that stands behind the key's own",
      { details: selfSigned(jwkOf(own, ownOther)), certificate: ownOther },
    ],
    [
      "with its own certificate after that ended",
      { details: selfSigned(jwkOf(own)), certificate: own, at: new Date("2100-01-01") },
    ],
    [
      "when it published none",
      {
        details: { token_endpoint_auth_method: "self_signed_tls_client_auth", jwks_uri: "https://a.example/jwks" },
        certificate: own,
        published: { keys: [] },
      },
    ],
    ["with a secret beside it", { details: byDns, certificate: named, body: { client_secret: "secret" } }],
    [
      "with HTTP Basic beside it",
      { details: byDns, certificate: named, authorization: `Basic ${btoa("client-a:secret")}` },
    ],
    [
      "when it registered private_key_jwt",
      { details: { token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [jwkOf(own)] } }, certificate: own },
    ],
    [
      "when it registered a secret",
      { details: { token_endpoint_auth_method: "client_secret_post" }, certificate: named },
    ],
    ["when it registered no method", { details: {}, certificate: named }],
  ])("%s (RFC 8705 §2)", async (_when, one) => {
    const { outcome } = await attempt(one);
    expect(outcome).toBeInstanceOf(OAuthError);
    expect(outcome).toMatchObject({ code: "invalid_client", status: 401 });
  });
});

test("a wrong certificate counts as a guess, a missing one does not (TOK-8)", async () => {
  expect((await attempt({ details: byDns, certificate: own })).failures).toBeGreaterThan(0);
  expect((await attempt({ details: byDns })).failures).toBe(0);
});
