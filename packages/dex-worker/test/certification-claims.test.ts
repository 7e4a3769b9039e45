// The Basic, Implicit, Hybrid and Form Post plans of certification: what a client is told of the person, and where.
import type { FormBrowser } from "@dex/testing";
import { compactDecrypt, decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  checkAuthorizationAnswer,
  checkIdToken,
  checkUserinfo,
  membersOf,
  readJsonAnswer,
} from "./certification-checks.ts";
import { ask, type Granted, type Parameters, redeem, requestOf, run, userinfoBy } from "./certification-flow.ts";
import { STANDARD_CLAIMS } from "./certification-rules.ts";
import {
  BASIC,
  type CertificationWorld,
  EVERY,
  HYBRID,
  has,
  IMPLICIT,
  openCertificationWorld,
  type Party,
  PROFILE,
  type Variant,
  withAccessToken,
} from "./certification-world.ts";
import { PERSON } from "./worker-server.ts";

let world: CertificationWorld;
const parties = new Map<Variant, Party>();
let browser: FormBrowser;
beforeAll(async () => {
  world = await openCertificationWorld();
  browser = world.browser();
  // A client of certification says that its ID tokens may leave to UserInfo what UserInfo can tell.
  const details = { id_token_claims: "requested" };
  for (const variant of EVERY) {
    const byForm = variant.responseMode === "form_post";
    const add = byForm ? world.register : world.addStatic;
    parties.set(variant, await add(variant, details));
  }
  await runWith(BASIC[0] as Variant);
});
afterAll(() => world.close());

const partyOf = (variant: Variant) => parties.get(variant) ?? expect.fail(`nobody for ${variant.variant}`);
const runWith = (variant: Variant, more: Parameters = {}) => run(world, { party: partyOf(variant), browser, more });

/** Where the scopes' claims are to be: OIDC Core §5.4. */
function toldIn({ responseType }: Variant, { userinfo, idTokens }: Granted): Readonly<Record<string, unknown>> {
  return responseType === "id_token" ? (idTokens[0]?.claims ?? {}) : userinfo;
}

/** Every ID token that comes where UserInfo can be asked is without these. */
function expectInNoIdToken(variant: Variant, { idTokens }: Granted, names: readonly string[]): void {
  if (variant.responseType === "id_token") return;
  for (const { claims } of idTokens) for (const name of names) expect(claims).not.toHaveProperty(name);
}

describe("UserInfo answers", () => {
  const subject = async (variant: Variant, way: "GET" | "POST with header" | "POST with body") => {
    const { accessTokens, idTokens } = await runWith(variant, { scope: "openid profile email address phone" });
    for (const token of accessTokens) {
      const answer = await readJsonAnswer(await userinfoBy(world, token, way));
      checkUserinfo({ ...answer, subject: idTokens[0]?.claims.sub });
      expect(answer.body).toMatchObject({ ...PROFILE, name: "Ada Lovelace", email: PERSON.email });
    }
  };
  const asking = [...BASIC, ...IMPLICIT.filter((one) => has(one, "token")), ...HYBRID];
  test.each(asking)("$variant: GET (cert 3,4,5,6 oidcc-userinfo-get; cert 2.7.1; cert 2.7.2)", async (variant) => {
    await subject(variant, "GET");
  });
  test.each(asking)(
    "$variant: POST with the token in the header (cert 3,4,5,6 oidcc-userinfo-post-header; cert 2.7.1; cert 2.7.3)",
    async (variant) => {
      await subject(variant, "POST with header");
    },
  );
  test.each(asking)(
    "$variant: POST with the token in a form (cert 3,4,5,6 oidcc-userinfo-post-body; cert 2.7.1)",
    async (variant) => {
      await subject(variant, "POST with body");
    },
  );
});

const OF_PROFILE = STANDARD_CLAIMS.filter((name) => !/^(email|phone|address)/.test(name));

