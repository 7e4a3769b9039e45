// The syntax of RE2, which dex v2's patterns are written in, as a tree. What RE2 does not know (backreferences, looking
// around) is refused, so that everything here can be matched in linear time.

export type CharTest = (codePoint: number) => boolean;
export type Assertion = "start" | "end" | "line start" | "line end" | "word" | "no word";
export type RegexNode =
  | { readonly kind: "char"; readonly test: CharTest }
  | { readonly kind: "assert"; readonly what: Assertion }
  | { readonly kind: "all"; readonly of: readonly RegexNode[] }
  | { readonly kind: "any"; readonly of: readonly RegexNode[] }
  | { readonly kind: "repeat"; readonly of: RegexNode; readonly min: number; readonly max: number | undefined };

/** Its message is shown to operators. */
export class RegexSyntaxError extends Error {}

const MAX_PATTERN_LENGTH = 1000;
/** RE2's own bound. */
const MAX_REPEAT = 1000;
const MAX_DEPTH = 100;

interface Flags {
  readonly ignoreCase: boolean;
  readonly multiLine: boolean;
  readonly dotAll: boolean;
}

export const isWordChar: CharTest = (c) =>
  (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || c === 95 || (c >= 97 && c <= 122);
const isDigit: CharTest = (c) => c >= 48 && c <= 57;
const isSpace: CharTest = (c) => c === 9 || c === 10 || c === 12 || c === 13 || c === 32;
const not =
  (test: CharTest): CharTest =>
  (c) =>
    !test(c);

const PERL: Readonly<Record<string, CharTest>> = {
  d: isDigit,
  D: not(isDigit),
  s: isSpace,
  S: not(isSpace),
  w: isWordChar,
  W: not(isWordChar),
};
const within =
  (...ranges: readonly (readonly [number, number])[]): CharTest =>
  (c) =>
    ranges.some(([from, to]) => c >= from && c <= to);
const POSIX: Readonly<Record<string, CharTest>> = {
  alnum: within([48, 57], [65, 90], [97, 122]),
  alpha: within([65, 90], [97, 122]),
  ascii: within([0, 127]),
  blank: within([9, 9], [32, 32]),
  cntrl: within([0, 31], [127, 127]),
  digit: isDigit,
  graph: within([33, 126]),
  lower: within([97, 122]),
  print: within([32, 126]),
  punct: within([33, 47], [58, 64], [91, 96], [123, 126]),
  space: within([9, 13], [32, 32]),
  upper: within([65, 90]),
  word: isWordChar,
  xdigit: within([48, 57], [65, 70], [97, 102]),
};
const ESCAPED: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };
const ASSERTIONS: Readonly<Record<string, Assertion>> = { A: "start", z: "end", b: "word", B: "no word" };

export function parseRegex(pattern: string): RegexNode {
  if (pattern.length > MAX_PATTERN_LENGTH) throw new RegexSyntaxError(`longer than ${MAX_PATTERN_LENGTH} characters`);
  const parser = new Parser(pattern);
  return parser.parse();
}

