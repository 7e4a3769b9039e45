// How a single claim is read. Every claim is hostile. Pure.

export type Claims = Readonly<Record<string, unknown>>;

/** A claim that is not what it must be. Never leaves this folder. */
export class ClaimRefused extends Error {}

const PRINTABLE = /^\P{Cc}*$/u;

/** JSON null says nothing, like absence. Only own members: `constructor` is no claim. */
export function own(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? (claims[name] ?? undefined) : undefined;
}

/** Throws ClaimRefused for what is neither text of at most `maxLength` nor absent. Empty text says nothing. */
export function readText(value: unknown, maxLength: number): string | undefined {
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string") throw new ClaimRefused(`a claim is ${kindOf(value)}, expected text`);
  if (value.length > maxLength) throw new ClaimRefused(`a claim is longer than ${maxLength} characters`);
  if (!PRINTABLE.test(value) || !value.isWellFormed()) throw new ClaimRefused("a claim holds control characters");
  return value;
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? "a list" : `of type ${typeof value}`;
}
