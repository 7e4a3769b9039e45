// As much of DER (ITU-T X.690) as the names in a certificate take. What is read was checked by OpenSSL before.

/** One value: its first byte, which says what it is, and what is in it. */
export interface DerValue {
  readonly tag: number;
  readonly content: Buffer;
}

export const DER_TAGS = {
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The values that the bytes consist of, one after the other; undefined when they are anything else. */
export function readDer(bytes: Buffer): readonly DerValue[] | undefined {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length; ) {
    const header = readHeader(bytes, at);
    if (header === undefined || header.end > bytes.length) return undefined;
    values.push({ tag: header.tag, content: bytes.subarray(header.start, header.end) });
    at = header.end;
  }
  return values;
}

/** The values within a sequence or set; none when it is something else. */
export function within(value: DerValue | undefined, tag: number): readonly DerValue[] {
  return value?.tag === tag ? (readDer(value.content) ?? []) : [];
}

function readHeader(bytes: Buffer, at: number): { tag: number; start: number; end: number } | undefined {
  const [tag, first] = [bytes[at], bytes[at + 1]];
  // Neither tags of several bytes nor lengths without end are in the names of a certificate.
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f || first === 0x80) return undefined;
  if (first < 0x80) return { tag, start: at + 2, end: at + 2 + first };
  const size = first & 0x7f;
  const start = at + 2 + size;
  if (size > 4 || start > bytes.length) return undefined;
  return { tag, start, end: start + bytes.readUIntBE(at + 2, size) };
}

/** The object identifier in its dotted form. */
export function readOid(content: Buffer): string {
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const byte of content) {
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    if (byte >= 0x80) continue;
    arcs.push(arc);
    arc = 0n;
  }
  const [first = 0n, ...rest] = arcs;
  const root = first < 80n ? first / 40n : 2n;
  return [root, first - root * 40n, ...rest].join(".");
}

/** The text of one of the string types of X.520; undefined of anything else. */
export function readText({ tag, content }: DerValue): string | undefined {
  switch (tag) {
    case 0x0c: // UTF8String
      return decode(content, "utf-8");
    case 0x12: // NumericString
    case 0x13: // PrintableString
    case 0x16: // IA5String
      return content.every((byte) => byte < 0x80) ? content.toString("latin1") : undefined;
    case 0x1e: // BMPString
      return decode(content, "utf-16be");
    default:
      return undefined;
  }
}

function decode(content: Buffer, encoding: "utf-8" | "utf-16be"): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return undefined;
  }
}
