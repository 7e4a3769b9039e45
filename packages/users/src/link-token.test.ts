import { Secret } from "@dex/runtime";
import { expect, test } from "vitest";
import { type LinkPurpose, makeLinkTokens } from "./link-token.ts";

const salt = Buffer.alloc(32, 9);
const secretOf = (byte: number) => new Secret(Buffer.alloc(32, byte));
const tokens = makeLinkTokens({ secrets: [secretOf(1)], salt });
const id = "0198a2c4-1111-7222-8333-444455556666";

test("a link token names what it was issued for, and is the same when it is issued again (ACC-8, v1 V01)", () => {
  const token = tokens.issue("reset password", id);
  expect(tokens.read("reset password", token)).toBe(id);
  expect(tokens.issue("reset password", id)).toBe(token);
  expect(Buffer.from(token.slice("dxl_".length), "base64url")).toHaveLength(48);
});

const purposes: LinkPurpose[] = ["registration", "verify email", "reset password", "invitation", "change email"];
test.each(purposes)("a token issued for %s is refused for every other purpose (AUT-15)", (purpose) => {
  const token = tokens.issue(purpose, id);
  for (const other of purposes) expect(tokens.read(other, token)).toBe(other === purpose ? id : undefined);
});

test("no altered, shortened or lengthened token is read (ACC-8, v1 V02)", () => {
  const token = tokens.issue("invitation", id);
  for (let at = 0; at < token.length; at += 1) {
    const swapped = token[at] === "A" ? "B" : "A";
    expect(tokens.read("invitation", token.slice(0, at) + swapped + token.slice(at + 1))).toBeUndefined();
    expect(tokens.read("invitation", token.slice(0, at))).toBeUndefined();
  }
  for (const other of [`${token}A`, ` ${token}`, "", "dxl_", "%%%", "A".repeat(100_000)]) {
    expect(tokens.read("invitation", other)).toBeUndefined();
  }
});

test("a link survives a new first key secret while the old one is kept, and not another installation (SEC-2)", () => {
  const token = tokens.issue("verify email", id);
  const rotated = makeLinkTokens({ secrets: [secretOf(2), secretOf(1)], salt });
  expect(rotated.read("verify email", token)).toBe(id);
  expect(makeLinkTokens({ secrets: [secretOf(2)], salt }).read("verify email", token)).toBeUndefined();
  const elsewhere = makeLinkTokens({ secrets: [secretOf(1)], salt: Buffer.alloc(32, 8) });
  expect(elsewhere.read("verify email", token)).toBeUndefined();
});
