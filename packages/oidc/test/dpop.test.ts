// Tokens that are bound to a key, RFC 9449, at the token endpoint and at userinfo.
import { describe, expect, test } from "vitest";
import { type Client, DPOP_NONCE_LIFETIME_SECONDS, renderResourceChallenges, statusAtResource } from "../src/index.ts";
import { makeDpopKey, makeProof, type ProofChanges, USERINFO_URL } from "./dpop.ts";
import { client, jane, later, now, publicClient } from "./fakes.ts";
import { challengeOfVerifier, claimsOf, refusalOf, setUp, verifier } from "./token-endpoint.ts";

const key = makeDpopKey();
const other = makeDpopKey();
const none = new URLSearchParams();
const profiled: Client = { ...client, id: "client-profiled", details: { profile: "fapi2" } };
const boundClient: Client = { ...client, id: "client-bound", details: { dpop_bound_access_tokens: true } };

/** A token endpoint that has issued a first refresh token to a client with a profile, and its later requests. */
async function underProfile() {
  const parts = setUp({ clients: [profiled] });
  const fields = { client_id: profiled.id };
  const code = parts.issueCode({ scope: "openid offline_access", client: profiled });
  const first = await parts.redeem(code, fields, now, [makeProof(key)]);
  parts.store.takeRoundTrips();
  parts.signer.signatures = 0;
  const refresh = (token: unknown, proofs: readonly string[]) => parts.refresh(token, fields, now, proofs);
  return { ...parts, fields, refresh, token: first.refresh_token };
}

type Parts = ReturnType<typeof setUp>;

/** Asks userinfo with a token that is bound to `key`. */
const ask = (parts: Parts, token: string, proof: string, at = now, scheme = "DPoP") =>
  parts.userinfo.handle({ authorization: `${scheme} ${token}`, query: none, dpop: [proof], method: "GET" }, at);

async function bound(settings: Parameters<typeof setUp>[0] = {}, scope = "openid offline_access") {
  const parts = setUp({ clients: [boundClient], ...settings });
  const tokens = await parts.redeem(parts.issueCode({ scope }), {}, now, [makeProof(key)]);
  parts.store.takeRoundTrips();
  return {
    ...parts,
    tokens,
    proofFor: (changes: ProofChanges = {}, by = key) => makeProof(by, { accessToken: tokens.access_token, ...changes }),
  };
}

/** Of a public client, which authenticates with nothing. */
async function ofPublicClient() {
  const parts = setUp();
  const [redirect_uri = ""] = publicClient.redirectUris;
  const fields = { client_id: publicClient.id, client_secret: undefined };
  const issue = (dpopJkt?: string) =>
    parts.issueCode({
      scope: "openid offline_access",
      client: publicClient,
      codeChallenge: challengeOfVerifier,
      ...(dpopJkt === undefined ? {} : { dpopJkt }),
    });
  const redeem = (code: string, proof: string | undefined) =>
    parts.redeem(code, { ...fields, redirect_uri, code_verifier: verifier }, now, proof === undefined ? [] : [proof]);
  const refresh = (token: unknown, proof: string | undefined, at = now) =>
    parts.refresh(token, fields, at, proof === undefined ? [] : [proof]);
  return { ...parts, issue, redeem, refresh };
}

