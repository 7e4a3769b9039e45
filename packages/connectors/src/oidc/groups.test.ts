import type { JsonObject } from "@dex/runtime";
import { describe, expect, test } from "vitest";
import type { MappingTrace } from "../connector-kind.ts";
import { oidcConfigSchema, toOidcSettings } from "./config.ts";
import { decideGroups } from "./groups.ts";

function decide(claims: Record<string, unknown>, config: JsonObject, trace?: (event: MappingTrace) => void) {
  const base = { issuer: "https://idp.example", clientID: "dex", insecureEnableGroups: true };
  const { groupRules } = toOidcSettings(oidcConfigSchema.parse({ ...base, ...config }));
  return decideGroups({ claim: claims.groups, find: (name) => claims[name], trace }, groupRules);
}
const filter = (groupsFilter: string) => ({ filterGroupClaims: { groupsFilter } });
const made = { claims: ["organization", "pipeline"], delimiter: "::", prefix: "gh" };

describe("groups", () => {
  const rows: { name: string; claims: Record<string, unknown>; config: JsonObject; groups: string[] | undefined }[] = [
    { name: "as one string (C 150)", claims: { groups: "a" }, config: {}, groups: ["a"] },
    {
      name: "as strings and objects (C 150)",
      claims: { groups: ["a", { name: "b" }] },
      config: {},
      groups: ["a", "b"],
    },
    { name: "without a name are skipped (C 150)", claims: { groups: ["a", { id: 1 }] }, config: {}, groups: ["a"] },
    { name: "that are absent stay absent", claims: {}, config: {}, groups: undefined },
    {
      name: "are made of other claims (C 151)",
      claims: { organization: "acme", pipeline: "pipeline-one" },
      config: { claimModifications: { newGroupFromClaims: [made] } },
      groups: ["gh::acme::pipeline-one"],
    },
    {
      name: "are made of what is there (C 151)",
      claims: { groups: ["a"], pipeline: "one", organization: ["acme"] },
      config: { claimModifications: { newGroupFromClaims: [made] } },
      groups: ["a", "gh::one"],
    },
    {
      name: "are not made of nothing (C 151)",
      claims: { groups: ["a"], organization: 5 },
      config: { claimModifications: { newGroupFromClaims: [made] } },
      groups: ["a"],
    },
    {
      name: "lose the delimiter where it would make two of one (C 151)",
      claims: { organization: "foo-bar", pipeline: "x" },
      config: { claimModifications: { newGroupFromClaims: [{ ...made, delimiter: "-", clearDelimiter: true }] } },
      groups: ["gh-foobar-x"],
    },
    {
      name: "get a prefix and a suffix (C 152)",
      claims: { groups: ["group1"] },
      config: { claimModifications: { modifyGroupNames: { prefix: "prefix-", suffix: "-suffix" } } },
      groups: ["prefix-group1-suffix"],
    },
    {
      name: "are filtered (C 153)",
      claims: { groups: ["group1", { name: "group2" }, "groupA", { name: "groupB" }] },
      config: { claimModifications: filter("^.*\\d$") },
      groups: ["group1", "group2"],
    },
    {
      name: "are filtered as one string too",
      claims: { groups: "groupA" },
      config: { claimModifications: filter("^.*\\d$") },
      groups: [],
    },
    {
      name: "are filtered, compared, renamed, and added to, in this order",
      claims: { groups: ["dev1", "ops1", "devA"], organization: "acme" },
      config: {
        allowedGroups: ["dev1", "devA"],
        claimModifications: {
          ...filter("1$"),
          modifyGroupNames: { prefix: "x:" },
          newGroupFromClaims: [{ claims: ["organization"], delimiter: "/", prefix: "org" }],
        },
      },
      groups: ["x:dev1", "org/acme"],
    },
  ];
  test.each(rows)("$name", ({ claims, config, groups }) => {
    expect(decide(claims, config)).toEqual({ kind: "groups", groups });
  });

  test("that match none of the allowed ones let nobody in, missing or made ones either (C 154)", () => {
    const config = { allowedGroups: ["admins"], claimModifications: { newGroupFromClaims: [made] } };
    const others = [
      { groups: ["Admins", "admins "] },
      { groups: [] },
      {},
      { organization: "admins", prefix: "admins" },
    ];
    for (const claims of others) {
      expect(decide(claims, config)).toMatchObject({ kind: "not permitted" });
    }
    expect(decide({ groups: ["a", "admins"] }, config)).toEqual({ kind: "groups", groups: ["admins"] });
  });

  const refusals: { when: string; claims: Record<string, unknown>; config?: JsonObject }[] = [
    { when: "one is a number (C 150)", claims: { groups: ["a", 1] } },
    { when: "the claim is a number", claims: { groups: 1 } },
    { when: "one has a newline (LOG-3)", claims: { groups: ["a\nb"] } },
    { when: "there are too many", claims: { groups: Array.from({ length: 1001 }, (_, n) => `g${n}`) } },
    {
      when: "one becomes too long",
      claims: { groups: ["x".repeat(250)] },
      config: { claimModifications: { modifyGroupNames: { prefix: "prefix-" } } },
    },
    {
      when: "a claim that one is made of has control characters",
      claims: { organization: "a\u0000b" },
      config: { claimModifications: { newGroupFromClaims: [made] } },
    },
  ];
  test.each(refusals)("are refused when $when", ({ claims, config }) => {
    expect(() => decide(claims, config ?? {})).toThrow();
  });

  test("tell a dry run what each rule changed, and nothing of rules that changed nothing", () => {
    const events: MappingTrace[] = [];
    const config = {
      allowedGroups: ["a", "b"],
      claimModifications: { ...filter("."), modifyGroupNames: { suffix: "!" } },
    };
    decide({ groups: ["a", "b", "c"] }, config, (event) => events.push(event));
    expect(events).toEqual([
      { kind: "rule", rule: "allowedGroups", before: ["a", "b", "c"], after: ["a", "b"] },
      { kind: "rule", rule: "modifyGroupNames", before: ["a", "b"], after: ["a!", "b!"] },
    ]);
  });
});
