import { type JsonObject, silentLogger, systemClock, systemRandom } from "@dex/runtime";
import { expect, test } from "vitest";
import { connectorKinds, openConnector } from "./registry.ts";

const REFUSED = { kind: "refused", reason: "invalid credentials", detail: "" } as const;

/** What was promised when dex was founded: refresh, groups, preferred_username. More is welcome, less is not. */
const PROMISED: readonly (readonly [type: string, refresh: boolean, groups: boolean, preferredUsername: boolean])[] = [
  ["ldap", true, true, true],
  ["github", true, true, true],
  ["saml", false, true, false],
  ["gitlab", true, true, true],
  ["oidc", true, true, true],
  ["google", true, true, true],
  ["linkedin", true, false, false],
  ["microsoft", true, true, false],
  ["authproxy", false, false, false],
  ["bitbucket-cloud", true, true, false],
  ["openshift", false, true, false],
  ["atlassian-crowd", true, true, true],
  ["gitea", true, false, true],
];

test.each(PROMISED)("%s can do what was promised of it", (type, ...promised) => {
  const kind = connectorKinds().find((one) => one.type === type) ?? expect.fail(`there is no kind ${type}`);
  const { refresh, groups, preferredUsername } = kind.capabilities;
  const missing = [refresh, groups, preferredUsername].filter((can, index) => promised[index] && can === "no");
  expect(missing).toEqual([]);
});

test("whose upstream signs nobody out does not offer it", () => {
  const parts = { clock: systemClock, random: systemRandom, logger: silentLogger, checkPassword: async () => REFUSED };
  const config = { clientID: "c", clientSecret: "s" };
  const signOutOf = (type: string, more: JsonObject = {}) => {
    const opened = openConnector({ id: "one", type, config: { ...config, ...more } }, parts);
    return opened.kind === "connector" ? opened.connector.signOut : expect.fail(opened.reason);
  };
  for (const type of ["google", "slack"]) expect(signOutOf(type), type).toBeUndefined();
  expect(signOutOf("oidc", { issuer: "https://idp.example" })).toBeDefined();
});

test("a condition says what its operator has to do", () => {
  for (const { capabilities } of connectorKinds()) {
    for (const can of Object.values(capabilities)) expect(can).toMatch(/^(?:yes|no|callback|password|if \S.*)$/);
  }
});