class Parser {
  readonly #chars: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(pattern: string) {
    this.#chars = [...pattern];
  }

  parse(): RegexNode {
    const [node] = this.#alternatives({ ignoreCase: false, multiLine: false, dotAll: false });
    if (this.#at < this.#chars.length) throw new RegexSyntaxError("unexpected )");
    return node;
  }

  #peek(offset = 0): string | undefined {
    return this.#chars[this.#at + offset];
  }

  #take(expected: string): boolean {
    if (
      !this.#chars
        .slice(this.#at, this.#at + expected.length)
        .join("")
        .startsWith(expected)
    )
      return false;
    this.#at += expected.length;
    return true;
  }

  /** Up to the end or a closing parenthesis. */
  #alternatives(given: Flags): [RegexNode] {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new RegexSyntaxError("nested too deeply");
    let flags = given;
    const branches: RegexNode[][] = [[]];
    for (;;) {
      const next = this.#peek();
      if (next === undefined || next === ")") break;
      const branch = branches.at(-1) ?? [];
      if (this.#take("|")) branches.push([]);
      else if (next === "(") {
        const group = this.#group(flags);
        if ("flags" in group) flags = group.flags;
        else branch.push(this.#repeated(group.node));
      } else if (this.#take("\\Q")) branch.push(...this.#quoted(flags));
      else branch.push(this.#repeated(this.#atom(flags)));
    }
    this.#depth -= 1;
    const nodes = branches.map((of): RegexNode => ({ kind: "all", of }));
    return [{ kind: "any", of: nodes }];
  }

  #group(flags: Flags): { readonly node: RegexNode } | { readonly flags: Flags } {
    this.#take("(");
    let inside = flags;
    if (this.#take("?")) {
      if (this.#take("P<") || (this.#peek() === "<" && !/[=!]/.test(this.#peek(1) ?? "") && this.#take("<"))) {
        this.#groupName();
      } else {
        inside = this.#flags(flags);
        if (this.#take(")")) return { flags: inside };
        if (!this.#take(":")) throw new RegexSyntaxError("unknown kind of group");
      }
    }
    const [node] = this.#alternatives(inside);
    if (!this.#take(")")) throw new RegexSyntaxError("missing )");
    return { node };
  }

  #groupName(): void {
    const end = this.#chars.indexOf(">", this.#at);
    const name = end < 0 ? "" : this.#chars.slice(this.#at, end).join("");
    if (!/^\w+$/.test(name)) throw new RegexSyntaxError("group without a name");
    this.#at = end + 1;
  }

  #flags(flags: Flags): Flags {
    const changed = { ...flags };
    let on = true;
    for (;;) {
      if (this.#take("-")) on = false;
      else if (this.#take("i")) changed.ignoreCase = on;
      else if (this.#take("m")) changed.multiLine = on;
      else if (this.#take("s")) changed.dotAll = on;
      // Greediness changes what is found, never whether something is.
      else if (!this.#take("U")) return changed;
    }
  }

  #quoted(flags: Flags): RegexNode[] {
    const rest = this.#chars.slice(this.#at).join("");
    const text = rest.split("\\E", 1)[0] ?? "";
    this.#at = Math.min(this.#at + [...text].length + 2, this.#chars.length);
    const nodes = [...text].map((char) => literal(char.codePointAt(0) ?? 0, flags));
    // What follows the quotation repeats its last character.
    const last = nodes.pop();
    return last === undefined ? [] : [...nodes, this.#repeated(last)];
  }

  #repeated(node: RegexNode): RegexNode {
    const bounds = this.#bounds();
    if (bounds === undefined) return node;
    this.#take("?");
    if (this.#bounds() !== undefined) throw new RegexSyntaxError("repetition of a repetition");
    return { kind: "repeat", of: node, ...bounds };
  }

  #bounds(): { min: number; max: number | undefined } | undefined {
    if (this.#take("*")) return { min: 0, max: undefined };
    if (this.#take("+")) return { min: 1, max: undefined };
    if (this.#take("?")) return { min: 0, max: 1 };
    // What is no repetition stands for itself, as in RE2.
    const found = /^\{(\d{1,9})(?:(,)(\d{1,9})?)?\}/.exec(this.#chars.slice(this.#at, this.#at + 22).join(""));
    if (found === null) return undefined;
    this.#at += found[0].length;
    const min = Number(found[1]);
    const max = found[2] === undefined ? min : found[3] === undefined ? undefined : Number(found[3]);
    if (min > MAX_REPEAT || (max ?? 0) > MAX_REPEAT || (max ?? min) < min) {
      throw new RegexSyntaxError("impossible repetition");
    }
    return { min, max };
  }

  #atom(flags: Flags): RegexNode {
    const char = this.#peek() ?? "";
    if (/^[*+?]$/.test(char)) throw new RegexSyntaxError("nothing to repeat");
    if (char === "[") return { kind: "char", test: this.#charClass(flags) };
    this.#at += 1;
    if (char === "^") return { kind: "assert", what: flags.multiLine ? "line start" : "start" };
    if (char === "$") return { kind: "assert", what: flags.multiLine ? "line end" : "end" };
    if (char === ".") return { kind: "char", test: flags.dotAll ? () => true : (c) => c !== 10 };
    if (char !== "\\") return literal(char.codePointAt(0) ?? 0, flags);
    const assertion = ASSERTIONS[this.#peek() ?? ""];
    if (assertion !== undefined) {
      this.#at += 1;
      return { kind: "assert", what: assertion };
    }
    const escaped = this.#escape();
    return typeof escaped === "number" ? literal(escaped, flags) : { kind: "char", test: escaped };
  }

  /** After a backslash: one character, or a class of them. */
  #escape(): number | CharTest {
    const char = this.#peek();
    if (char === undefined) throw new RegexSyntaxError("trailing backslash");
    this.#at += 1;
    const perl = Object.hasOwn(PERL, char) ? PERL[char] : undefined;
    if (perl !== undefined) return perl;
    if (char === "p" || char === "P") return this.#unicodeClass(char === "P");
    const control = Object.hasOwn(ESCAPED, char) ? ESCAPED[char] : undefined;
    if (control !== undefined) return control;
    const rest = this.#chars.slice(this.#at, this.#at + 10).join("");
    if (char === "x") return this.#number(/^(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/.exec(rest), 16);
    // RE2: an octal number begins with 0; any other digit would be a backreference.
    if (char === "0") return this.#number(/^([0-7]{0,2})/.exec(rest), 8);
    if (/^[A-Za-z0-9]$/.test(char)) throw new RegexSyntaxError(`unknown escape \\${char}`);
    return char.codePointAt(0) ?? 0;
  }

  #number(found: RegExpExecArray | null, base: 8 | 16): number {
    const value = found === null ? Number.NaN : Number.parseInt(found[1] ?? found[2] ?? "0", base) || 0;
    if (found === null || value > 0x10ffff) throw new RegexSyntaxError("unknown character number");
    this.#at += found[0].length;
    return value;
  }

  #unicodeClass(negated: boolean): CharTest {
    const rest = this.#chars.slice(this.#at, this.#at + 50).join("");
    const found = /^(?:([A-Z])|\{(\^?)([A-Za-z_]{1,40})\})/.exec(rest);
    if (found === null) throw new RegexSyntaxError("unknown class of characters");
    this.#at += found[0].length;
    const name = found[1] ?? found[3] ?? "";
    const expression = unicodeProperty(name);
    return (c) => expression.test(String.fromCodePoint(c)) !== (negated !== (found[2] === "^"));
  }

  #charClass(flags: Flags): CharTest {
    this.#take("[");
    const negated = this.#take("^");
    const tests: CharTest[] = [];
    for (let first = true; first || this.#peek() !== "]"; first = false) {
      const posix = this.#posixClass();
      if (posix !== undefined) tests.push(posix);
      else tests.push(this.#range());
    }
    this.#take("]");
    const inAny: CharTest = (c) => tests.some((test) => test(c));
    const folded = flags.ignoreCase ? ignoringCase(inAny) : inAny;
    return negated ? not(folded) : folded;
  }

  #posixClass(): CharTest | undefined {
    const found = /^\[:(\^?)([a-z]{1,10}):\]/.exec(this.#chars.slice(this.#at, this.#at + 15).join(""));
    if (found === null) return undefined;
    const name = found[2] ?? "";
    const test = Object.hasOwn(POSIX, name) ? POSIX[name] : undefined;
    if (test === undefined) throw new RegexSyntaxError("unknown class of characters");
    this.#at += found[0].length;
    return found[1] === "^" ? not(test) : test;
  }

  #range(): CharTest {
    const from = this.#classMember();
    if (typeof from !== "number") return from;
    if (this.#peek() !== "-" || this.#peek(1) === "]" || this.#peek(1) === undefined) return (c) => c === from;
    this.#take("-");
    const to = this.#classMember();
    if (typeof to !== "number" || to < from) throw new RegexSyntaxError("impossible range of characters");
    return (c) => c >= from && c <= to;
  }

  #classMember(): number | CharTest {
    const char = this.#peek();
    if (char === undefined) throw new RegexSyntaxError("missing ]");
    this.#at += 1;
    return char === "\\" ? this.#escape() : (char.codePointAt(0) ?? 0);
  }
}

function literal(codePoint: number, { ignoreCase }: Flags): RegexNode {
  const same: CharTest = (c) => c === codePoint;
  return { kind: "char", test: ignoreCase ? ignoringCase(same) : same };
}

function ignoringCase(test: CharTest): CharTest {
  return (c) => {
    const char = String.fromCodePoint(c);
    return [c, char.toLowerCase().codePointAt(0) ?? c, char.toUpperCase().codePointAt(0) ?? c].some(test);
  };
}

/** RE2 knows general categories and scripts. On one character, JavaScript's own matching takes constant time. */
function unicodeProperty(name: string): RegExp {
  for (const property of [name, `Script=${name}`]) {
    try {
      return new RegExp(`^\\p{${property}}$`, "u");
    } catch {
      // Not a category; perhaps a script.
    }
  }
  throw new RegexSyntaxError("unknown class of characters");
}
