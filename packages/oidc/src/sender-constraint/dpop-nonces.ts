import { decodeBase64Url, type Sealer, toEpochSeconds } from "@dex/runtime";

/** A nonce is good for so long. */
export const DPOP_NONCE_LIFETIME_SECONDS = 300;
const CONTEXT = "dpop nonce";
const MAX_LENGTH = 200;

/** Values that a proof must hold to show that it was made just now, RFC 9449 §8. */
export interface DpopNonces {
  issue(now: Date): string;
  /** How many seconds ago a worker issued it: a little less than none by a faster clock. Undefined when none did. */
  ageOf(text: string, now: Date): number | undefined;
}

/** Nothing is remembered: a nonce is the sealed time of its making, so any worker takes what another one gave. */
export function makeDpopNonces(sealer: Sealer): DpopNonces {
  return {
    issue: (now) => sealer.seal(Buffer.from(String(toEpochSeconds(now))), CONTEXT).toString("base64url"),
    ageOf(text, now) {
      const sealed = text.length > MAX_LENGTH ? undefined : decodeBase64Url(text);
      const opened = sealed === undefined ? undefined : sealer.open(sealed, CONTEXT);
      return opened === undefined ? undefined : toEpochSeconds(now) - Number(opened.plaintext.toString());
    },
  };
}
