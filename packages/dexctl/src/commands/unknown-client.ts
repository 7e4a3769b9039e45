import { Failure } from "../failure.ts";
import { toPrintable } from "../printable.ts";

/** What is said where no client has this id. */
export function unknownClient(id: string): Failure {
  return new Failure("refused", `there is no client ${toPrintable(id)}: see dexctl clients list`);
}
