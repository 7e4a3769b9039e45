import { expect, test } from "vitest";
import { encodePart } from "../../test/client-jwts.ts";
import { parseCompactJws } from "./compact-jws.ts";

const header = encodePart({ alg: "none" });
const payload = encodePart({ iss: "a" });
const notText = Buffer.from('{"a":"\xff"}', "latin1").toString("base64url");

test("a JWT is taken apart, its type without what may be left out (RFC 7515 §4.1.9, §7.1)", () => {
  const typed = encodePart({ alg: "RS256", kid: "one", typ: "application/OAuth-Authz-Req+JWT", x5t: "ignored" });
  expect(parseCompactJws(`${typed}.${payload}.AAAA`, 1000)).toEqual({
    alg: "RS256",
    kid: "one",
    typ: "oauth-authz-req+jwt",
    claims: { iss: "a" },
    signedText: `${typed}.${payload}`,
    signature: Buffer.alloc(3),
  });
});

const none = [
  { what: "one part", text: header },
  { what: "two parts", text: `${header}.${payload}` },
  { what: "four parts", text: `${header}.${payload}..` },
  { what: "five parts, as an encrypted one has", text: `${header}.${payload}.AAAA.AAAA.AAAA` },
  { what: "padding", text: `${header}.${payload}.AA==` },
  { what: "unused bits", text: `${header}.${payload}.AB` },
  { what: "a line feed", text: `${header}.${payload}.AAAA\n` },
  { what: "a header that is a list", text: `${encodePart([])}.${payload}.` },
  { what: "a header that is no JSON", text: `AAAA.${payload}.` },
  { what: "claims that are no object", text: `${header}.${encodePart("a")}.` },
  { what: "claims that are not UTF-8", text: `${header}.${notText}.` },
  { what: "no algorithm", text: `${encodePart({})}.${payload}.` },
  { what: "a longer text than is allowed", text: `${header}.${payload}.${"A".repeat(1000)}` },
];
test.each(none)("with $what it is none (JWT-5, JWT-9)", ({ text }) => {
  expect(parseCompactJws(text, 1000)).toBeUndefined();
});
