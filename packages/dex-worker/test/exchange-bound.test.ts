// What a token was bound to binds what its own client exchanges it for (RFC 8693 §5, RFC 8705 §3).
import { X509Certificate } from "node:crypto";
import { fetchFrom, makeClientAuthority } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ACTOR, type ExchangeWorld, openExchangeWorld, TOKEN_EXCHANGE_GRANT, TYPES } from "./exchange-world.ts";
import { REDIRECT_URI, type TestClient } from "./worker-server.ts";

const HEADER = "X-SSL-Client-Cert";
const authority = makeClientAuthority();
const { cert: certificate } = authority.selfSigned({ subject: "/CN=own" });

let world: ExchangeWorld;
let client: TestClient;
beforeAll(async () => {
  world = await openExchangeWorld([`--client-certificate-header=${HEADER}`, "--trusted-proxies=127.0.0.1/32"]);
  client = await world.worker.addClient({
    clientName: "Bound",
    trusted: true,
    grantTypes: ["authorization_code", TOKEN_EXCHANGE_GRANT],
    details: { tls_client_certificate_bound_access_tokens: true },
  });
});
afterAll(async () => {
  await world?.close();
  authority.remove();
});

async function post(fields: Readonly<Record<string, string>>, shown?: string) {
  const credentials = btoa(`${encodeURIComponent(client.id)}:${client.secret}`);
  const response = await fetchFrom("127.0.0.1")(new URL(`${world.worker.issuer}/token`), {
    method: "POST",
    headers: new Headers({
      Authorization: `Basic ${credentials}`,
      ...(shown === undefined ? {} : { [HEADER]: encodeURIComponent(shown) }),
    }),
    body: new URLSearchParams(fields),
  });
  return { status: response.status, body: (await response.json()) as Readonly<Record<string, string>> };
}

test("a token that was bound to a certificate becomes no bearer token when its client registers otherwise (TX-1)", async () => {
  const end = await world.worker.signIn(world.worker.browser(), { client_id: client.id, connector_id: "local" });
  const code = end.searchParams.get("code") ?? "";
  const { body } = await post({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI }, certificate);
  const { clients } = world.worker.storage;
  const read = (await clients.find(client.id))?.details ?? {};
  await clients.setDetails(client.id, { read, next: {} }, ACTOR);
  await world.worker.refresh();
  const subject = { subject_token: body.access_token ?? "", subject_token_type: TYPES.access };
  const form = { grant_type: TOKEN_EXCHANGE_GRANT, ...subject };
  expect(await post(form)).toMatchObject({ status: 400, body: { error: "invalid_request" } });
  const exchanged = await post(form, certificate);
  expect(exchanged.status).toBe(200);
  const told = await world.introspect(exchanged.body.access_token ?? "", client);
  const thumbprint = Buffer.from(new X509Certificate(certificate).fingerprint256.replaceAll(":", ""), "hex");
  expect(told).toMatchObject({ active: true, cnf: { "x5t#S256": thumbprint.toString("base64url") } });
});