describe("the token endpoint", () => {
  test("binds what it issues to the key of the proof (RFC 9449 §5)", async () => {
    const { tokens } = await bound();
    expect(tokens).toMatchObject({ token_type: "DPoP", scope: "openid offline_access" });
  });

  test("issues no bearer tokens to a client whose profile wants them bound, and spends nothing (FAPI 2.0 section 5.3.2.1)", async () => {
    const { redeem, issueCode, refresh, fields, token } = await underProfile();
    const refusal = { code: "invalid_dpop_proof", message: expect.stringMatching(/section 5\.3\.2\.1\)$/) };
    const code = issueCode({ client: profiled });
    expect(await refusalOf(redeem(code, fields))).toMatchObject(refusal);
    expect(await redeem(code, fields, now, [makeProof(key)])).toMatchObject({ token_type: "DPoP" });
    expect(await refusalOf(refresh(token, []))).toMatchObject(refusal);
  });

  test("takes no grant beyond a client's profile, whatever the client has (AUT-13, FAPI 2.0 section 5.3.2)", async () => {
    const grantTypes = ["urn:ietf:params:oauth:grant-type:device_code"] as const;
    const { post } = setUp({ clients: [{ ...profiled, grantTypes }] });
    const asked = post({ client_id: profiled.id, grant_type: grantTypes[0], device_code: "x" }, now, [makeProof(key)]);
    const message = expect.stringMatching(/section 5\.3\.2\)$/);
    expect(await refusalOf(asked)).toMatchObject({ code: "unauthorized_client", message });
  });

  test("leaves a refresh token under a profile as it is, for 20 at once too, at no greater cost (REF-7, FAPI 2.0 section 5.3.2.1)", async () => {
    const { refresh, token, store, signer } = await underProfile();
    const requests = Array.from({ length: 20 }, () => refresh(token, [makeProof(other)]));
    for (const answer of await Promise.all(requests)) {
      expect(answer).toMatchObject({ token_type: "DPoP", access_token: expect.any(String) });
      expect(answer).not.toHaveProperty("refresh_token");
    }
    // With each proof that is used up.
    expect([store.takeRoundTrips(), signer.signatures]).toEqual([40, 20]);
    expect(store.revocations).toEqual([]);
  });

  test("issues bearer tokens without a proof, at no greater cost than before (RFC 9449 §5)", async () => {
    const { redeem, issueCode, store } = setUp();
    expect(await redeem(issueCode())).toMatchObject({ token_type: "Bearer" });
    expect(store.takeRoundTrips()).toBe(1);
  });

  test("remembers a proof in one more round trip", async () => {
    const { redeem, issueCode, store } = setUp();
    await redeem(issueCode(), {}, now, [makeProof(key)]);
    expect(store.takeRoundTrips()).toBe(2);
  });

  test("refuses two proofs, and one that is not good, and the code stays as it was (DPO-1)", async () => {
    const { redeem, issueCode, store } = setUp();
    const code = issueCode();
    for (const proofs of [
      [makeProof(key), makeProof(key)],
      [makeProof(key, { claims: { htm: "GET" } })],
      [`${makeProof(key)}, ${makeProof(key)}`],
      [""],
    ]) {
      expect(await refusalOf(redeem(code, {}, now, proofs))).toMatchObject({ code: "invalid_dpop_proof", status: 400 });
    }
    expect(store.takeRoundTrips()).toBe(0);
    expect(await redeem(code, {}, now, [makeProof(key)])).toMatchObject({ token_type: "DPoP" });
  });

  test("takes each proof once, and what it was sent with stays as it was (DPO-1)", async () => {
    const { redeem, issueCode, tokens, refresh } = await bound();
    const [proof, code] = [makeProof(key), issueCode()];
    await redeem(issueCode(), {}, now, [proof]);
    expect(await refusalOf(redeem(code, {}, now, [proof]))).toMatchObject({ code: "invalid_dpop_proof" });
    expect(await redeem(code, {}, now, [makeProof(key)])).toMatchObject({ token_type: "DPoP" });
    expect(await refusalOf(refresh(tokens.refresh_token, {}, now, [proof]))).toMatchObject({
      code: "invalid_dpop_proof",
    });
    const sameJti = { claims: { jti: "chosen" } };
    await refresh(tokens.refresh_token, {}, now, [makeProof(key, sameJti)]);
    // Two clients cannot know which jti the other one has drawn.
    expect(await redeem(issueCode(), {}, now, [makeProof(other, sameJti)])).toMatchObject({ token_type: "DPoP" });
  });

  test("writes nothing for who is not authenticated (DPO-1)", async () => {
    const { redeem, issueCode, store } = setUp();
    const proof = makeProof(key);
    const stranger = await refusalOf(redeem(issueCode(), { client_secret: "wrong" }, now, [proof]));
    expect(stranger.code).toBe("invalid_client");
    expect(store.usedProofs()).toBe(0);
    const anybody = await ofPublicClient();
    const unknown = `dxc_${"A".repeat(43)}`;
    expect(await refusalOf(anybody.redeem(unknown, proof))).toMatchObject({ code: "invalid_grant" });
    expect(anybody.store.usedProofs()).toBe(0);
    expect(await anybody.redeem(anybody.issue(), proof)).toMatchObject({ token_type: "DPoP" });
    expect(anybody.store.usedProofs()).toBe(1);
    expect(await refusalOf(anybody.redeem(anybody.issue(), proof))).toMatchObject({ code: "invalid_dpop_proof" });
  });

  test("binds a client's own token, and says to which key (RFC 9449 §6.1)", async () => {
    const { post, signer } = setUp();
    const answer = await post({ grant_type: "client_credentials" }, now, [makeProof(key)]);
    expect(answer.token_type).toBe("DPoP");
    expect(await signer.verify(answer.access_token, "at+jwt")).toMatchObject({ cnf: { jkt: key.jkt } });
  });

  test("gives no bearer token to a client that registered for bound ones (RFC 9449 §5.2)", async () => {
    const { redeem, refresh, post, issueCode } = setUp({ clients: [boundClient] });
    const who = { client_id: boundClient.id };
    const code = issueCode({ client: boundClient, scope: "openid offline_access" });
    const refused = { code: "invalid_dpop_proof", status: 400 };
    expect(await refusalOf(redeem(code, who))).toMatchObject(refused);
    expect(await refusalOf(post({ ...who, grant_type: "client_credentials" }))).toMatchObject(refused);
    const tokens = await redeem(code, who, now, [makeProof(key)]);
    expect(tokens.token_type).toBe("DPoP");
    expect(await refusalOf(refresh(tokens.refresh_token, who))).toMatchObject(refused);
    expect(await refresh(tokens.refresh_token, who, now, [makeProof(other)])).toMatchObject({ token_type: "DPoP" });
  });
});

