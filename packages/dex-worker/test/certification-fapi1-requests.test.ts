// The FAPI 1.0 Advanced plan of certification: what is refused of requests, in every variant, and of client assertions.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Key, type Members, makeKey, seconds } from "./dpop-world.ts";
import { expectRefused, type Fapi1World, openFapi1Server, openFapi1World, VARIANTS } from "./fapi1-world.ts";
import {
  browserOfTester,
  type FapiAnswer,
  type FapiClient,
  type FapiServer,
  type Fields,
  VERIFIER,
} from "./fapi2-world.ts";

const MINUTE = 60;
const OBJECT_REFUSED = ["invalid_request_object", "invalid_request", "invalid_request_uri", "access_denied"];

let server: FapiServer;
let rsa: Key;
beforeAll(async () => {
  server = await openFapi1Server();
  rsa = await makeKey("RS256");
});
afterAll(() => server?.close());

describe.each(VARIANTS)("$authentication, requests $sent, answers $answered", (variant) => {
  const { sent, answered } = variant;
  let world: Fapi1World;
  let first: FapiClient;
  let second: FapiClient;
  beforeAll(async () => {
    world = await openFapi1World(variant, server);
    ({ first, second } = world);
  });

  const taken: readonly (readonly [string, () => Members])[] = [
    [
      "for several audiences with the issuer among them (cert 13 fapi1 ensure-request-object-with-multiple-aud-succeeds)",
      () => ({ aud: ["https://other.example", server.worker.issuer] }),
    ],
    [
      "from eight seconds ahead (cert 13 fapi1 ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted)",
      () => ({ nbf: seconds(8), iat: seconds(8) }),
    ],
    ["that is 59 minutes old", () => ({ nbf: seconds(-59 * MINUTE), exp: seconds(30) })],
    ["that is good for an hour", () => ({ nbf: seconds(0), exp: seconds(60 * MINUTE) })],
  ];
  test.each(taken)("a request object is taken %s", async (_when, claims) => {
    const { members } = await world.ask(first, world.requestOf(first), claims());
    expect(members).toMatchObject({ code: expect.any(String) });
  });

  const claims: readonly (readonly [string, () => Members])[] = [
    ["without exp (cert 13 fapi1 request-object-without-exp)", () => ({ exp: undefined })],
    ["without nbf (cert 13 fapi1 request-object-without-nbf)", () => ({ nbf: undefined })],
    [
      "that has expired (cert 13 fapi1 ensure-expired-request-object-fails)",
      () => ({ nbf: seconds(-400), iat: seconds(-400), exp: seconds(-300) }),
    ],
    ["for somebody else (cert 13 fapi1 request-object-with-bad-aud)", () => ({ aud: "https://other.example" })],
    ["for nobody (cert 13 fapi1 request-object-with-bad-aud)", () => ({ aud: undefined })],
    [
      "that is good for more than 60 minutes (cert 13 fapi1 ensure-request-object-with-exp-over-60-fails)",
      () => ({ exp: seconds(70 * MINUTE) }),
    ],
    [
      "that is more than 60 minutes old (cert 13 fapi1 ensure-request-object-with-nbf-over-60-fails)",
      () => ({ nbf: seconds(-70 * MINUTE), exp: seconds(60) }),
    ],
    [
      "with a request_uri inside (cert 13 fapi1 par-authorization-request-containing-request_uri)",
      () => ({ request_uri: "urn:ietf:params:oauth:request_uri:x" }),
    ],
    ["without nonce (cert 13 fapi1 request-object-without-nonce)", () => ({ nonce: undefined })],
  ];
  test.each(claims)("a request object is refused %s", async (_when, changes) => {
    for (const client of [first, second]) {
      const request = world.requestOf(client);
      // Where the object is broken this says where to tell that, and nothing of it counts.
      const beside = sent === "by value" ? { redirect_uri: client.redirectUri, nonce: "outside", ...outside() } : {};
      expectRefused(await world.ask(client, request, changes(), { beside }), ...OBJECT_REFUSED);
    }
  });

  /** As OIDC Core §6.1 has it beside a request object. */
  const outside = (): Fields => ({
    ...{ scope: "openid", response_type: answered === "plain" ? "code id_token" : "code" },
    ...(answered === "plain" ? {} : { response_mode: "jwt" }),
  });

  test("a request object is refused without scope, which is not taken from outside (cert 13 fapi1 request-object-without-scope)", async () => {
    const beside = sent === "by value" ? outside() : {};
    for (const client of [first, second]) {
      const outcome = await world.ask(client, world.requestOf(client), { scope: undefined }, { beside });
      expectRefused(outcome, ...OBJECT_REFUSED, "invalid_scope");
    }
  });

  test("a request object is refused without redirect_uri, which is not taken from outside (cert 13 fapi1 request-object-without-redirect-uri)", async () => {
    const beside = sent === "by value" ? { ...outside(), redirect_uri: first.redirectUri } : {};
    const outcome = await world.ask(first, world.requestOf(first), { redirect_uri: undefined }, { beside });
    expect(outcome.by).toBe(sent === "by value" ? "page" : "pushed endpoint");
    expectRefused(outcome, ...OBJECT_REFUSED);
  });

  const forgeries: readonly (readonly [string, () => Promise<string>])[] = [
    [
      "by RS256 (cert 13 fapi1 request-object-with-RS256)",
      () => world.objectOf({ ...first, key: rsa }, world.requestOf(first)),
    ],
    [
      "by nothing (cert 13 fapi1 request-object-with-none)",
      async () => {
        const [, payload] = (await world.objectOf(first, world.requestOf(first))).split(".");
        return `${Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url")}.${payload}.`;
      },
    ],
    [
      "so that it is broken (cert 13 fapi1 ensure-request-object-with-invalid-signature-fails)",
      async () => (await world.objectOf(first, world.requestOf(first))).replace(/.{12}$/, "AAAAAAAAAAAA"),
    ],
    [
      "by the other client (cert 13 fapi1 ensure-matching-key-in-authorization-request)",
      () => world.objectOf({ ...first, key: second.key, kid: second.kid }, world.requestOf(first)),
    ],
    [
      "by the other client, of which it is (cert 13 fapi1 ensure-matching-key-in-authorization-request)",
      () => world.objectOf(second, world.requestOf(second)),
    ],
  ];
  test.each(forgeries)("a request object is refused that is signed %s", async (_how, make) => {
    const beside = sent === "by value" ? { redirect_uri: first.redirectUri, ...outside() } : {};
    expectRefused(await world.ask(first, {}, {}, { object: await make(), beside }), ...OBJECT_REFUSED);
  });

  test("a request without an object is refused, the rule named (cert 13 fapi1 unsigned-request)", async () => {
    for (const client of [first, second]) {
      const outcome = await world.ask(client, {}, {}, { beside: { ...world.requestOf(client), request: undefined } });
      expectRefused(outcome, ...OBJECT_REFUSED);
      expect(outcome.members.error_description).toMatch(/\(FAPI 1\.0 Part 2 section 5\.2\.2\)$/);
    }
  });

  test("a code without JARM is refused, in every mode (cert 13 fapi1 code-without-jarm)", async () => {
    for (const mode of [undefined, "query", "fragment"]) {
      const request = world.requestOf(first, { response_type: "code", response_mode: mode });
      const outcome = await world.ask(first, request);
      expectRefused(outcome, "invalid_request");
      expect(outcome.members.error_description).toMatch(/response_mode jwt \(FAPI 1\.0 Part 2 section 5\.2\.2\)$/);
    }
  });

  test("an answer with an ID token comes in no query (cert 13 fapi1 response-mode-query)", async () => {
    for (const mode of ["query", "query.jwt"]) {
      const request = world.requestOf(first, { response_type: "code id_token", response_mode: mode });
      expectRefused(await world.ask(first, request), "invalid_request");
    }
  });

  test("an answer with an access token is not given (cert 13 fapi1 ensure-response-type-token-fails)", async () => {
    for (const type of ["token", "code token", "code id_token token"]) {
      const outcome = await world.ask(first, world.requestOf(first, { response_type: type }));
      expectRefused(outcome, "unauthorized_client", "unsupported_response_type");
    }
  });

  test("an unregistered redirect_uri is refused without a redirect (cert 13 fapi1 ensure-registered-redirect-uri; RED-1)", async () => {
    const request = world.requestOf(first, { redirect_uri: `${first.redirectUri}?unregistered` });
    const outcome = await world.ask(first, request);
    expect(outcome.by).not.toBe("answer");
    expectRefused(outcome, "invalid_request");
  });

  if (sent === "pushed")
    test("what is pushed needs PKCE by S256 (cert 13 fapi1 pkce-with-pushed-requests; cert 13 fapi1 par-plain-pkce-rejected; PKC-1; PKC-2)", async () => {
      const none = { code_challenge: undefined, code_challenge_method: undefined };
      const bare = await world.ask(first, world.requestOf(first, none));
      expectRefused(bare, "invalid_request");
      expect(bare.members.error_description).toMatch(/\(FAPI 1\.0 Part 2 section 5\.2\.2\)$/);
      const plain = { code_challenge: VERIFIER, code_challenge_method: "plain" };
      expectRefused(await world.ask(first, world.requestOf(first, plain)), "invalid_request");
    });

  if (sent === "pushed")
    test("its code needs the verifier (cert 13 fapi1 ensure-pkce-code-verifier-required; cert 13 fapi1 incorrect-pkce-code-verifier-rejected)", async () => {
      const code = await world.codeFor(first);
      for (const code_verifier of [undefined, `${VERIFIER}x`]) {
        expect((await world.redeem(first, code, { code_verifier })).body.error).toBe("invalid_grant");
      }
    });

  const stays = async (client: FapiClient, uri: unknown, browser = browserOfTester()) => {
    const { status, url, text } = await world.authorize(client, uri, { browser });
    expect([status, url.origin, text.includes("login-form")]).toEqual([
      400,
      new URL(server.worker.issuer).origin,
      false,
    ]);
  };

  if (sent === "pushed")
    test("a request_uri is for one answer, to its client, and may be opened before (cert 13 fapi1 par-ensure-reused-request-uri-prior-to-auth-completion-succeeds; cert 13 fapi1 par-attempt-reuse-request_uri; cert 13 fapi1 par-attempt-to-use-request_uri-for-different-client; PAR-1)", async () => {
      const uri = String((await world.push(first, world.requestOf(first))).body.request_uri);
      await stays(second, uri);
      const browser = browserOfTester();
      const query = new URLSearchParams({ client_id: first.id, request_uri: uri });
      expect((await browser.open(`${server.worker.issuer}/auth?${query}`)).text).toContain("login-form");
      const { url } = await world.authorize(first, uri, { browser });
      expect(url.href.startsWith(first.redirectUri)).toBe(true);
      await stays(first, uri, browser);
      await stays(first, uri);
    });

  if (sent === "pushed")
    test("a request_uri expires soon (cert 13 fapi1 par-attempt-to-use-expired-request_uri; PAR-1)", async () => {
      const { request_uri: uri, expires_in: lifetime } = (await world.push(first, world.requestOf(first))).body;
      expect(lifetime).toBeLessThanOrEqual(600);
      server.worker.passTime(Number(lifetime));
      try {
        await stays(first, uri);
      } finally {
        server.worker.passTime(-Number(lifetime));
      }
    });

  if (sent === "pushed")
    test("a request_uri is not pushed, and nothing by another method than POST (cert 13 fapi1 par-authorization-request-containing-request_uri-form-param; cert 13 fapi1 par-attempt-invalid-http-method)", async () => {
      const beside = { request_uri: "urn:ietf:params:oauth:request_uri:x" };
      expectRefused(await world.ask(first, world.requestOf(first), {}, { beside }), "invalid_request");
      const url = String(server.metadata.pushed_authorization_request_endpoint);
      for (const method of ["PUT", "GET", "DELETE"]) expect((await fetch(url, { method })).status).toBe(405);
    });
});

