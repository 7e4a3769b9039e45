// Whose keys a keytab holds. Format: https://web.mit.edu/kerberos/krb5-latest/doc/formats/keytab_file_format.html
import { closeSync, openSync, readSync } from "node:fs";

const MAX_KEYTAB_BYTES = 1_048_576;
const VERSION = 0x0502;

export interface KeytabPrincipal {
  /** `HTTP/sso.example.com`. */
  readonly name: string;
  readonly realm: string;
}

/** Throws an Error that says what is wrong with the file; never with anything of its content. */
export function readKeytab(path: string): readonly KeytabPrincipal[] {
  const principals = parseKeytab(readBounded(path));
  if (principals === undefined) throw new Error("it is not a keytab");
  if (principals.length === 0) throw new Error("it holds no keys");
  return principals;
}

function readBounded(path: string): Buffer {
  try {
    const file = openSync(path, "r");
    try {
      const bytes = Buffer.alloc(MAX_KEYTAB_BYTES);
      return bytes.subarray(0, readSync(file, bytes));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new Error(`it cannot be read (${error instanceof Error && "code" in error ? String(error.code) : "failed"})`);
  }
}

/** Pure. Undefined for what is no keytab. Removed entries are holes, of negative length. */
export function parseKeytab(bytes: Buffer): readonly KeytabPrincipal[] | undefined {
  if (bytes.length < 2 || bytes.readUInt16BE(0) !== VERSION) return undefined;
  const principals: KeytabPrincipal[] = [];
  for (let at = 2; at + 4 <= bytes.length; ) {
    const length = bytes.readInt32BE(at);
    const end = at + 4 + Math.abs(length);
    if (length === 0 || end > bytes.length) return undefined;
    if (length > 0) {
      const principal = parseEntry(bytes.subarray(at + 4, end));
      if (principal === undefined) return undefined;
      principals.push(principal);
    }
    at = end;
  }
  return principals;
}

function parseEntry(entry: Buffer): KeytabPrincipal | undefined {
  let at = 2;
  const counted = (): string | undefined => {
    if (at + 2 > entry.length) return undefined;
    const end = at + 2 + entry.readUInt16BE(at);
    if (end > entry.length) return undefined;
    const text = entry.toString("utf8", at + 2, end);
    at = end;
    return text;
  };
  if (entry.length < 2) return undefined;
  const realm = counted();
  const components = Array.from({ length: entry.readUInt16BE(0) }, counted);
  if (realm === undefined || components.includes(undefined)) return undefined;
  return { name: components.join("/"), realm };
}