describe("a code", () => {
  test("that is bound to a key is redeemed with that key alone (DPO-3, RFC 9449 §10)", async () => {
    const { redeem, issueCode } = setUp();
    const code = issueCode({ dpopJkt: key.jkt });
    expect(await refusalOf(redeem(code))).toMatchObject({ code: "invalid_grant", status: 400 });
    expect(await refusalOf(redeem(code, {}, now, [makeProof(other)]))).toMatchObject({ code: "invalid_grant" });
    expect(await redeem(code, {}, now, [makeProof(key)])).toMatchObject({ token_type: "DPoP" });
  });

  test("of a public client as well (DPO-3)", async () => {
    const { redeem, issue } = await ofPublicClient();
    const code = issue(key.jkt);
    expect(await refusalOf(redeem(code, undefined))).toMatchObject({ code: "invalid_grant" });
    expect(await refusalOf(redeem(code, makeProof(other)))).toMatchObject({ code: "invalid_grant" });
    expect(await redeem(code, makeProof(key))).toMatchObject({ token_type: "DPoP" });
  });
});

describe("a refresh token", () => {
  test("of a public client goes on with the key it began with, and no other (REF-7, RFC 9449 §5)", async () => {
    const { redeem, refresh, issue } = await ofPublicClient();
    const { refresh_token } = await redeem(issue(), makeProof(key));
    expect(await refusalOf(refresh(refresh_token, undefined))).toMatchObject({ code: "invalid_grant" });
    expect(await refusalOf(refresh(refresh_token, makeProof(other)))).toMatchObject({ code: "invalid_grant" });
    const next = await refresh(refresh_token, makeProof(key));
    expect(next).toMatchObject({ token_type: "DPoP", refresh_token: expect.any(String) });
    // Not even the used one, whose family the right key would end.
    expect(await refusalOf(refresh(refresh_token, makeProof(other), later(60)))).toMatchObject({
      code: "invalid_grant",
    });
    const proof = makeProof(key, { at: later(60) });
    expect(await refresh(next.refresh_token, proof, later(60))).toMatchObject({ token_type: "DPoP" });
  });

  test("of a client that authenticates goes on with any key (RFC 9449 §5)", async () => {
    const { refresh, tokens, userinfo } = await bound();
    const next = await refresh(tokens.refresh_token, {}, now, [makeProof(other)]);
    expect(next.token_type).toBe("DPoP");
    const proof = makeProof(other, { accessToken: next.access_token });
    const authorization = `DPoP ${next.access_token}`;
    const answer = await userinfo.handle({ authorization, query: none, dpop: [proof], method: "GET" }, now);
    expect(claimsOf(answer)).toMatchObject({ sub: jane.id });
  });
});

