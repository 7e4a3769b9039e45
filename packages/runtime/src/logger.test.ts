import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { describeError, makeLogger } from "./logger.ts";
import { Secret } from "./secret.ts";

let written = "";
beforeEach(() => {
  written = "";
  vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    written += String(chunk);
    return true;
  });
});
afterEach(() => void vi.restoreAllMocks());

test("an event is one line: level, name, fields", () => {
  makeLogger({ debug: false, timestamps: false }).info("login finished", { clientId: "a" });
  expect(written).toBe('INFO: login finished {"clientId":"a"}\n');
});

test("debug lines are written only when asked for", () => {
  makeLogger({ debug: false, timestamps: false }).debug("x");
  expect(written).toBe("");
  makeLogger({ debug: true, timestamps: false }).debug("x");
  expect(written).toBe("DEBUG: x\n");
});

test.each(["a\nERROR: forged", "a\r\nb", "a\u001b[31mred", "a\u202eevil", "a\u2028b", "a\u0085b", "a\u200bb"])(
  "a hostile value stays inside its line: %j (LOG-3)",
  (value) => {
    makeLogger({ debug: false, timestamps: false }).info(value, { value });
    expect(written.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(written.match(/\n/g)).toHaveLength(1);
  },
);

test("a secret is never written (LOG-1)", () => {
  makeLogger({ debug: true, timestamps: true }).info("x", {
    secret: new Secret("canary"),
    deep: { s: new Secret("canary") },
  });
  expect(written).not.toContain("canary");
  expect(written).toContain("[secret]");
});

test("an error is told by its messages and causes, without the values it carries (LOG-1)", () => {
  const cause = Object.assign(new Error("duplicate key"), { detail: "canary", parameters: ["canary"] });
  const fields = describeError(new Error("storing the user", { cause }));
  expect(fields.error).toBe("Error: storing the user <- Error: duplicate key");
  expect(JSON.stringify(fields)).not.toContain("canary");
});
