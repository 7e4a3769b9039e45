// Reads a process's settings once, from flags and environment (dex v1 rules): `--name value`, `--name=value`, one dash or
// two; a flag beats the environment; an empty environment value counts as unset. Every mistake is reported, by name.
import { readFileSync } from "node:fs";
import { parseDuration } from "./duration.ts";
import { Secret } from "./secret.ts";

/** How the text of a setting becomes a value. */
export interface ValueKind<T> {
  /** What is expected, in words that complete "expected ...". */
  readonly expected: string;
  /** The value, or undefined when the text is not of this kind. */
  readonly parse: (text: string) => T | undefined;
  /** A flag of this kind may stand without a value. */
  readonly bare?: T;
  /** Never shown, removed from the environment once read, and readable from a file by `--<name>-file`. */
  readonly secret?: true;
}

export interface Setting<T, Required extends boolean = boolean> {
  readonly flag: string;
  readonly kind: ValueKind<T>;
  readonly help: string;
  readonly fallback: T | undefined;
  readonly required: Required;
}

export type SettingsOf<Spec extends Record<string, Setting<unknown>>> = {
  readonly [Name in keyof Spec]: Spec[Name] extends Setting<infer T, infer Required>
    ? Required extends true
      ? T
      : T | undefined
    : never;
};

/** A setting with a default. */
export function setting<T>(flag: string, kind: ValueKind<T>, help: string, fallback: NoInfer<T>): Setting<T, true> {
  return { flag, kind, help, fallback, required: true };
}

/** A setting that may be left out; its value is then undefined. */
export function optionalSetting<T>(flag: string, kind: ValueKind<T>, help: string): Setting<T, false> {
  return { flag, kind, help, fallback: undefined, required: false };
}

/** A setting that must be given. */
export function requiredSetting<T>(flag: string, kind: ValueKind<T>, help: string): Setting<T, true> {
  return { flag, kind, help, fallback: undefined, required: true };
}

export const text: ValueKind<string> = { expected: "text", parse: (value) => value };

export const toggle: ValueKind<boolean> = {
  expected: "true or false",
  bare: true,
  parse: (value) =>
    /^(1|t|T|true|TRUE|True)$/.test(value) ? true : /^(0|f|F|false|FALSE|False)$/.test(value) ? false : undefined,
};

/** One of a few words. */
export function oneOf<Word extends string>(words: readonly Word[]): ValueKind<Word> {
  return { expected: `one of ${words.join(", ")}`, parse: (value) => words.find((word) => word === value) };
}

export const httpUrl: ValueKind<URL> = {
  expected: "an http or https URL",
  parse: (value) => {
    const url = URL.parse(value);
    return url !== null && (url.protocol === "http:" || url.protocol === "https:") ? url : undefined;
  },
};

/** A Postgres DSN. Its password makes it a secret. */
export const postgresUrl: ValueKind<Secret<string>> = {
  expected: "a postgres:// URL",
  secret: true,
  parse: (value) => {
    const url = URL.parse(value);
    return url !== null && /^postgres(ql)?:$/.test(url.protocol) ? new Secret(value) : undefined;
  },
};

export const redisUrl: ValueKind<Secret<string>> = {
  expected: "a redis:// or rediss:// URL",
  secret: true,
  parse: (value) => (/^rediss?:$/.test(URL.parse(value)?.protocol ?? "") ? new Secret(value) : undefined),
};

/** Any secret text, such as a client secret. */
export const secretText: ValueKind<Secret<string>> = {
  expected: "a secret",
  secret: true,
  parse: (value) => new Secret(value),
};

/** A duration such as `24h` or `1h30m`; the value is in seconds. */
export function seconds(limits: { min?: number; max?: number } = {}): ValueKind<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = limits;
  const range = limits.max === undefined ? `at least ${min}s` : `from ${min}s to ${max}s`;
  return {
    expected: `a duration such as 24h or 1h30m, ${range}`,
    parse: (value) => {
      const milliseconds = parseDuration(value);
      const result = milliseconds === undefined ? Number.NaN : milliseconds / 1000;
      return result >= min && result <= max ? result : undefined;
    },
  };
}