describe("a client assertion", () => {
  let world: Fapi1World;
  let first: FapiClient;
  beforeAll(async () => {
    world = await openFapi1World({ authentication: "private_key_jwt", sent: "pushed", answered: "plain" }, server);
    ({ first } = world);
  });

  function expectUnknown({ status, body }: FapiAnswer): void {
    expect(["invalid_client", "invalid_request"]).toContain(body.error);
    expect([400, 401]).toContain(status);
  }

  const refused: readonly (readonly [string, () => Promise<string | null>])[] = [
    [
      "of another issuer (cert 13 fapi1 assertion-with-wrong-iss; TOK-10)",
      () => world.assertionOf(first, { iss: world.second.id }),
    ],
    [
      "of another subject (cert 13 fapi1 assertion-with-wrong-sub; TOK-10)",
      () => world.assertionOf(first, { sub: world.second.id }),
    ],
    [
      "without sub (cert 13 fapi1 assertion-with-wrong-sub; TOK-10)",
      () => world.assertionOf(first, { sub: undefined }),
    ],
    [
      "for somebody else (cert 13 fapi1 assertion-with-wrong-aud; TOK-10)",
      () => world.assertionOf(first, { aud: "https://other.example" }),
    ],
    [
      "also for somebody else (cert 13 fapi1 assertion-with-wrong-aud; TOK-10)",
      () => world.assertionOf(first, { aud: [server.worker.issuer, "https://other.example"] }),
    ],
    [
      "that expired five minutes ago (cert 13 fapi1 assertion-expired; TOK-10)",
      () => world.assertionOf(first, { iat: seconds(-360), exp: seconds(-300) }),
    ],
    [
      "by RS256 (cert 13 fapi1 assertion-with-RS256; TOK-10)",
      () => world.assertionOf(first, {}, { kid: first.kid, key: rsa }),
    ],
    [
      "from more than a minute ahead (cert 13 fapi1 par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails; TOK-10)",
      () => world.assertionOf(first, { nbf: seconds(70), exp: seconds(200) }),
    ],
    ["that is missing (cert 13 fapi1 ensure-client-assertion-in-token-endpoint)", async () => null],
  ];
  test.each(refused)("is refused %s", async (_when, make) => {
    expectUnknown(await world.push(first, world.requestOf(first), { assertion: await make() }));
    const code = await world.codeFor(first);
    const fields = { client_id: first.id };
    expectUnknown(await world.redeem(first, code, fields, { assertion: await make() }));
    expect((await world.redeem(first, code)).status).toBe(200);
  });

  test("by RS256 is refused although the client published such a key (cert 13 fapi1 assertion-with-RS256; cert 13 fapi1 request-object-with-RS256; TOK-10)", async () => {
    const keys = [
      { ...first.key.jwk, kid: first.kid },
      { ...rsa.jwk, kid: "rsa" },
    ];
    const { id } = await server.worker.addClient({
      redirectURIs: [first.redirectUri],
      details: { profile: "fapi1-advanced", response_types: ["code id_token"], jwks: { keys } },
    });
    const client = { ...first, id };
    const request = world.requestOf(client);
    const assertion = await world.assertionOf(client, {}, { key: rsa, kid: "rsa" });
    expectUnknown(await world.push(client, request, { assertion }));
    const object = await world.objectOf({ ...client, key: rsa, kid: "rsa" }, request);
    const beside = { redirect_uri: first.redirectUri };
    expectRefused(await world.ask(client, {}, {}, { object, beside }), "invalid_request_object");
    expect((await world.push(client, request)).status).toBe(201);
  });

  test("may be from eight seconds ahead (cert 13 fapi1 par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted)", async () => {
    const assertion = await world.assertionOf(first, { nbf: seconds(8), iat: seconds(8) });
    expect((await world.push(first, world.requestOf(first), { assertion })).status).toBe(201);
  });

  const audiences: readonly (readonly [string, () => unknown])[] = [
    ["the issuer (cert 13 fapi1 issuer-as-assertion-aud)", () => server.worker.issuer],
    [
      "the pushed endpoint (cert 13 fapi1 par-endpoint-as-assertion-aud)",
      () => server.metadata.pushed_authorization_request_endpoint,
    ],
    [
      "the pushed endpoint for certificates (cert 13 fapi1 par-endpoint-as-assertion-aud)",
      () => server.metadata.mtls_endpoint_aliases?.pushed_authorization_request_endpoint,
    ],
    ["the token endpoint (cert 13 fapi1 token-endpoint-as-assertion-aud)", () => server.metadata.token_endpoint],
    [
      "the token endpoint for certificates (cert 13 fapi1 token-endpoint-as-assertion-aud)",
      () => server.metadata.mtls_endpoint_aliases?.token_endpoint,
    ],
    ["an array (cert 13 fapi1 array-as-assertion-aud)", () => [server.worker.issuer]],
    [
      "an array of all (cert 13 fapi1 array-as-assertion-aud)",
      () => [
        server.worker.issuer,
        server.metadata.token_endpoint,
        server.metadata.pushed_authorization_request_endpoint,
      ],
    ],
  ];
  test.each(audiences)("may be for %s", async (_what, audience) => {
    const aud = audience();
    expect(aud).toBeDefined();
    const pushed = await world.push(first, world.requestOf(first), {
      assertion: await world.assertionOf(first, { aud }),
    });
    expect(pushed.status).toBe(201);
    const code = await world.codeFor(first);
    const redeemed = await world.redeem(first, code, {}, { assertion: await world.assertionOf(first, { aud }) });
    expect(redeemed.status).toBe(200);
  });
});
