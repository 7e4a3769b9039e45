import { describe, expect, test } from "vitest";
import { expandEnvironment, parseDataFile, readDexV2File, toConnector } from "./connector-files.ts";

describe("a connector of a dex v2 file", () => {
  test.each([
    { given: { id: "a", name: "A" }, says: /^here: type is missing/ },
    { given: { type: "oidc", name: "A" }, says: /^here: id is missing/ },
    { given: {}, says: /^here: id, type is missing/ },
    { given: "text", says: /^here: an object is missing/ },
  ])("is refused when a key is missing, and the message names it: $says (C 1)", ({ given, says }) => {
    expect(() => toConnector(given, "here")).toThrow(says);
  });

  test("is refused without a name, which dex v2 demands (C 1)", () => {
    expect(() => readDexV2File({ connectors: [{ id: "a", type: "oidc" }] }, "file")).toThrow(
      /connectors\[0\] \(a\): name is missing/,
    );
  });

  test("loses its envelope: what stood in config stands beside id, type, name and grantTypes", () => {
    const given = {
      id: "s",
      type: "samlExperimental",
      name: "SSO",
      grantTypes: ["refresh_token"],
      config: { ssoURL: "x" },
    };
    const expected = { id: "s", type: "saml", name: "SSO", grantTypes: ["refresh_token"], ssoURL: "x" };
    expect(toConnector(given, "here")).toEqual(expected);
  });

  test("is followed by our own passwords where enablePasswordDB is set (C 214)", () => {
    expect(readDexV2File({ enablePasswordDB: true }, "file").connectors).toEqual([
      { id: "local", type: "local", name: "Email" },
    ]);
    expect(readDexV2File({ connectors: null }, "file").connectors).toEqual([]);
  });
});

describe("the environment", () => {
  const env = { FOO: "bar", EMPTY: "" };
  test.each([
    { text: `$FOO and \${FOO}`, becomes: "bar and bar", unknown: [] },
    { text: `x$NOBODY.y\${NOBODY}`, becomes: "x.y", unknown: ["NOBODY"] },
    { text: "$EMPTY|", becomes: "|", unknown: [] },
  ])("is put in place of names, unknown ones are empty and told: $text (C 7)", ({ text, becomes, unknown }) => {
    const nested = { a: [{ b: text }], n: 1, t: true, z: null };
    const value = { a: [{ b: becomes }], n: 1, t: true, z: null };
    expect(expandEnvironment(nested, env)).toEqual({ value, unknown });
  });

  test("is left alone when DEX_EXPAND_ENV is false: a secret with a dollar sign is taken as it is (C 8)", () => {
    expect(expandEnvironment("pa$$word$FOO", { ...env, DEX_EXPAND_ENV: "false" })).toEqual({
      value: "pa$$word$FOO",
      unknown: [],
    });
  });

  test("leaves one dollar sign of two, and lone ones where they are (C 9)", () => {
    expect(expandEnvironment("pa$$FOO cost 5$ or $1", env).value).toBe("pa$FOO cost 5$ or $1");
  });
});

test("a file that is neither JSON nor YAML is refused without a word of it, since a secret may stand beside the mistake", () => {
  for (const text of ["clientSecret: 'canary", '{"clientSecret": "canary"', "a: &a [*a, canary]"]) {
    expect(() => parseDataFile(text, "f.yaml")).toThrow(/^f\.yaml holds neither JSON nor YAML$/);
  }
});
