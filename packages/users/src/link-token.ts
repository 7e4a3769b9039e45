// The secret in a mailed link: the id of what it stands for, and a MAC over that id. Whoever sends the mail computes it,
// so nothing that opens the link is ever stored, and an overlord or dexctl can promise a mail without knowing its link.
import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto";
import { decodeBase64Url, deriveKeys, type KeySecrets } from "@dex/runtime";

/** What a mailed link is for. Presenting one where another is expected fails (AUT-15). */
export type LinkPurpose = "registration" | "verify email" | "reset password" | "invitation" | "change email";

export interface LinkTokens {
  /** The token of the link with this id, a UUID. The same each time, so a mail that is sent again carries the same link. */
  issue(purpose: LinkPurpose, id: string): string;
  /** The id, when the token is whole and was issued for this purpose; otherwise undefined. */
  read(purpose: LinkPurpose, token: string): string | undefined;
}

const PREFIX = "dxl_";
const ID_BYTES = 16;
const MAC_BYTES = 32;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** 256 bits that neither the database nor the key secrets give away alone: the keys come from both (HKDF). */
export function makeLinkTokens(parts: { secrets: KeySecrets; salt: Buffer }): LinkTokens {
  const keys = deriveKeys({ ...parts, purpose: "mail-link" });
  const macOf = (key: KeyObject, purpose: LinkPurpose, id: Buffer) =>
    createHmac("sha256", key).update(`${purpose}\0`).update(id).digest();
  return {
    issue(purpose, id) {
      if (!UUID.test(id)) throw new Error("expected a lower-case UUID");
      const bytes = Buffer.from(id.replaceAll("-", ""), "hex");
      return `${PREFIX}${Buffer.concat([bytes, macOf(keys[0], purpose, bytes)]).toString("base64url")}`;
    },
    read(purpose, token) {
      if (!token.startsWith(PREFIX) || token.length > 100) return undefined;
      const bytes = decodeBase64Url(token.slice(PREFIX.length));
      if (bytes?.length !== ID_BYTES + MAC_BYTES) return undefined;
      const id = bytes.subarray(0, ID_BYTES);
      const mac = bytes.subarray(ID_BYTES);
      // Each key is tried, whichever fits: the time must not tell which one did.
      const fits = keys.filter((key) => timingSafeEqual(macOf(key, purpose, id), mac)).length > 0;
      return fits ? id.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5") : undefined;
    },
  };
}
