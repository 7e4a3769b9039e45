import { expect, test } from "vitest";
import { registrationId } from "./registration-id.ts";

test("a registration has one id for each flow and address, a UUID", () => {
  const id = registrationId("flow", "ada@example.com");
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(registrationId("flow", "ada@example.com")).toBe(id);
  expect(registrationId("flow", "bob@example.com")).not.toBe(id);
  expect(registrationId("other", "ada@example.com")).not.toBe(id);
});
