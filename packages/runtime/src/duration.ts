const MILLISECONDS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 0.001, ns: 0.000_001 } as const;

/** Milliseconds of a duration such as `24h`, `1h30m` or `500ms`, or undefined when it is not one. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(h|ms|m|us|ns|s))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|us|ns|s)/g)) {
    total += Number(amount) * MILLISECONDS[unit as keyof typeof MILLISECONDS];
  }
  return total;
}
