// What every endpoint asks of its parameters before it looks at any of them. URLSearchParams is the only parser: names
// such as `a[b]` or `__proto__` stay plain names that nobody asks for (AUT-9, RED-7).
import { OAuthError } from "../errors.ts";

export const MAX_PARAMETERS = 200;

// U+FFFD is what bytes that are not UTF-8, lone surrogates among them, turn into. Such a value cannot be given back as
// it came, so it is refused instead of altered.
const UNSAFE_CHARACTERS = /[\0\r\n\ufffd]/;

/** The value of a parameter; undefined when it is absent or empty, which mean the same (RFC 6749 §3.1, §3.2). */
export function single(params: URLSearchParams, name: string): string | undefined {
  const value = params.get(name);
  return value === null || value === "" ? undefined : value;
}

/** Whether a value holds characters that no parameter may carry: NUL, CR, LF, or what was not UTF-8 (AUT-10). */
export function isUnsafe(value: string): boolean {
  return UNSAFE_CHARACTERS.test(value);
}

/** Refuses too many parameters and unsafe characters in any of them, known or not. */
export function refuseUnsafeParameters(params: URLSearchParams): OAuthError | undefined {
  if (params.size > MAX_PARAMETERS) {
    return new OAuthError("invalid_request", `more than ${MAX_PARAMETERS} parameters were sent`);
  }
  for (const [name, value] of params) {
    if (isUnsafe(name) || isUnsafe(value)) {
      return new OAuthError("invalid_request", "a parameter holds characters that are not allowed", {
        detail: `parameter ${JSON.stringify(name.slice(0, 40))}`,
      });
    }
  }
  return undefined;
}

/** Refuses a parameter of `names` that was sent more than once, RFC 6749 §3.1 and §3.2 (RED-6, TOK-7). */
export function refuseRepeated(params: URLSearchParams, names: readonly string[]): OAuthError | undefined {
  const repeated = names.find((name) => params.getAll(name).length > 1);
  return repeated === undefined
    ? undefined
    : new OAuthError("invalid_request", `parameter ${repeated} was sent more than once`);
}

/**
 * Whether the raw text of a query or a form body is properly percent-encoded UTF-8. For the HTTP side, which alone sees
 * the raw text: URLSearchParams takes `%zz` as it stands (AUT-10).
 */
export function isWellFormedForm(raw: string): boolean {
  try {
    decodeURIComponent(raw);
    return true;
  } catch {
    return false;
  }
}
