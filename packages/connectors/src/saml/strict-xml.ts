// XML as SAML needs it, and nothing else of XML. What is refused here is refused before a parser sees it (SAM-4): where
// there are no declarations, comments, processing instructions, CDATA or entities, there is one way to read a document.
import { DOMParser, type Element, onWarningStopParsing } from "@xmldom/xmldom";
import { invalidAnswer } from "../login-refused.ts";

export const MAX_XML_BYTES = 256 * 1024;
const MAX_DEPTH = 40;
const MAX_ELEMENTS = 4_000;
const DECLARATION =
  /^<\?xml version=(?:"1\.0"|'1\.0')(?: encoding=(?:"utf-8"|'utf-8'))?(?: standalone=["'](?:yes|no)["'])?\s*\?>\s*/i;
const XINCLUDE = "http://www.w3.org/2001/XInclude";
const ELEMENT_NODE = 1;
const TEXT_NODE = 3;

/** A document that passed: its text, and what it says. */
export interface StrictXml {
  readonly text: string;
  readonly root: Element;
}

/** Throws LoginRefused for anything that is not plain, bounded, well-formed UTF-8. */
export function parseStrictXml(bytes: Buffer): StrictXml {
  if (bytes.length > MAX_XML_BYTES) throw invalidAnswer(`XML is larger than ${MAX_XML_BYTES} bytes`);
  const text = normalize(decodeUtf8(bytes));
  refuseAllButElements(text);
  scanElements(text);
  const parser = new DOMParser({
    onError: onWarningStopParsing,
    normalizeLineEndings: (source) => source,
    locator: false,
  });
  let root: Element | null;
  try {
    root = parser.parseFromString(text, "text/xml").documentElement;
  } catch {
    throw invalidAnswer("XML is not well-formed");
  }
  if (root === null) throw invalidAnswer("XML has no element");
  for (const element of descendants(root)) {
    if (element.namespaceURI === XINCLUDE) throw invalidAnswer("XML includes other documents");
  }
  return { text, root };
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalidAnswer("XML is not UTF-8");
  }
}

/** Line ends as XML 1.0 §2.11 has them, and without the declaration, which may only say what holds anyway. */
function normalize(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(DECLARATION, "").trimEnd();
}

function refuseAllButElements(text: string): void {
  // In XML a "<" is always markup: these are DOCTYPE, ENTITY, comments and CDATA, and processing instructions.
  if (text.includes("<!")) throw invalidAnswer("XML holds a declaration, a comment or CDATA");
  if (text.includes("<?")) throw invalidAnswer("XML holds a processing instruction");
  if (/&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)/.test(text))
    throw invalidAnswer("XML holds an entity");
  // Parsers disagree on whether these are line ends, or may be there at all.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/.test(text)) {
    throw invalidAnswer("XML holds a control character");
  }
}

/** One root, bounded depth and number of elements: found without building anything. */
function scanElements(text: string): void {
  let depth = 0;
  let elements = 0;
  let position = 0;
  while (position < text.length) {
    if (text[position] !== "<") {
      const next = text.indexOf("<", position);
      const end = next === -1 ? text.length : next;
      if (depth === 0 && text.slice(position, end).trim() !== "") throw invalidAnswer("XML has text beside its root");
      position = end;
      continue;
    }
    if (depth === 0 && elements > 0) throw invalidAnswer("XML has two roots");
    const end = endOfTag(text, position);
    if (text[position + 1] === "/") depth -= 1;
    else {
      elements += 1;
      if (text[end - 1] !== "/") depth += 1;
    }
    if (depth > MAX_DEPTH || elements > MAX_ELEMENTS) throw invalidAnswer("XML is too deep or too long");
    position = end + 1;
  }
}

/** Where the ">" of the tag is. One inside of an attribute's value does not count. */
function endOfTag(text: string, start: number): number {
  let quote = "";
  for (let position = start + 1; position < text.length; position++) {
    const character = text[position] ?? "";
    if (quote !== "") {
      if (character === quote) quote = "";
    } else if (character === '"' || character === "'") quote = character;
    else if (character === ">") return position;
    else if (character === "<") break;
  }
  throw invalidAnswer("XML is not well-formed");
}

/** The element and all that are in it, in document order. */
export function* descendants(element: Element): Generator<Element> {
  yield element;
  for (const child of children(element)) yield* descendants(child);
}

/** The elements directly in this one. */
export function children(element: Element): readonly Element[] {
  const found: Element[] = [];
  for (let node = element.firstChild; node !== null; node = node.nextSibling) {
    if (node.nodeType === ELEMENT_NODE) found.push(node as Element);
  }
  return found;
}

export function isNamed(element: Element, namespace: string, name: string): boolean {
  return element.namespaceURI === namespace && element.localName === name;
}

export function childrenNamed(element: Element, namespace: string, name: string): readonly Element[] {
  return children(element).filter((child) => isNamed(child, namespace, name));
}

/** The only child of this name, or undefined when there is none. Throws LoginRefused when there are more. */
export function soleChild(element: Element, namespace: string, name: string): Element | undefined {
  const [found, ...others] = childrenNamed(element, namespace, name);
  if (others.length > 0) throw invalidAnswer(`${element.localName} has more than one ${name}`);
  return found;
}

/** The child of this name. Throws LoginRefused unless there is exactly one. */
export function requiredChild(element: Element, namespace: string, name: string): Element {
  const child = soleChild(element, namespace, name);
  if (child === undefined) throw invalidAnswer(`${element.localName} has no ${name}`);
  return child;
}

/** The text in an element that holds nothing else. Throws LoginRefused when it holds elements (SAM-3). */
export function plainText(element: Element): string {
  let text = "";
  for (let node = element.firstChild; node !== null; node = node.nextSibling) {
    if (node.nodeType !== TEXT_NODE) throw invalidAnswer(`${element.localName} holds more than text`);
    text += node.nodeValue ?? "";
  }
  return text;
}

export function attribute(element: Element, name: string): string | undefined {
  return element.getAttributeNode(name)?.value;
}

/** Bytes from base64, which may be broken into lines. Throws LoginRefused for anything else. */
export function decodeBase64(text: string, what: string): Buffer {
  const compact = text.replace(/[ \t\r\n]+/g, "");
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(compact)) throw invalidAnswer(`${what} is not base64`);
  return Buffer.from(compact, "base64");
}
