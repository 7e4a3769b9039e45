// What opens the API of a worker: tokens that are bound to a key, with the key, and access tokens of people that are for it.
import { X509Certificate } from "node:crypto";
import { fetchFrom, makeClientAuthority } from "@dex/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formOf, type Key, type Members, makeDpopRequests, makeKey, seconds } from "./dpop-world.ts";
import { changePerson } from "./person.ts";
import { openTestWorker, REDIRECT_URI, type TestClient, type TestWorker } from "./worker-server.ts";

const HEADER = "X-SSL-Client-Cert";
const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
const authority = makeClientAuthority();
const [certificate, otherCertificate] = [1, 2].map(() => authority.selfSigned({ subject: "/CN=own" }).cert);

let worker: TestWorker;
/** The API of another worker on the same database. */
let otherApi: string;
let api: string;
let requests: ReturnType<typeof makeDpopRequests>;
let key: Key;
let machine: TestClient;
let console: TestClient;
let userId: string;
beforeAll(async () => {
  const flags = [`--client-certificate-header=${HEADER}`, "--trusted-proxies=127.0.0.1/32"];
  worker = await openTestWorker(["--api-use-client-credentials", ...flags]);
  api = `${worker.issuer}/api/v1`;
  otherApi = (await worker.openAnother()).replace(/\/token$/, "/api/v1");
  requests = makeDpopRequests(worker);
  key = await makeKey();
  machine = await worker.addClient({ isAdmin: true, redirectURIs: [], grantTypes: ["client_credentials"] });
  console = await worker.addClient({ isAdmin: true, trusted: true });
  userId = await changePerson(worker, { admin: true });
});
afterAll(async () => {
  await worker?.close();
  authority.remove();
});

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly challenges: string;
}

async function ask(
  authorization: string,
  { proofs = [], url = `${api}/users`, certificate: shown, method = "GET" }: Sent = {},
): Promise<Answer> {
  const headers = new Headers([
    ["Authorization", authorization],
    ...proofs.map((proof): [string, string] => ["DPoP", proof]),
    ...(shown === undefined ? [] : [[HEADER, encodeURIComponent(shown)] as [string, string]]),
  ]);
  const response = await fetchFrom("127.0.0.1")(new URL(url), { method, headers });
  const text = await response.text();
  const body = text === "" ? {} : (JSON.parse(text) as Answer["body"]);
  return { status: response.status, body, challenges: response.headers.get("www-authenticate") ?? "" };
}
interface Sent {
  readonly proofs?: readonly string[];
  readonly url?: string;
  readonly certificate?: string | undefined;
  readonly method?: string;
}

/** A proof of a GET of the list of users with this token. */
const prove = (accessToken: string, changes: { by?: Key; claims?: Members; header?: Members } = {}) =>
  requests.prove(changes.by ?? key, {
    accessToken,
    claims: { htu: `${api}/users`, ...changes.claims },
    ...(changes.header === undefined ? {} : { header: changes.header }),
  });

async function machineToken(): Promise<string> {
  const answer = await requests.post({ grant_type: "client_credentials" }, [await requests.prove(key)], machine);
  expect([answer.status, answer.body.token_type]).toEqual([200, "DPoP"]);
  return answer.body.access_token;
}

/** An access token of PERSON's for the API, bound to `key` where there is one. */
async function personToken(by?: Key, client = console, resource: string | undefined = api): Promise<string> {
  const code = await requests.codeFor(client, resource === undefined ? {} : { resource });
  const { status, body } = await requests.post(
    formOf(code),
    by === undefined ? [] : [await requests.prove(by)],
    client,
  );
  expect([status, body.token_type]).toEqual([200, by === undefined ? "Bearer" : "DPoP"]);
  return body.access_token;
}

