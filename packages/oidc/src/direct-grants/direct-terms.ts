import type { JsonObject } from "@dex/runtime";

/** What tokens were derived from, the first ones too: families, and single access tokens by their ids. */
export interface Derivation {
  readonly families: readonly string[];
  readonly tokens: readonly string[];
}

/** What is to be known of a grant that no browser signed in for (direct-grants.ts), kept with its other terms. */
export interface DirectTerms {
  /** Set for each: it tells of no session, and of the time of the sign-in only where that is known. */
  readonly direct?: { readonly authTime: "known" | "unknown" };
  /** It stands while all of these do. */
  readonly derivedFrom?: Derivation;
  /** Who acts for the user, RFC 8693 §4.1: who did before is inside. */
  readonly act?: JsonObject;
}