export function integer(min: number, max: number): ValueKind<number> {
  return {
    expected: `a whole number from ${min} to ${max}`,
    parse: (value) => {
      const number = /^-?\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
      return number >= min && number <= max ? number : undefined;
    },
  };
}

export const commaList: ValueKind<readonly string[]> = {
  expected: "a comma-separated list",
  parse: (value) =>
    value
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== ""),
};

/** Secrets of exactly `byteCount` bytes in padded base64, comma-separated: the first seals, all open. */
export function base64Secrets(byteCount: number): ValueKind<readonly Secret<Buffer>[]> {
  return {
    expected: `base64 of exactly ${byteCount} bytes, several separated by commas`,
    secret: true,
    parse: (value) => {
      const secrets = value.split(",").map((item) => parseBase64(item.trim(), byteCount));
      return secrets.every((secret) => secret !== undefined) ? secrets.map((bytes) => new Secret(bytes)) : undefined;
    },
  };
}

/**
 * Secrets of at least `minBytes` bytes in padded base64, comma-separated; the values are the base64 texts themselves, for
 * callers that send them as they stand.
 */
export function base64Texts(minBytes: number): ValueKind<readonly Secret<string>[]> {
  return {
    expected: `base64 of at least ${minBytes} bytes, several separated by commas`,
    secret: true,
    parse: (value) => {
      const texts = value.split(",").map((item) => item.trim());
      const long = texts.every((one) => (parseBase64(one)?.length ?? 0) >= minBytes);
      return long ? texts.map((one) => new Secret(one)) : undefined;
    },
  };
}

function parseBase64(value: string, byteCount?: number): Buffer | undefined {
  const bytes = Buffer.from(value, "base64");
  if (value === "" || bytes.toString("base64") !== value) return undefined;
  return byteCount === undefined || bytes.length === byteCount ? bytes : undefined;
}

export type SettingsResult<T> =
  | { kind: "settings"; values: T }
  /** The process should print `message` and exit: 0 for --help and --version, 2 for a bad flag, 1 for a bad value. */
  | { kind: "exit"; code: 0 | 1 | 2; message: string };

export interface Program {
  /** The program's name as typed, such as `dex-worker`. */
  readonly name: string;
  /** The prefix of its environment names, such as `DEX_WORKER`. */
  readonly prefix: string;
  readonly summary: string;
  readonly version: string;
}

/** Reads every setting of `spec`. Secrets are deleted from `env`, so that no child process or crash dump inherits them. */
export function readSettings<Spec extends Record<string, Setting<unknown>>>(
  program: Program,
  spec: Spec,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): SettingsResult<SettingsOf<Spec>> {
  const entries = Object.entries<Setting<unknown>>(spec);
  const flags = parseFlags(argv, entries);
  if ("problem" in flags) {
    return { kind: "exit", code: 2, message: `${program.name}: ${flags.problem}\n\n${usage(program, entries)}` };
  }
  if (flags.given.has("help")) return { kind: "exit", code: 0, message: usage(program, entries) };
  if (flags.given.has("version")) {
    return { kind: "exit", code: 0, message: `dex version ${program.version}\nnode version ${process.versions.node}` };
  }
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, one] of entries) {
    const outcome = readOne(one, program.prefix, flags.given, env);
    if ("problem" in outcome) problems.push(outcome.problem);
    else values[key] = outcome.value;
  }
  if (problems.length > 0) {
    return { kind: "exit", code: 1, message: problems.map((problem) => `FATAL: ${problem}`).join("\n") };
  }
  // The record was filled from `spec`, entry by entry; the compiler cannot follow the loop.
  return { kind: "settings", values: Object.freeze(values) as SettingsOf<Spec> };
}