const kinds = [
  { whose: "a client's own", make: machineToken },
  { whose: "a person's", make: () => personToken(key) },
];
describe.each(kinds)("$whose token that is bound to a key", ({ make }) => {
  let token: string;
  beforeAll(async () => {
    token = await make();
  });

  test("is taken with a proof (RFC 9449 §7.1)", async () => {
    const { status, body } = await ask(`DPoP ${token}`, { proofs: [await prove(token)] });
    expect([status, body.users]).toEqual([200, [expect.objectContaining({ id: userId })]]);
    const url = `${api}/users/${userId}`;
    for (const method of ["GET", "HEAD"]) {
      const proofs = [await prove(token, { claims: { htu: url, htm: method } })];
      expect((await ask(`DPoP ${token}`, { proofs, url: `${url}?a=b`, method })).status).toBe(200);
    }
  });

  const attempts: Readonly<
    Record<string, { scheme?: string; proofs: () => Promise<readonly string[]>; code?: string }>
  > = {
    "as a bearer token": { scheme: "Bearer", proofs: async () => [], code: "invalid_token" },
    "as a bearer token with a proof": {
      scheme: "Bearer",
      proofs: async () => [await prove(token)],
      code: "invalid_token",
    },
    "with another key": { proofs: async () => [await prove(token, { by: await makeKey() })], code: "invalid_token" },
    "with no proof": { proofs: async () => [] },
    "with two proofs": { proofs: async () => [await prove(token), await prove(token)] },
    "with a proof of another method": { proofs: async () => [await prove(token, { claims: { htm: "DELETE" } })] },
    "with a proof of another address": {
      proofs: async () => [await prove(token, { claims: { htu: `${api}/clients` } })],
    },
    "with a proof of the API's address": { proofs: async () => [await prove(token, { claims: { htu: api } })] },
    "with a proof of no token": { proofs: async () => [await prove(token, { claims: { ath: undefined } })] },
    "with a proof of another token": { proofs: async () => [await prove(`${token}x`)] },
    "with an old proof": { proofs: async () => [await prove(token, { claims: { iat: seconds(-90) } })] },
    "with a proof of the future": { proofs: async () => [await prove(token, { claims: { iat: seconds(90) } })] },
    "with a proof without jti": { proofs: async () => [await prove(token, { claims: { jti: undefined } })] },
    "with a proof of another type": { proofs: async () => [await prove(token, { header: { typ: "JWT" } })] },
    "with the private key": { proofs: async () => [await prove(token, { header: { jwk: key.privateJwk } })] },
  };
  test.each(Object.keys(attempts))("is refused %s (DPO-1, DPO-2)", async (name) => {
    const { scheme = "DPoP", proofs, code = "invalid_dpop_proof" } = attempts[name] ?? expect.fail(name);
    const answer = await ask(`${scheme} ${token}`, { proofs: await proofs() });
    expect([answer.status, answer.body.error]).toEqual([401, code === "invalid_token" ? "unauthorized" : code]);
    const [asBearer, asBound] = answer.challenges.split(", DPoP ");
    expect((scheme === "DPoP" ? asBound : asBearer)?.includes(`error="${code}"`)).toBe(true);
    expect((scheme === "DPoP" ? asBearer : asBound)?.includes("error=")).toBe(false);
  });

  test("is refused with a proof that was used, also at another worker at the same moment (DPO-1)", async () => {
    for (let round = 0; round < 5; round += 1) {
      const proofs = [await prove(token)];
      const sent = [api, otherApi, api, otherApi].map((base) => ask(`DPoP ${token}`, { proofs, url: `${base}/users` }));
      const statuses = (await Promise.all(sent)).map(({ status }) => status);
      expect(statuses.sort()).toEqual([200, 401, 401, 401]);
    }
  });
});

test("where bearer tokens alone are taken, one that is bound to a key is refused (DPO-2)", async () => {
  const url = `${worker.issuer}/resend-verify-email`;
  const { body } = await worker.token({ grant_type: "client_credentials" }, machine);
  expect((await ask(`Bearer ${body.access_token}`, { url, method: "POST" })).body.error).toBe("invalid_request");
  const token = await machineToken();
  const proofs = [await prove(token, { claims: { htu: url, htm: "POST" } })];
  for (const scheme of ["Bearer", "DPoP"]) {
    const answer = await ask(`${scheme} ${token}`, { url, method: "POST", proofs });
    expect([answer.status, answer.body.error]).toEqual([401, "access_denied"]);
  }
});

test("a bearer token is refused as a bound one, and an ID token too (RFC 9449 §7.1, DPO-2)", async () => {
  const { body } = await worker.token({ grant_type: "client_credentials" }, machine);
  const { body: ofPerson } = await worker.token(formOf(await requests.codeFor(console)), console);
  for (const token of [body.access_token ?? "", ofPerson.id_token ?? ""]) {
    expect((await ask(`Bearer ${token}`)).status).toBe(200);
    expect((await ask(`DPoP ${token}`, { proofs: [await prove(token)] })).status).toBe(401);
  }
});

test("a token that is bound to a certificate is taken with it and refused without or with another (RFC 8705 §3)", async () => {
  const headers = { [HEADER]: encodeURIComponent(certificate ?? "") };
  const bound = await worker.addClient({
    ...{ isAdmin: true, redirectURIs: [], grantTypes: ["client_credentials"] },
    details: {
      tls_client_certificate_bound_access_tokens: true,
      token_endpoint_auth_method: "self_signed_tls_client_auth",
      jwks: {
        keys: [
          {
            ...new X509Certificate(certificate ?? "").publicKey.export({ format: "jwk" }),
            x5c: [new X509Certificate(certificate ?? "").raw.toString("base64")],
          },
        ],
      },
    },
  });
  const answer = await fetch(`${worker.issuer}/token`, {
    ...{ method: "POST", headers },
    body: new URLSearchParams({ grant_type: "client_credentials", client_id: bound.id }),
  });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  expect((await ask(`Bearer ${token}`, { certificate })).status).toBe(200);
  for (const shown of [undefined, otherCertificate]) {
    const refused = await ask(`Bearer ${token}`, { certificate: shown });
    expect([refused.status, refused.body.error]).toEqual([401, "unauthorized"]);
  }
  expect((await ask(`DPoP ${token}`, { certificate, proofs: [await prove(token)] })).status).toBe(401);
});

