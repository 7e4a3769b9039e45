import { silentLogger, systemClock, systemRandom } from "@dex/runtime";
import { describe, expect, test } from "vitest";
import { readCommonMembers } from "./common-members.ts";
import { connectorConfigSchema, connectorKinds, openConnector, parseConnectorConfigs } from "./registry.ts";

const oidc = { id: "corp", type: "oidc", issuerURL: "https://idp.example", clientID: "dex", clientSecret: "s" };
const parts = {
  ...{ clock: systemClock, random: systemRandom, logger: silentLogger },
  checkPassword: async () => ({ kind: "unavailable" as const, detail: "not used here" }),
};
const configOf = (more: object) => {
  const parsed = parseConnectorConfigs([{ ...oidc, ...more }]);
  if (parsed.kind === "refused") throw new Error(parsed.reason);
  return parsed.connectors[0]?.config ?? {};
};

describe("members of every kind of connector", () => {
  const members = { grantTypes: ["authorization_code"], emailDomains: ["Corp.example"] };

  test("are stored as they were given, and the kind opens without them", () => {
    expect(configOf(members)).toMatchObject(members);
    const opened = openConnector({ id: "corp", type: "oidc", config: configOf(members) }, parts);
    expect(opened.kind).toBe("connector");
  });

  test.each(connectorKinds())("are refused for the kind $type when they are wrong (C 3)", ({ type }) => {
    const parsed = parseConnectorConfigs([{ ...oidc, type, grantTypes: ["magic"] }]);
    expect(parsed).toMatchObject({ kind: "refused", reason: expect.stringContaining("grantTypes.0") });
    const opened = openConnector({ id: "corp", type, config: { grantTypes: ["magic"] } }, parts);
    expect(opened).toMatchObject({ kind: "refused", reason: expect.stringContaining("grantTypes.0") });
  });

  const wrong = [
    { grantTypes: "refresh_token" },
    { grantTypes: null },
    { grantTypes: ["refresh_token", "client_credentials"] },
    { emailDomains: "corp.example" },
    { emailDomains: ["@corp.example"] },
    { emailDomains: ["*.corp.example"] },
    { emailDomains: ["corp.example/"] },
    { emailDomains: [""] },
    { emailDomains: Array.from({ length: 101 }, (_, index) => `d${index}.example`) },
    { emailDomains: [`${"a".repeat(64)}.example`] },
  ];
  test.each(wrong)("%j is refused (C 3)", (more) => {
    const parsed = parseConnectorConfigs([{ ...oidc, ...more }]);
    const [member = ""] = Object.keys(more);
    expect(parsed).toMatchObject({ kind: "refused", reason: expect.stringContaining(member) });
  });

  test("that are empty restrict nothing and are not stored", () => {
    const config = configOf({ grantTypes: [], emailDomains: [] });
    expect(config).not.toHaveProperty("grantTypes");
    expect(readCommonMembers({ grantTypes: [] })).toEqual({ grantTypes: undefined, emailDomains: [] });
  });

  test("are read in lower case, and what another build stored allows nothing here", () => {
    expect(readCommonMembers(members)).toEqual({ grantTypes: ["authorization_code"], emailDomains: ["corp.example"] });
    expect(readCommonMembers({ grantTypes: ["magic"] })).toEqual({ grantTypes: [], emailDomains: [] });
  });

  test("take every grant type of dex v2", () => {
    const grantTypes = [
      ...["authorization_code", "refresh_token", "implicit", "password"],
      ...["device_code", "token-exchange"].map((name) => `urn:ietf:params:oauth:grant-type:${name}`),
    ];
    expect(configOf({ grantTypes })).toMatchObject({ grantTypes });
  });

  test("are described with each kind", () => {
    const schema = connectorConfigSchema();
    expect(schema.safeParse({ ...oidc, ...members }).success).toBe(true);
    expect(schema.safeParse({ ...oidc, emailDomains: ["@"] }).success).toBe(false);
  });
});