describe("userinfo", () => {
  test("answers who has the key, in one round trip more than for a bearer token (RFC 9449 §7.1)", async () => {
    const parts = await bound();
    for (const scheme of ["DPoP", "dpop", "dPoP", "DPOP "]) {
      const answer = await ask(parts, parts.tokens.access_token, parts.proofFor(), now, scheme);
      expect(claimsOf(answer)).toEqual({ sub: jane.id });
      expect(parts.store.takeRoundTrips()).toBe(2);
    }
  });

  const refusals: readonly {
    when: string;
    authorization?: (token: string) => string;
    proofs?: (proof: (changes?: ProofChanges, by?: typeof key) => string) => readonly string[];
    code?: string;
  }[] = [
    { when: "no proof is sent", proofs: () => [] },
    { when: "two are sent", proofs: (proof) => [proof(), proof()] },
    { when: "the proof is of the token endpoint", proofs: () => [makeProof(key)] },
    { when: "the proof is of another token", proofs: (proof) => [proof({ accessToken: "dxa_other" })] },
    { when: "the proof names no token", proofs: () => [makeProof(key, { claims: { htm: "GET", htu: USERINFO_URL } })] },
    { when: "the proof is of another method", proofs: (proof) => [proof({ claims: { htm: "POST" } })] },
    { when: "the proof is an hour old", proofs: (proof) => [proof({ at: later(-3600) })] },
    { when: "the proof is by another key (DPO-2)", proofs: (proof) => [proof({}, other)], code: "invalid_token" },
    { when: "it comes as a bearer token (DPO-2)", authorization: (token) => `Bearer ${token}`, code: "invalid_token" },
    {
      when: "it comes as a bearer token without proof (DPO-2)",
      authorization: (token) => `Bearer ${token}`,
      proofs: () => [],
      code: "invalid_token",
    },
  ];
  test.each(refusals)(
    "refuses a bound token with 401, a challenge and no round trip when $when (DPO-1)",
    async ({
      authorization = (token: string) => `DPoP ${token}`,
      proofs = (proof) => [proof()],
      code = "invalid_dpop_proof",
    }) => {
      const { userinfo, tokens, store, proofFor } = await bound();
      const sent = {
        authorization: authorization(tokens.access_token),
        query: none,
        dpop: proofs(proofFor),
        method: "GET",
      };
      const refusal = await refusalOf(userinfo.handle(sent, now));
      expect([refusal.code, statusAtResource(refusal)]).toEqual([code, 401]);
      const scheme = sent.authorization.startsWith("DPoP") ? "DPoP" : "Bearer";
      const challenges = renderResourceChallenges(refusal, {
        scheme,
        algorithms: ["ES256", "PS256"],
        metadataUrl: "https://rs.example/m",
      });
      const told = challenges.filter((challenge) => challenge.includes(`error="${code}"`));
      expect(told).toEqual([expect.stringContaining(`${scheme} realm="dex"`)]);
      expect(challenges).toContainEqual(expect.stringMatching(/^DPoP realm="dex", algs="ES256 PS256"/));
      expect(store.takeRoundTrips()).toBe(0);
    },
  );

  test("refuses a bound token in a form, whatever proof comes with it (DPO-2)", async () => {
    const { userinfo, tokens, proofFor } = await bound();
    const body = new URLSearchParams({ access_token: tokens.access_token });
    const dpop = [proofFor({ claims: { htm: "POST" } })];
    const request = { authorization: undefined, query: none, body, dpop, method: "POST" };
    expect(await refusalOf(userinfo.handle(request, now))).toMatchObject({ code: "invalid_token", status: 401 });
  });

  test("refuses a bearer token that is shown with a key, and takes it without (RFC 9449 §7.1)", async () => {
    const parts = setUp();
    const { access_token: token } = await parts.redeem(parts.issueCode());
    const proof = makeProof(key, { accessToken: token });
    expect(await refusalOf(ask(parts, token, proof))).toMatchObject({ code: "invalid_token", status: 401 });
    expect(claimsOf(await ask(parts, token, proof, now, "Bearer"))).toEqual({ sub: jane.id });
  });

  test("refuses a client's own bound token as a bearer token (DPO-2)", async () => {
    const { post, askUserinfo } = setUp();
    const { access_token } = await post({ grant_type: "client_credentials" }, now, [makeProof(key)]);
    expect(await refusalOf(askUserinfo(access_token))).toMatchObject({ code: "invalid_token", status: 401 });
  });

  test("takes each proof once (DPO-1)", async () => {
    const parts = await bound();
    const proof = parts.proofFor();
    await ask(parts, parts.tokens.access_token, proof);
    const refusal = await refusalOf(ask(parts, parts.tokens.access_token, proof));
    expect(refusal.code).toBe("invalid_dpop_proof");
  });
});

