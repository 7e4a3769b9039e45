import { expect, test } from "vitest";
import { assertPermissions } from "./route.ts";

test("a route that declares no permission keeps the process from starting (ADM-2)", () => {
  expect(() => assertPermissions([{ method: "GET", path: "/open", permission: undefined }], ["anybody"])).toThrow(
    /declares no permission/,
  );
  expect(() => assertPermissions([{ method: "GET", path: "/open" }], ["anybody"])).toThrow(/GET \/open/);
  expect(() => assertPermissions([{ method: "GET", path: "/open", permission: "constructor" }], ["anybody"])).toThrow();
  assertPermissions([{ method: "GET", path: "/open", permission: "anybody" }], ["anybody"]);
});
