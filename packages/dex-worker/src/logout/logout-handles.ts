// A request to sign out, once it was read and checked, on its way through pages: sealed, so that nobody else writes one.
import type { LogoutRequest } from "@dex/oidc";
import { addSeconds, decodeBase64Url, type Sealer } from "@dex/runtime";
import { z } from "zod";

const LIFETIME_SECONDS = 600;
const MAX_LENGTH = 8 * 1024;

const shape = z.object({
  hint: z.object({ subject: z.string(), sector: z.string().optional(), sid: z.string().optional() }).optional(),
  clientId: z.string().optional(),
  returnTo: z.string().optional(),
  expiresAt: z.number(),
});

/** Where a handle stands: one made for the address of a page is none in the cookie of a way back. */
export type LogoutHandlePlace = "page" | "way back";

export interface LogoutHandles {
  seal(request: LogoutRequest, place: LogoutHandlePlace, now: Date): string;
  /** Undefined for what was not made by us, for this place, within ten minutes before `now`. */
  open(handle: string, place: LogoutHandlePlace, now: Date): LogoutRequest | undefined;
}

export function makeLogoutHandles(sealer: Sealer): LogoutHandles {
  return {
    seal(request, place, now) {
      const content = { ...request, expiresAt: addSeconds(now, LIFETIME_SECONDS).getTime() };
      return sealer.seal(Buffer.from(JSON.stringify(content)), place).toString("base64url");
    },
    open(handle, place, now) {
      const sealed = handle.length > MAX_LENGTH ? undefined : decodeBase64Url(handle);
      const opened = sealed && sealer.open(sealed, place);
      if (opened === undefined) return undefined;
      const { hint, clientId, returnTo, expiresAt } = shape.parse(JSON.parse(opened.plaintext.toString()));
      if (expiresAt <= now.getTime()) return undefined;
      return { hint: hint && { subject: hint.subject, sector: hint.sector, sid: hint.sid }, clientId, returnTo };
    },
  };
}