type Given = ReadonlyMap<string, string>;

function parseFlags(
  argv: readonly string[],
  entries: readonly [string, Setting<unknown>][],
): { given: Given } | { problem: string } {
  const known = new Map(entries.map(([, one]) => [one.flag, one.kind]));
  const given = new Map<string, string>();
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? "";
    const match = /^--?([a-zA-Z][\w-]*)(?:=(.*))?$/s.exec(argument);
    // Only the name is repeated in a message: what follows the "=" may be a secret.
    if (match === null)
      return { problem: "found an argument that is not a flag; every setting is given as --name value" };
    const [, name = "", attached] = match;
    if (name === "help" || name === "h" || name === "version") {
      given.set(name === "h" ? "help" : name, "true");
      continue;
    }
    const ofFile = name.endsWith("-file") ? known.get(name.slice(0, -5)) : undefined;
    const kind = known.get(name) ?? (ofFile?.secret === true ? text : undefined);
    if (kind === undefined) return { problem: `unknown flag --${name}` };
    const value = attached ?? (kind.bare !== undefined ? "true" : argv[++index]);
    if (value === undefined) return { problem: `flag --${name} needs a value: ${kind.expected}` };
    given.set(name, value);
  }
  return { given };
}

function readOne(
  one: Setting<unknown>,
  prefix: string,
  flags: Given,
  env: NodeJS.ProcessEnv,
): { value: unknown } | { problem: string } {
  const variable = environmentName(prefix, one.flag);
  const fileVariable = `${variable}_FILE`;
  const found: { from: string; value: string | undefined }[] = [
    { from: `--${one.flag}`, value: flags.get(one.flag) },
    { from: variable, value: env[variable] || undefined },
  ];
  if (one.kind.secret) {
    for (const [from, path] of [
      [`--${one.flag}-file`, flags.get(`${one.flag}-file`)],
      [fileVariable, env[fileVariable] || undefined],
    ] as const) {
      const content = path === undefined ? undefined : readSecretFile(path);
      if (content instanceof Error) return { problem: `${from}: cannot read the file ${path}: ${content.message}` };
      found.push({ from, value: content });
    }
    delete env[variable];
  }
  const source = found.find(({ value }) => value !== undefined);
  if (source?.value === undefined) {
    if (one.required && one.fallback === undefined) {
      return { problem: `--${one.flag} (${variable}) is required: expected ${one.kind.expected}` };
    }
    return { value: one.fallback };
  }
  const value = one.kind.parse(source.value);
  if (value !== undefined) return { value };
  const shown = one.kind.secret ? "a value of another form" : JSON.stringify(source.value.slice(0, 200));
  return { problem: `${source.from}: expected ${one.kind.expected}, found ${shown}` };
}

function readSecretFile(path: string): string | Error {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function environmentName(prefix: string, flag: string): string {
  return `${prefix}_${flag.toUpperCase().replaceAll("-", "_")}`;
}

function usage(program: Program, entries: readonly [string, Setting<unknown>][]): string {
  const lines = entries.map(([, one]) => {
    const file = one.kind.secret
      ? `\n      or from a file: --${one.flag}-file, ${environmentName(program.prefix, one.flag)}_FILE`
      : "";
    const standard = one.kind.secret || one.fallback === undefined ? "" : ` (default ${renderValue(one.fallback)})`;
    return `  --${one.flag}  ${environmentName(program.prefix, one.flag)}\n      ${one.help}${standard}\n      ${one.kind.expected}${file}`;
  });
  return [
    `${program.name}: ${program.summary}`,
    "",
    `usage: ${program.name} [--name value | --name=value ...]`,
    "Each setting may also be given in the environment; a flag wins.",
    "",
    ...lines,
    "  --version\n      prints the version",
    "  --help\n      prints this text",
  ].join("\n");
}

function renderValue(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(",");
  return value === "" ? "empty" : String(value);
}
