// Names of subjects: as people write them, RFC 4514, and as they stand in certificates. Both become one text that can be compared.
import { DER_TAGS, type DerValue, readDer, readOid, readText, within } from "./der.ts";

/** Attribute types by what they are called, in RFC 4519 and in openssl. Names are compared without their case, RFC 4514 §2. */
const TYPES: Readonly<Record<string, string>> = {
  cn: "2.5.4.3",
  sn: "2.5.4.4",
  serialnumber: "2.5.4.5",
  c: "2.5.4.6",
  l: "2.5.4.7",
  st: "2.5.4.8",
  street: "2.5.4.9",
  o: "2.5.4.10",
  ou: "2.5.4.11",
  title: "2.5.4.12",
  businesscategory: "2.5.4.15",
  postalcode: "2.5.4.17",
  givenname: "2.5.4.42",
  gn: "2.5.4.42",
  dnqualifier: "2.5.4.46",
  organizationidentifier: "2.5.4.97",
  uid: "0.9.2342.19200300.100.1.1",
  dc: "0.9.2342.19200300.100.1.25",
  emailaddress: "1.2.840.113549.1.9.1",
  jurisdictionl: "1.3.6.1.4.1.311.60.2.1.1",
  jurisdictionst: "1.3.6.1.4.1.311.60.2.1.2",
  jurisdictionc: "1.3.6.1.4.1.311.60.2.1.3",
};

/** One attribute: the object identifier of its type, and its value. */
type Attribute = readonly [string, string];

/** RFC 4514 §3: a type, and a value as hexadecimal BER or as text with escapes. */
const TYPE = /\s*([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)\s*=\s*/y;
const VALUE = /#((?:[0-9A-Fa-f]{2})+)\s*|((?!#)(?:\\[0-9A-Fa-f]{2}|\\[ "#+,;<=>\\]|[^\\"+,;<>\0])*)/y;
const CHARACTER = /\\([0-9A-Fa-f]{2})|\\(.)|([^\\])/gsu;

/**
 * What two spellings of one name have in common; undefined when the text is no name by RFC 4514, or one of a type that is not
 * known here. Values are compared as they are, in each case of their letters: to be strict refuses, and lets nobody in.
 */
export function comparableName(text: string): string | undefined {
  const sets: Attribute[][] = [[]];
  for (let at = 0; ; ) {
    const type = match(TYPE, text, at);
    const oid = type === undefined ? undefined : oidOf(type[1] ?? "");
    const value = type === undefined ? undefined : match(VALUE, text, at + type[0].length);
    if (type === undefined || oid === undefined || value === undefined) return undefined;
    const content = value[1] === undefined ? unescaped(value[2] ?? "") : fromHexadecimal(value[1]);
    if (content === undefined || content === "") return undefined;
    sets.at(-1)?.push([oid, content]);
    at += type[0].length + value[0].length;
    if (at === text.length) return render(sets.reverse()); // §2.1: from the last to the first
    if (text[at] === ",") sets.push([]);
    else if (text[at] !== "+") return undefined;
    at += 1;
  }
}

/** The same of a name in a certificate; undefined when there is something in it that is no text. */
export function comparableNameOf(name: DerValue | undefined): string | undefined {
  const sets: Attribute[][] = [];
  for (const set of within(name, DER_TAGS.sequence)) {
    const attributes: Attribute[] = [];
    for (const attribute of within(set, DER_TAGS.set)) {
      const [type, value] = within(attribute, DER_TAGS.sequence);
      const text = value === undefined ? undefined : readText(value);
      if (type?.tag !== DER_TAGS.oid || text === undefined) return undefined;
      attributes.push([readOid(type.content), text]);
    }
    sets.push(attributes);
  }
  return sets.length === 0 ? undefined : render(sets);
}

/** The attributes of one set have no order. */
function render(sets: readonly (readonly Attribute[])[]): string {
  return JSON.stringify(sets.map((set) => set.map((attribute) => JSON.stringify(attribute)).toSorted()));
}

function oidOf(type: string): string | undefined {
  return /^\d/.test(type) ? type : TYPES[type.toLowerCase()];
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

/** Without spaces at the end that are not escaped, which people put before a comma. */
function unescaped(text: string): string | undefined {
  const bytes: Buffer[] = [];
  let end = 0;
  for (const [, hexadecimal, escaped, plain = ""] of text.matchAll(CHARACTER)) {
    bytes.push(hexadecimal === undefined ? Buffer.from(escaped ?? plain) : Buffer.from(hexadecimal, "hex"));
    if (plain !== " ") end = bytes.length;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(bytes.slice(0, end)));
  } catch {
    return undefined;
  }
}

function fromHexadecimal(text: string): string | undefined {
  const [value, ...more] = readDer(Buffer.from(text, "hex")) ?? [];
  return value === undefined || more.length > 0 ? undefined : readText(value);
}
