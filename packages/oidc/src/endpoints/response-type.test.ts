import { describe, expect, test } from "vitest";
import { parseResponseType, responseModeFor } from "./response-type.ts";

describe("response_type", () => {
  test.each([
    ["code", "code"],
    ["id_token", "id_token"],
    ["token id_token", "id_token token"],
    ["id_token code", "code id_token"],
    ["token code", "code token"],
    ["token code id_token", "code id_token token"],
    ["id_token token code", "code id_token token"],
  ])("%j is %j: words come in any order (RFC 6749 §3.1.1)", (text, type) => {
    expect(parseResponseType(text)).toBe(type);
  });

  test.each([
    "token",
    "none",
    "",
    "code code",
    "code  id_token",
    " code",
    "CODE",
    "code id_token token code",
    undefined,
  ])("%j is none of ours", (text) => {
    expect(parseResponseType(text)).toBeUndefined();
  });
});

describe("an answer travels", () => {
  const https = "https://a.example/cb";
  test.each([
    { type: "code", mode: undefined, to: https, as: "query" },
    { type: "code", mode: "fragment", to: https, as: "fragment" },
    { type: "code", mode: "form_post", to: https, as: "form_post" },
    { type: "code", mode: "jwt", to: https, as: "query" },
    { type: "code", mode: "fragment.jwt", to: https, as: "fragment" },
    { type: "code", mode: "form_post.jwt", to: https, as: "form_post" },
    { type: "code id_token", mode: "jwt", to: https, as: "fragment" },
    { type: "code id_token", mode: "query.jwt", to: https, as: "fragment" },
    { type: "code", mode: "jwt.jwt", to: https, as: "query" },
    { type: "id_token", mode: undefined, to: https, as: "fragment" },
    { type: "token code", mode: undefined, to: https, as: "fragment" },
    { type: "code id_token", mode: "query", to: https, as: "fragment" },
    { type: "code id_token", mode: "form_post", to: https, as: "form_post" },
    { type: "token", mode: undefined, to: https, as: "fragment" },
    { type: undefined, mode: undefined, to: https, as: "query" },
    { type: undefined, mode: "form_post", to: https, as: "form_post" },
    { type: "code", mode: "form_post", to: "com.example.app:/cb", as: "query" },
    { type: "id_token", mode: "form_post", to: "com.example.app:/cb", as: "fragment" },
    { type: "code", mode: "form_post", to: "http://127.0.0.1:4000/cb", as: "form_post" },
  ])("as $as for response_type $type with response_mode $mode at $to", ({ type, mode, to, as }) => {
    const params = new URLSearchParams();
    if (type !== undefined) params.set("response_type", type);
    if (mode !== undefined) params.set("response_mode", mode);
    expect(responseModeFor(params, to)).toBe(as);
  });

  test("as its type has it when response_mode comes twice", () => {
    const params = new URLSearchParams("response_type=id_token&response_mode=form_post&response_mode=query");
    expect(responseModeFor(params, https)).toBe("fragment");
  });
});
