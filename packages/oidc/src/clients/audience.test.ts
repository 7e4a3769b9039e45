import { expect, test } from "vitest";
import { client, clientsOf } from "../../test/fakes.ts";
import { audienceClaims, mayMintFor, refuseAudiences } from "./audience.ts";

const a = { ...client, id: "a" };
const b = { ...client, id: "b", trustedPeers: ["a"] };
const c = { ...client, id: "c", trustedPeers: ["a", "b"] };
const clients = clientsOf(a, b, c);
const scopeFor = (...ids: readonly string[]) => ids.map((id) => `audience:server:client_id:${id}`);

const pairs = [
  { from: a, to: a, allowed: true },
  { from: a, to: b, allowed: true },
  { from: a, to: c, allowed: true },
  { from: b, to: a, allowed: false },
  { from: b, to: c, allowed: true },
  { from: c, to: a, allowed: false },
  { from: c, to: b, allowed: false },
];
test.each(pairs)(
  "$from.id may have tokens made for $to.id: $allowed (TOK-19, v1 A12)",
  async ({ from, to, allowed }) => {
    expect(mayMintFor(from, to)).toBe(allowed);
    const refusal = await refuseAudiences(scopeFor(to.id), from, { clients, code: "invalid_scope" });
    expect(refusal?.code).toBe(allowed ? undefined : "invalid_scope");
  },
);

const refused = [
  { ids: ["nobody"], from: c },
  { ids: [""], from: a },
  { ids: ["b", "nobody"], from: a },
  { ids: ["c", "a"], from: b },
  { ids: ["b "], from: a },
  { ids: ["__proto__"], from: a },
];
test.each(refused)("one audience that does not fit refuses all of $ids (TOK-19, v1 A12)", async ({ ids, from }) => {
  const refusal = await refuseAudiences(["openid", ...scopeFor(...ids)], from, { clients, code: "invalid_grant" });
  expect(refusal?.code).toBe("invalid_grant");
});

test("of a scope full of made-up ids one is looked up", async () => {
  const asked: string[] = [];
  const counting = { find: async (id: string) => void asked.push(id) };
  await refuseAudiences(scopeFor("x", "y", "z"), a, { clients: counting, code: "invalid_scope" });
  expect(asked).toEqual(["x"]);
});

const claims = [
  { asked: [], aud: "a", azp: undefined },
  { asked: ["a"], aud: "a", azp: "a" },
  { asked: ["b"], aud: ["b", "a"], azp: "a" },
  { asked: ["b", "a"], aud: ["b", "a"], azp: "a" },
  { asked: ["c", "b"], aud: ["c", "b", "a"], azp: "a" },
];
test.each(claims)("asked for $asked, aud is $aud and azp $azp (OIDC Core §2, v1 T09, v1 T10, v1 T20)", (row) => {
  const { aud, azp } = audienceClaims("a", ["openid", ...scopeFor(...row.asked)]);
  expect({ aud, azp }).toEqual({ aud: row.aud, azp: row.azp });
});
