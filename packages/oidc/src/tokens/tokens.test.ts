import { createHash } from "node:crypto";
import { Secret, systemRandom } from "@dex/runtime";
import { expect, test } from "vitest";
import { jane, later, now, sealers } from "../../test/fakes.ts";
import { makeEngineSealers } from "../sealers.ts";
import { makeAccessTokens } from "./access-token.ts";
import { userClaims } from "./claims.ts";
import { hashOfCode } from "./code.ts";
import { tokenHash } from "./id-token.ts";
import { DEFAULT_TOKEN_LIFETIMES, makeTokenLifetimes } from "./lifetimes.ts";
import { makeRefreshTokens } from "./refresh-token.ts";
import { newUuid, uuidFromBytes, uuidToBytes } from "./uuid.ts";

test("at_hash is the left half of the hash of the signature's algorithm (OIDC Core §3.1.3.6)", () => {
  // The example of OIDC Core appendix A.3.
  expect(tokenHash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256")).toBe("77QmUPtjPfzWtF2AnpK9RQ");
  expect(tokenHash("x", "ES256")).toBe(tokenHash("x", "RS256"));
  const sha512 = createHash("sha512").update("x").digest().subarray(0, 32);
  expect(tokenHash("x", "EdDSA")).toBe(sha512.toString("base64url"));
});

test("a claim without a value is left out, groups that no connector told too (OIDC Core §5.3.2, v1 U02, v1 L09, C 218)", () => {
  const scope = ["openid", "email", "profile", "groups"];
  const nobody = { ...jane, displayName: undefined, preferredUsername: " ", groups: undefined, emailVerified: false };
  expect(userClaims(nobody, scope)).toEqual({ email: jane.email, email_verified: false });
  expect(userClaims({ ...jane, groups: [] }, ["groups"])).toEqual({ groups: [] });
  expect(userClaims(jane, ["openid", "offline_access"])).toEqual({});
});

test("tokens open under every key secret, and under no foreign one (JWT-11)", () => {
  const [old, next] = [new Secret(Buffer.alloc(32, 1)), new Secret(Buffer.alloc(32, 2))];
  const under = (secrets: readonly Secret<Buffer>[]) =>
    makeEngineSealers({ secrets, salt: Buffer.alloc(16), random: systemRandom });
  const tokens = (secrets: readonly Secret<Buffer>[]) =>
    makeAccessTokens({ sealer: under(secrets).accessToken, random: systemRandom });
  const token = tokens([old]).issue({ familyId: "f", clientId: "c", userId: "u", scope: ["openid", "email"] }, 60, now);
  expect(tokens([next, old]).open(token, now)).toEqual({
    familyId: "f",
    clientId: "c",
    userId: "u",
    scope: ["openid", "email"],
    issuedAt: now,
    expiresAt: later(60),
    id: expect.stringMatching(/^[\w-]{16}$/),
  });
  expect(tokens([next]).open(token, now)).toBeUndefined();
  expect(tokens([old]).open(token, later(60))).toBeUndefined();
});

test("a refresh token carries family, generation and the hash of its secret, in at least 256 bits (REF-8, v1 R01)", () => {
  const tokens = makeRefreshTokens({ sealer: sealers().refreshToken, random: systemRandom });
  const familyId = newUuid(systemRandom, now);
  const token = tokens.make(familyId, 4_000_000_000);
  expect(tokens.open(token.text())).toEqual({ familyId, generation: 4_000_000_000, hash: token.hash });
  expect(token.text()).not.toBe(token.text()); // sealed anew, the same inside
});

test("a sealed token of one kind does not open as another (AUT-15, TOK-13)", () => {
  const { accessToken, refreshToken } = sealers();
  const refresh = makeRefreshTokens({ sealer: refreshToken, random: systemRandom });
  const access = makeAccessTokens({ sealer: accessToken, random: systemRandom });
  const text = refresh.make(newUuid(systemRandom, now), 1).text();
  expect(access.open(text.replace("dxr_", "dxa_"), now)).toBeUndefined();
  const other = access.issue({ familyId: "f", clientId: "c", userId: "u", scope: [] }, 60, now);
  expect(refresh.open(other.replace("dxa_", "dxr_"))).toBeUndefined();
});

test("a text that is not shaped like a code is not even looked up (AUT-15)", () => {
  const body = "A".repeat(43);
  expect(hashOfCode(`dxc_${body}`)).toHaveLength(32);
  const others = [
    body,
    `dxr_${body}`,
    `DXC_${body}`,
    `dxc_${body}A`,
    `dxc_${body.slice(1)}`,
    `dxc_${body.slice(1)}B`,
    "dxc_",
  ];
  for (const text of others) expect(hashOfCode(text)).toBeUndefined();
});

test("a new UUID is of version 7, ordered by time, and survives its bytes (RFC 9562 §5.7)", () => {
  const ids = [newUuid(systemRandom, now), newUuid(systemRandom, later(1))];
  for (const id of ids) {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(uuidFromBytes(uuidToBytes(id))).toBe(id);
  }
  expect([...ids].sort()).toEqual(ids);
  expect(() => uuidToBytes("no uuid")).toThrow("UUID");
});

test("lifetimes have the promised defaults and cannot exceed their caps", () => {
  expect(makeTokenLifetimes()).toEqual(DEFAULT_TOKEN_LIFETIMES);
  expect(makeTokenLifetimes({ refreshGraceSeconds: 0, accessTokenSeconds: 3600 })).toMatchObject({
    accessTokenSeconds: 3600,
  });
  const excessive = [
    { codeSeconds: 61 },
    { accessTokenSeconds: 3601 },
    { idTokenSeconds: 86_401 },
    { refreshGraceSeconds: 61 },
    { refreshGraceSeconds: -1 },
    { accessTokenSeconds: 0 },
    { idTokenSeconds: 1.5 },
    { refreshIdleSeconds: Number.NaN },
  ];
  for (const chosen of excessive) expect(() => makeTokenLifetimes(chosen)).toThrow(RangeError);
});
