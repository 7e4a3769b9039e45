import { expect, test } from "vitest";
import { keepAllowed } from "./allowed-groups.ts";

test("groups outside the list are left out, the others stay as they are (C 22)", () => {
  expect(keepAllowed(["b", "c", "b"], ["a", "b"])).toEqual(["b", "b"]);
  expect(keepAllowed(["B", "b "], ["a", "b"])).toEqual([]);
  expect(keepAllowed(["b"], [])).toEqual([]);
});
