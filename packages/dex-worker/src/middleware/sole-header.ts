import { InvalidInput } from "./invalid-input.ts";

/** The value of a header that may be sent once. Of two neither is believed; Node would silently drop the second. */
export function soleHeader(values: readonly string[] | undefined): string | undefined {
  if (values !== undefined && values.length > 1)
    throw new InvalidInput(400, "found more than one Authorization header");
  return values?.[0];
}