describe("an access token of a person's for the API (RFC 8707 §2)", () => {
  test("opens it as the person's ID token does, and nothing else", async () => {
    const token = await personToken();
    expect((await ask(`Bearer ${token}`)).status).toBe(200);
    const userinfo = await fetch(`${worker.issuer}/userinfo`, { headers: { Authorization: `Bearer ${token}` } });
    expect(userinfo.status).toBe(401);
    const ordinary = await personToken(undefined, worker.client);
    const answer = await ask(`Bearer ${ordinary}`);
    expect([answer.status, answer.body.error]).toEqual([403, "forbidden"]);
    expect((await ask(`Bearer ${ordinary}`, { url: `${api}/account/${userId}/refresh` })).status).toBe(200);
    expect((await ask(`Bearer ${ordinary}`, { url: `${api}/account/somebody/refresh` })).status).toBe(403);
  });

  test("one that is for userinfo or another resource opens nothing", async () => {
    await worker.storage.resources.add(
      {
        ...{ identifier: "https://other.example/", name: "Other", scopes: [], accessTokenSeconds: undefined },
        ...{ tokenFormat: "jwt", signingAlgorithm: "RS256", allowedClients: undefined, introspectedBy: [] },
        authorizationDetailsTypes: [],
      },
      ACTOR,
    );
    await worker.refresh();
    const tokens = [
      await personToken(undefined, console, "https://other.example/"),
      await personToken(undefined, console, `${worker.issuer}/userinfo`),
      (await worker.token(formOf(await requests.codeFor(console)), console)).body.access_token ?? "",
    ];
    for (const token of tokens) expect((await ask(`Bearer ${token}`)).status).toBe(401);
    const jwts = await worker.addClient({ isAdmin: true, trusted: true, details: { access_token_format: "jwt" } });
    const jwt = await personToken(undefined, jwts, `${worker.issuer}/userinfo`);
    expect((await ask(`Bearer ${jwt}`)).status).toBe(401);
  });

  test("ends with what it came of, with its client and with its person (REV-1)", async () => {
    const gone = await worker.addClient({ isAdmin: true, trusted: true });
    const [revoked, ofGone] = [await personToken(), await personToken(undefined, gone)];
    expect((await ask(`Bearer ${revoked}`)).status).toBe(200);
    await fetch(`${worker.issuer}/revoke`, {
      ...{ method: "POST", body: new URLSearchParams({ token: revoked }) },
      headers: { Authorization: `Basic ${btoa(`${encodeURIComponent(console.id)}:${console.secret}`)}` },
    });
    expect((await ask(`Bearer ${revoked}`)).status).toBe(401);
    expect((await ask(`Bearer ${ofGone}`)).status).toBe(200);
    await worker.storage.clients.delete(gone.id, ACTOR);
    expect((await ask(`Bearer ${ofGone}`)).status).toBe(401);
    const token = await personToken();
    await worker.storage.userDirectory.update(userId, { admin: false }, ACTOR, new Date());
    expect((await ask(`Bearer ${token}`)).status).toBe(401);
    await worker.storage.userDirectory.update(userId, { admin: true }, ACTOR, new Date());
    expect((await ask(`Bearer ${token}`)).status).toBe(200);
  });

  test("is what an administrator registers under the API's name: a JWT, for the clients that are named, themselves among them", async () => {
    const resource = {
      ...{ identifier: api, name: "API", scopes: [], accessTokenSeconds: 60 },
      ...{
        tokenFormat: "jwt" as const,
        signingAlgorithm: "RS256" as const,
        allowedClients: [console.id, machine.id],
        introspectedBy: [],
      },
      authorizationDetailsTypes: [],
    };
    await worker.storage.resources.add(resource, ACTOR);
    await worker.refresh();
    try {
      const token = await personToken(key);
      expect(token.split(".")).toHaveLength(3);
      expect((await ask(`DPoP ${token}`, { proofs: [await prove(token)] })).status).toBe(200);
      expect((await ask(`Bearer ${token}`)).status).toBe(401);
      const own = await worker.token({ grant_type: "client_credentials", resource: api }, machine);
      expect((await ask(`Bearer ${own.body.access_token}`)).status).toBe(200);
      const url = worker.authorizationUrl({ resource: api, redirect_uri: REDIRECT_URI });
      expect((await worker.browser().open(url)).url.searchParams.get("error")).toBe("invalid_target");
    } finally {
      await worker.storage.resources.remove(api, ACTOR);
      await worker.refresh();
    }
  });
});
