import { expect, test } from "vitest";
import { later, now } from "../../test/fakes.ts";
import { makeClientKeySets } from "./client-key-sets.ts";

const uri = "https://a.example/jwks";
const key = (kid: string) => ({ kty: "OKP", crv: "Ed25519", x: "AAAA", kid });
const has = (kid: string) => (keys: readonly { readonly kid?: unknown }[]) => keys.some((one) => one.kid === kid);

function make() {
  const world = {
    keys: [key("one")] as unknown[],
    status: 200,
    body: undefined as string | undefined,
    fetches: 0,
    hangs: false,
    release: () => {},
  };
  const sets = makeClientKeySets({
    fetchDocument: async (url) => {
      expect(url).toBe(uri);
      world.fetches += 1;
      if (world.hangs) await new Promise<void>((resolve) => (world.release = resolve));
      const body = world.body ?? JSON.stringify({ keys: world.keys });
      return { status: world.status, contentType: "", cacheControl: undefined, body: Buffer.from(body) };
    },
  });
  const kids = async (kid: string, at = now) =>
    (await sets.find({ jwks_uri: uri }, has(kid), at)).keys.map((one) => one.kid);
  return { world, sets, kids };
}

test("keys by value are taken as they are, and nothing is fetched", async () => {
  const { world, sets } = make();
  const found = await sets.find({ jwks: { keys: [key("own")] } }, has("other"), now);
  expect(found.keys).toEqual([key("own")]);
  expect(await sets.find({}, has("one"), now)).toEqual({ keys: [], problem: undefined });
  expect(world.fetches).toBe(0);
});

test("keys behind an address are kept for ten minutes, however many ask (oidcc-registration-jwks-uri)", async () => {
  const { world, kids } = make();
  expect(await Promise.all([kids("one"), kids("one"), kids("one")])).toEqual([["one"], ["one"], ["one"]]);
  await kids("one", later(599));
  expect(world.fetches).toBe(1);
  await kids("one", later(600));
  expect(world.fetches).toBe(2);
});

test("a new key is found within seconds, and unknown ones cause a fetch in five (JWT-4, oidcc-refresh-token-rp-key-rotation)", async () => {
  const { world, kids } = make();
  await kids("one");
  world.keys = [key("two")];
  expect(await kids("two", later(4))).toEqual(["one"]);
  expect(world.fetches).toBe(1);
  expect(await kids("two", later(60))).toEqual(["two"]);
  for (let at = 60; at < 65; at += 1) await kids("guessed", later(at));
  expect(world.fetches).toBe(2);
  await kids("guessed", later(65));
  expect(world.fetches).toBe(3);
});

const broken = [
  { what: "another status", change: { status: 500 } },
  { what: "no JSON", change: { body: "<html>" } },
  { what: "no key set", change: { body: "[]" } },
  { what: "keys that are none", change: { keys: ["key"] } },
  { what: "too many keys", change: { keys: Array.from({ length: 51 }, () => key("one")) } },
];
test.each(broken)("with $what the keys of the last hour stay good, and no longer", async ({ change }) => {
  const { world, sets, kids } = make();
  await kids("one");
  Object.assign(world, change);
  expect(await kids("one", later(700))).toEqual(["one"]);
  expect(await kids("one", later(3599))).toEqual(["one"]);
  expect(await kids("one", later(3605))).toEqual([]);
  expect((await sets.find({ jwks_uri: uri }, has("one"), later(3606))).problem).toContain("jwks_uri");
});

test("who can do with the keys of the last hour waits once for an address that hangs, and no more", async () => {
  const { world, sets, kids } = make();
  await kids("one");
  world.status = 503;
  await kids("one", later(600));
  world.hangs = true;
  expect(await kids("one", later(606))).toEqual(["one"]);
  expect(world.fetches).toBe(3);
  let answered = false;
  const unknown = sets.find({ jwks_uri: uri }, has("two"), later(607)).finally(() => {
    answered = true;
  });
  await new Promise(setImmediate);
  expect(answered).toBe(false);
  world.release();
  expect((await unknown).problem).toContain("503");
});

test("an address that never answers is asked once in five seconds", async () => {
  const { world, kids } = make();
  world.status = 404;
  for (let at = 0; at < 10; at += 1) expect(await kids("one", later(at))).toEqual([]);
  expect(world.fetches).toBe(2);
  world.status = 200;
  expect(await kids("one", later(10))).toEqual(["one"]);
});

test("of very many addresses the one asked for longest ago is forgotten", async () => {
  let fetches = 0;
  const sets = makeClientKeySets({
    fetchDocument: async () => {
      fetches += 1;
      return { status: 200, contentType: "", cacheControl: undefined, body: Buffer.from('{"keys":[]}') };
    },
  });
  for (let one = 0; one <= 1000; one += 1) await sets.find({ jwks_uri: `${uri}/${one}` }, () => true, now);
  await sets.find({ jwks_uri: `${uri}/1000` }, () => true, now);
  expect(fetches).toBe(1001);
  await sets.find({ jwks_uri: `${uri}/0` }, () => true, now);
  expect(fetches).toBe(1002);
});