describe("scopes", () => {
  test("are listed, so that none of these is skipped (cert 3,4,5,6 oidcc-scope-all)", () => {
    const supported = world.metadata.scopes_supported;
    expect(supported).toEqual(expect.arrayContaining(["openid", "profile", "email", "address", "phone"]));
  });

  test.each(EVERY)("$variant: profile (cert 3,4,5,6 oidcc-scope-profile; cert 2.6.7; cert 2.7.2)", async (variant) => {
    const granted = await runWith(variant, { scope: "openid profile" });
    const told = toldIn(variant, granted);
    expect(Object.keys(told)).toEqual(expect.arrayContaining([...OF_PROFILE]));
    expect(told).toMatchObject({ name: "Ada Lovelace", birthdate: PROFILE.birthdate, zoneinfo: PROFILE.zoneinfo });
    expectInNoIdToken(variant, granted, OF_PROFILE);
  });

  test.each(EVERY)("$variant: email (cert 3,4,5,6 oidcc-scope-email; cert 2.6.8)", async (variant) => {
    const granted = await runWith(variant, { scope: "openid email" });
    const told = toldIn(variant, granted);
    expect(told).toMatchObject({ email: PERSON.email, email_verified: true });
    for (const claims of [told, ...granted.idTokens.map((one) => one.claims)])
      expect(claims).not.toHaveProperty("name");
    expectInNoIdToken(variant, granted, ["email", "email_verified"]);
  });

  test.each(EVERY)("$variant: address (cert 3,4,5,6 oidcc-scope-address; cert 2.7.2)", async (variant) => {
    const granted = await runWith(variant, { scope: "openid address" });
    expect(toldIn(variant, granted)).toMatchObject({ address: PROFILE.address });
    expectInNoIdToken(variant, granted, ["address"]);
  });

  test.each(EVERY)("$variant: phone (cert 3,4,5,6 oidcc-scope-phone)", async (variant) => {
    const granted = await runWith(variant, { scope: "openid phone" });
    expect(toldIn(variant, granted)).toMatchObject({
      phone_number: PROFILE.phone_number,
      phone_number_verified: true,
    });
    expectInNoIdToken(variant, granted, ["phone_number", "phone_number_verified"]);
  });

  test.each(EVERY)("$variant: all at once (cert 3,4,5,6 oidcc-scope-all; cert 2.7.2; cert 2.7.3)", async (variant) => {
    const granted = await runWith(variant, { scope: "openid profile email address phone" });
    expect(Object.keys(toldIn(variant, granted))).toEqual(expect.arrayContaining([...STANDARD_CLAIMS]));
    expectInNoIdToken(variant, granted, STANDARD_CLAIMS);
  });

  const shuffled = [...BASIC, ...IMPLICIT, ...HYBRID.filter(({ responseType }) => responseType === "code id_token")];
  test.each(shuffled)(
    "$variant: in another order, as the parameters (cert 3,4,5,6 oidcc-alternate-happy-flow; cert 2.6.8)",
    async (variant) => {
      const party = partyOf(variant);
      const turned = Object.fromEntries(Object.entries(requestOf(party, { scope: "email openid" })).reverse());
      const granted = await redeem(world, { party, request: turned }, await ask(world, { request: turned, browser }));
      expect(toldIn(variant, granted)).toMatchObject({ email: PERSON.email, email_verified: true });
      expectInNoIdToken(variant, granted, ["email", "email_verified", "name"]);
    },
  );
});

test.each(EVERY)(
  "$variant: a name that is essential is told where it is asked for, and not elsewhere (cert 3,4,5,6 oidcc-claims-essential; cert 2.6.8)",
  async (variant) => {
    const where = variant.responseType === "id_token" ? "id_token" : "userinfo";
    const claims = JSON.stringify({ [where]: { name: { essential: true } } });
    const granted = await runWith(variant, { claims });
    expect(toldIn(variant, granted)).toMatchObject({ name: "Ada Lovelace" });
    expectInNoIdToken(variant, granted, ["name"]);
  },
);

test.each(EVERY)(
  "$variant: acr is one of those that were asked for (cert 3,4,5,6 oidcc-ensure-request-with-acr-values-succeeds; cert 2.6.4)",
  async (variant) => {
    const supported = world.metadata.acr_values_supported as readonly string[];
    const { idTokens } = await runWith(variant, { acr_values: supported.join(" ") });
    for (const { claims } of idTokens) expect(supported).toContain(claims.acr);
  },
);

test.each(withAccessToken)(
  "$variant: a client that registered nothing of the kind finds scopes in the ID token of the token endpoint, as clients of dex always have (cert 2.6.8)",
  async (variant) => {
    const party = await world.addStatic(variant);
    const { idTokens } = await run(world, { party, browser, more: { scope: "openid email" } });
    const front = has(variant, "id_token") ? 1 : 0;
    for (const [index, { claims }] of idTokens.entries()) {
      expect(claims.email).toBe(index < front ? undefined : PERSON.email);
    }
  },
);

test("an encrypted ID token says to which of the client's keys (cert 2.6.9)", async () => {
  const { publicKey, privateKey } = await generateKeyPair("RSA-OAEP-256", { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "theirs", use: "enc" }] };
  const [variant] = IMPLICIT as readonly [Variant];
  const party = await world.register(variant, { jwks, id_token_encrypted_response_alg: "RSA-OAEP-256" });
  const received = await askSealed(party);
  const opened = await compactDecrypt(received.jwt, privateKey);
  const jwt = Buffer.from(opened.plaintext).toString();
  const header = { ...decodeProtectedHeader(jwt) };
  checkIdToken({
    ...{ jwt, header, claims: decodeJwt(jwt), keys: world.keys, issuer: world.worker.issuer, clientId: party.id },
    ...{ nonce: received.nonce, subjects: [], asked: [], now: Math.floor(Date.now() / 1000) },
    encryption: { header: { ...opened.protectedHeader }, kid: "theirs" },
  });
});

async function askSealed(party: Party): Promise<{ readonly jwt: string; readonly nonce: string | undefined }> {
  const request = requestOf(party);
  const { answer } = await ask(world, { request, browser });
  if (answer === undefined) expect.fail("no answer");
  checkAuthorizationAnswer(answer);
  return { jwt: membersOf(answer).id_token ?? "", nonce: request.nonce };
}
