/** A pattern that is matched in time linear in the text. */
export interface LinearRegex {
  test(text: string): boolean;
}

/** Throws an Error for a pattern that `explainRegex` finds fault with. */
export function compileLinearRegex(pattern: string): LinearRegex {
  throw new Error(explainRegex(pattern));
}

/** What is wrong with a pattern. */
export function explainRegex(_pattern: string): string | undefined {
  return "is not supported yet";
}
