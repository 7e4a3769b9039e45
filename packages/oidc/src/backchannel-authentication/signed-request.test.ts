import { expect, test } from "vitest";
import { type Claims, makeClientKey } from "../../test/client-jwts.ts";
import { client, issuer, now } from "../../test/fakes.ts";
import { makeClientKeySets } from "../client-jwts/client-key-sets.ts";
import { readSignedRequest } from "./signed-request.ts";

const key = makeClientKey("ES256", "one");
const seconds = Math.floor(now.getTime() / 1000);
const caller = { ...client, details: { jwks: { keys: [key.jwk] as never } } };

async function read(changes: Claims = {}, by = caller, useOnce?: () => Promise<boolean>) {
  const uses: { name: string; until: Date }[] = [];
  const times = { iat: seconds, nbf: seconds, exp: seconds + 60 };
  const request = key.sign({ iss: by.id, aud: issuer, jti: "one", scope: "openid", ...times, ...changes });
  await readSignedRequest(
    request,
    by,
    {
      issuer,
      keySets: makeClientKeySets({ fetchDocument: () => expect.fail("nothing is to be fetched") }),
      useOnce: useOnce ?? (async (name, until) => uses.push({ name, until }) > 0),
    },
    now,
  );
  return uses;
}

test("the jti of a request is remembered until the request has expired by each of our clocks (CIBA Core §7.1.1)", async () => {
  for (const lifetime of [1, 60, 3600]) {
    const [use, ...more] = await read({ exp: seconds + lifetime });
    expect(more).toEqual([]);
    expect((use?.until.getTime() ?? 0) / 1000).toBe(seconds + lifetime + 10);
  }
});

test("by one name for one client and jti, and by others for others", async () => {
  const other = { ...caller, id: "b" };
  const names = (await Promise.all([read(), read({ scope: "openid email" }), read({ jti: "two" }), read({}, other)]))
    .flat()
    .map(({ name }) => name);
  expect(names[1]).toBe(names[0]);
  expect(new Set(names).size).toBe(3);
});

test("what was used is refused, and what is not good uses nothing up", async () => {
  await expect(read({}, caller, async () => false)).rejects.toMatchObject({ code: "invalid_request" });
  const bad = [{ exp: seconds }, { aud: "other" }, { iss: "other" }, { nbf: seconds - 3601 }, { exp: seconds + 3601 }];
  for (const changes of bad) {
    const useOnce = () => expect.fail("something was used up");
    await expect(read(changes, caller, useOnce)).rejects.toMatchObject({ code: "invalid_request" });
  }
});
