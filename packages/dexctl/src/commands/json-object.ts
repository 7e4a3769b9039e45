import type { Json, JsonObject } from "@dex/runtime";

/** Whether it has members. What is none is left for the validator, which says so. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
