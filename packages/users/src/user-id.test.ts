import { systemRandom } from "@dex/runtime";
import { expect, test } from "vitest";
import { newUserId } from "./user-id.ts";

test("a user's id is a UUID of version 4 (RFC 9562 §5.4)", () => {
  for (const random of [
    systemRandom,
    (size: number) => Buffer.alloc(size, 0xff),
    (size: number) => Buffer.alloc(size),
  ]) {
    expect(newUserId(random)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
  expect(newUserId(systemRandom)).not.toBe(newUserId(systemRandom));
});
