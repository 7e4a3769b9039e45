import { Secret, systemRandom } from "@dex/runtime";
import { describe, expect, test } from "vitest";
import type { StoredConnector } from "./connector.ts";
import { keepSecrets, parseConnectorConfigs, redactConnector } from "./registry.ts";
import { describeUnopenable, makeConnectorSealer, openSealedConnector, sealConnector } from "./sealed-secrets.ts";

const salt = Buffer.alloc(32, 1);
const sealerOf = (...bytes: number[]) =>
  makeConnectorSealer({ secrets: bytes.map((one) => new Secret(Buffer.alloc(32, one))), salt, random: systemRandom });
const sealer = sealerOf(7);
const CANARY = "canary-of-the-connector";
const config = { issuerURL: "https://idp.example", clientID: "dex", clientSecret: CANARY };
const plain: StoredConnector = { id: "corp", type: "oidc", config };
const { connector: sealed } = sealConnector(plain, sealer);

describe("a sealed connector", () => {
  test("holds no secret in any form and all else as it was (P4)", () => {
    expect(sealed).toEqual({ ...plain, config: { ...config, clientSecret: { sealed: expect.any(String) } } });
    const { clientSecret } = sealed.config as { clientSecret: { sealed: string } };
    for (const form of [JSON.stringify(sealed), Buffer.from(clientSecret.sealed, "base64url").toString("latin1")]) {
      expect(form).not.toContain(CANARY);
    }
    expect(sealConnector(plain, sealer).connector).not.toEqual(sealed); // a fresh nonce each time (P1)
  });

  test("opens to what was given; so does one that is not sealed yet", () => {
    expect(openSealedConnector(sealed, sealer)).toEqual({ kind: "unsealed", connector: plain });
    expect(openSealedConnector(plain, sealer)).toEqual({ kind: "unsealed", connector: plain });
  });

  test("is left alone while the first key secret opens it, and sealed again under a new one (SEC-2)", () => {
    expect(sealConnector(sealed, sealer)).toEqual({ connector: sealed, sealed: [], resealed: [], unopenable: [] });
    expect(sealConnector(sealed, sealer).connector).toBe(sealed);
    const again = sealConnector(sealed, sealerOf(8, 7));
    expect(again).toMatchObject({ sealed: [], resealed: ["clientSecret"], unopenable: [] });
    expect(openSealedConnector(again.connector, sealerOf(8))).toEqual({ kind: "unsealed", connector: plain });
  });

  test("is named and kept when no key secret opens it", () => {
    expect(openSealedConnector(sealed, sealerOf(8))).toEqual({ kind: "unopenable", fields: ["clientSecret"] });
    expect(sealConnector(sealed, sealerOf(8))).toEqual({
      connector: sealed,
      sealed: [],
      resealed: [],
      unopenable: ["clientSecret"],
    });
    expect(describeUnopenable(["clientSecret"])).toMatch(/clientSecret.*--key-secrets.*set-connector-configs/);
  });

  const moved: readonly { to: string; connector: StoredConnector }[] = [
    { to: "another connector", connector: { ...sealed, id: "evil" } },
    { to: "another issuer", connector: { ...sealed, config: { ...sealed.config, issuerURL: "https://evil.example" } } },
    { to: "another client", connector: { ...sealed, config: { ...sealed.config, clientID: "evil" } } },
    { to: "another salt", connector: sealed },
  ];
  test.each(moved)("opens nothing when moved to $to (P4)", ({ to, connector }) => {
    const there =
      to === "another salt"
        ? makeConnectorSealer({
            secrets: [new Secret(Buffer.alloc(32, 7))],
            salt: Buffer.alloc(32, 2),
            random: systemRandom,
          })
        : sealer;
    expect(openSealedConnector(connector, there)).toMatchObject({ kind: "unopenable" });
  });

  test.each(["", "AAAA", "not base64url at all!", `${"A".repeat(100)}`])(
    "with the broken seal %j opens nothing",
    (text) => {
      const broken = { ...plain, config: { ...config, clientSecret: { sealed: text } } };
      expect(openSealedConnector(broken, sealer)).toEqual({ kind: "unopenable", fields: ["clientSecret"] });
    },
  );

  test("of a type without secrets, or of one this build does not know, is as it was", () => {
    for (const type of ["local", "of-a-newer-build"]) {
      const other = { id: "x", type, config: { bindPW: "hunter2" } };
      expect(sealConnector(other, sealer).connector).toBe(other);
      expect(openSealedConnector(other, sealer)).toEqual({ kind: "unsealed", connector: other });
    }
  });
});

describe("sealed secrets and those who administer connectors", () => {
  test("they are shown as any secret is, and come back unchanged (ADM-5)", () => {
    const shown = redactConnector(sealed);
    expect(shown.config).toEqual({ ...config, clientSecret: "[secret]" });
    expect(keepSecrets([shown], [sealed])).toEqual({ kind: "connectors", connectors: [sealed] });
  });

  test("they are kept only for the upstream they were given for", () => {
    const { clientSecret: _, ...rest } = config;
    const elsewhere = { ...plain, config: { ...rest, issuerURL: "https://evil.example" } };
    expect(keepSecrets([elsewhere], [sealed])).toMatchObject({ kind: "refused" });
  });

  test("nobody hands us a seal, not even one of ours (P4)", () => {
    const { id, type } = sealed;
    const result = parseConnectorConfigs([{ ...sealed.config, id, type, issuerURL: "https://evil.example" }]);
    expect(result).toEqual({ kind: "refused", reason: 'connector "corp": clientSecret: expected text' });
  });
});
