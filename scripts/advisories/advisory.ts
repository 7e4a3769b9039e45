/** What went wrong elsewhere, by its identifiers, and the words of the tests that hold it here, or why there is nothing to hold. */
export type Advisory =
  | readonly [ids: string, wrong: string, heldBy: readonly [string, ...string[]]]
  | readonly [ids: string, wrong: string, nothingToHold: string];

/** The advisories of one product, or of some that are alike. */
export interface AdvisoryGroup {
  readonly title: string;
  readonly advisories: readonly Advisory[];
}

export const NO_FACTORS = "there are no second factors in this release";
