import type { Random } from "@dex/runtime";

const TEXT_FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A UUID of version 7, RFC 9562 §5.7: ordered by time, so that new rows land together in an index. */
export function newUuid(random: Random, now: Date): string {
  const bytes = random(16);
  bytes.writeUIntBE(now.getTime(), 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return uuidFromBytes(bytes);
}

/** The 16 bytes of a UUID in its usual lower-case form. Throws for anything else, which is a mistake of ours. */
export function uuidToBytes(uuid: string): Buffer {
  if (!TEXT_FORM.test(uuid)) throw new Error("expected a lower-case UUID");
  return Buffer.from(uuid.replaceAll("-", ""), "hex");
}

export function uuidFromBytes(bytes: Buffer): string {
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
