import { decodeBase64Url, type Sealer } from "@dex/runtime";
import { z } from "zod";

const CONTEXT = "page of users";
const MAX_LENGTH = 2048;
/** How many entries a page has where nothing is said, and how many at most. */
export const DEFAULT_PAGE = 20;
export const MAX_PAGE = 100;

const filterShape = z.strictObject({
  emailPrefix: z.string().max(254).optional(),
  admin: z.boolean().optional(),
  disabled: z.boolean().optional(),
  emailVerified: z.boolean().optional(),
});
const pageShape = z.strictObject({
  after: z.string().min(1).max(1024),
  limit: z.int().min(1).max(MAX_PAGE),
  filter: filterShape,
});

/** Where a list goes on, with what it is narrowed to and how long its pages are. */
export type PageState = z.infer<typeof pageShape>;

/**
 * The tokens that lead to a next page. They are sealed: nobody can make one up, and none gives an address away in a URL.
 * What is inside could be asked for in a query as well, and is checked all the same (ADM-4).
 */
export interface PageTokens {
  issue(state: PageState): string;
  /** Undefined for what is no page token of ours. */
  read(token: string): PageState | undefined;
}

export function makePageTokens(sealer: Sealer): PageTokens {
  return {
    issue: (state) => sealer.seal(Buffer.from(JSON.stringify(state)), CONTEXT).toString("base64url"),
    read(token) {
      const sealed = token.length > MAX_LENGTH ? undefined : decodeBase64Url(token);
      const plaintext = sealed === undefined ? undefined : sealer.open(sealed, CONTEXT)?.plaintext;
      if (plaintext === undefined) return undefined;
      return pageShape.safeParse(JSON.parse(plaintext.toString())).data; // only we can seal, so this is JSON
    },
  };
}
