import { sha256 } from "@dex/runtime";
import { expect, test } from "vitest";
import { sidOf } from "./session-id.ts";

test("a sid is the same for the life of a session, another for every session, and neither the cookie nor its hash", () => {
  const cookie = Buffer.alloc(32, 1);
  const hash = sha256(cookie);
  const sid = sidOf(hash);
  expect(sid).toMatch(/^[\w-]{22}$/);
  expect(sidOf(Buffer.from(hash))).toBe(sid);
  expect(sidOf(sha256(Buffer.alloc(32, 2)))).not.toBe(sid);
  for (const secret of [cookie, hash, sha256(hash)]) {
    for (const encoding of ["base64url", "hex"] as const) expect(secret.toString(encoding)).not.toContain(sid);
  }
});