describe("a nonce", () => {
  const required = { requireDpopNonce: true };

  test("is demanded where the deployment does, by both endpoints, and taken by both (RFC 9449 §8, §9)", async () => {
    const parts = setUp(required);
    const code = parts.issueCode();
    const first = await refusalOf(parts.redeem(code, {}, now, [makeProof(key)]));
    expect(first).toMatchObject({ code: "use_dpop_nonce", status: 400, dpopNonce: expect.any(String) });
    const claims = { nonce: first.dpopNonce };
    const tokens = await parts.redeem(code, {}, now, [makeProof(key, { claims })]);
    const accessToken = tokens.access_token;
    parts.store.takeRoundTrips();
    const second = await refusalOf(ask(parts, accessToken, makeProof(key, { accessToken })));
    expect(second).toMatchObject({ code: "use_dpop_nonce", dpopNonce: expect.any(String) });
    expect(statusAtResource(second)).toBe(401);
    expect(parts.store.takeRoundTrips()).toBe(0);
    const answer = await ask(parts, accessToken, makeProof(key, { accessToken, claims }));
    expect(claimsOf(answer)).toEqual({ sub: jane.id });
  });

  test("of another making, or too old, is refused with a new one, also where none is demanded (RFC 9449 §8)", async () => {
    const old = (await refusalOf(setUp(required).redeem("dxc_", {}, now, [makeProof(key)]))).dpopNonce;
    for (const settings of [{}, required]) {
      const parts = setUp(settings);
      for (const nonce of ["x", "A".repeat(500), old, parts.issueCode()]) {
        const at = later(DPOP_NONCE_LIFETIME_SECONDS);
        const proof = makeProof(key, { at, claims: { nonce } });
        const refusal = await refusalOf(parts.redeem(parts.issueCode(), {}, at, [proof]));
        expect(refusal).toMatchObject({ code: "use_dpop_nonce", dpopNonce: expect.any(String) });
        expect(refusal.dpopNonce).not.toBe(nonce);
      }
    }
  });

  test("is no token, and no token is one (AUT-15)", async () => {
    const parts = setUp(required);
    const nonce = (await refusalOf(parts.redeem("dxc_", {}, now, [makeProof(key)]))).dpopNonce ?? "";
    for (const text of [nonce, `dxa_${nonce}`, makeProof(key)]) {
      expect(await refusalOf(parts.askUserinfo(text))).toMatchObject({ code: "invalid_token" });
    }
    const redeemed = await refusalOf(parts.redeem(`dxc_${nonce}`));
    const refreshed = await refusalOf(parts.refresh(`dxr_${nonce}`));
    expect([redeemed.code, refreshed.code]).toEqual(["invalid_grant", "invalid_grant"]);
    const tokens = await parts.redeem(parts.issueCode({ scope: "openid offline_access" }));
    for (const token of [tokens.access_token, tokens.refresh_token ?? "", parts.issueCode()]) {
      for (const text of [token, token.slice(4)]) {
        const proof = makeProof(key, { claims: { nonce: text } });
        expect(await refusalOf(parts.redeem(parts.issueCode(), {}, now, [proof]))).toMatchObject({
          code: "use_dpop_nonce",
        });
      }
    }
  });

  test("has a successor before it ends, so that who goes on asking is never refused (RFC 9449 §8.2)", async () => {
    const parts = setUp(required);
    const credentials = { client_id: client.id, grant_type: "client_credentials" };
    let nonce = (await refusalOf(parts.post(credentials, now, [makeProof(key)]))).dpopNonce;
    let renewals = 0;
    for (let passed = 0; passed < 3600; passed += 60) {
      const at = later(passed);
      const answer = await parts.ask(credentials, at, [makeProof(key, { at, claims: { nonce } })]);
      if (answer.dpopNonce !== undefined) renewals += 1;
      nonce = answer.dpopNonce ?? nonce;
    }
    expect(renewals).toBeGreaterThan(10);
    expect(renewals).toBeLessThan(30);
  });
});
