import { expect, test } from "vitest";
import { login, query, signer } from "../../test/authorization-request.ts";
import { client, jane, now } from "../../test/fakes.ts";
import { makeSubjects } from "../tokens/subject.ts";
import { parseClaims } from "./claims-parameter.ts";

const asked = [
  {
    text: '{"userinfo":{"name":{"essential":true},"email":null},"id_token":{"email_verified":null,"address":{}}}',
    comesTo: { claims: { userinfo: ["email", "name"], idToken: ["address", "email_verified"] } },
  },
  { text: '{"userinfo":null,"id_token":{}}', comesTo: { claims: { userinfo: [], idToken: [] } } },
  { text: '{"userinfo":{"shoe_size":1,"name#de":"x","__proto__":null},"more":[]}', comesTo: {} },
  { text: '{"id_token":{"sub":{"value":"jane"}}}', comesTo: { subjects: ["jane"] } },
  { text: '{"userinfo":{"sub":{"values":["jane","joe",7]}}}', comesTo: { subjects: ["jane", "joe"] } },
  { text: '{"id_token":{"sub":{"value":7}}}', comesTo: { subjects: [] } },
  { text: '{"id_token":{"sub":null}}', comesTo: { subjects: undefined } },
  { text: '{"id_token":{"acr":{"essential":true,"values":["2"]}}}', comesTo: { essentialAcr: ["2"] } },
  { text: '{"id_token":{"acr":{"values":["2"]}}}', comesTo: { essentialAcr: undefined } },
  { text: '{"id_token":{"acr":{"essential":true}}}', comesTo: { essentialAcr: undefined } },
];
test.each(asked)("claims=$text are taken as OIDC Core §5.5 says (oidcc-claims-essential)", ({ text, comesTo }) => {
  expect(parseClaims(text)).toMatchObject(comesTo);
});

const malformed = [
  "[]",
  "{",
  '{"userinfo":[]}',
  '{"id_token":"name"}',
  '{"userinfo":{"name":true}}',
  '{"userinfo":{"name":{"essential":"yes"}}}',
  '{"id_token":{"sub":{"values":"jane"}}}',
  `{"id_token":{"sub":{"values":[${Array(21).fill('"x"').join()}]}}}`,
];
test.each(malformed)("claims=%s are refused (AUT-7)", (text) => {
  expect(parseClaims(text)).toBeUndefined();
});

test("a request carries the claims it asks for, and none without them (OIDC Core §5.5)", async () => {
  const claims = '{"userinfo":{"name":null},"id_token":{"sub":{"value":"jane"},"acr":{"essential":true,"value":"2"}}}';
  expect(await login(query({ claims }))).toMatchObject({
    claims: { userinfo: ["name"], idToken: [] },
    subjects: ["jane"],
    essentialAcr: ["2"],
  });
  const plain = await login(query());
  for (const member of ["claims", "subjects", "essentialAcr"]) expect(plain).not.toHaveProperty(member);
});

test("who may not have the scope may not have its claims one by one (AUT-8)", async () => {
  const claims = '{"userinfo":{"name":null,"email":null}}';
  expect(await login(query({ client_id: "limited", claims }))).toMatchObject({
    claims: { userinfo: ["email"], idToken: [] },
  });
});

test("an id_token_hint of another client names its subject as that client knows it (AUT-6, OIDC Core §8.1)", async () => {
  const subjects = makeSubjects({ format: "uuid", pairwiseKey: Buffer.alloc(32, 3) });
  const sub = subjects.of({ user: jane, connectorId: "local" }, "a.example");
  const seconds = now.getTime() / 1000;
  const hint = { iss: "https://id.example/dex", sub, iat: seconds, aud: ["x", "pairwise"], azp: "pairwise" };
  const id_token_hint = await signer.sign(hint, { typ: "JWT", algorithm: "RS256" });
  expect(await login(query({ id_token_hint }))).toMatchObject({ hintedUserId: sub, hintedSector: "a.example" });
  const own = await signer.sign({ ...hint, aud: client.id, azp: undefined }, { typ: "JWT", algorithm: "RS256" });
  expect(await login(query({ id_token_hint: own }))).not.toHaveProperty("hintedSector");
});

test("max_age has the client's own default, which the request overrides (OIDC Registration §2)", async () => {
  const impatient = { client_id: "pairwise" };
  expect(await login(query(impatient))).toMatchObject({ maxAgeSeconds: 900 });
  expect(await login(query({ ...impatient, max_age: "10" }))).toMatchObject({ maxAgeSeconds: 10 });
});
