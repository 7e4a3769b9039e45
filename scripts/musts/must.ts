/** One thing that a document demands of a server such as dex, in our words. */
export interface Must {
  /** Section of the document, such as 4.1.2. */
  readonly section: string;
  readonly must: string;
  /** Texts that stand in the names of the tests that hold it: `RED-1`, `oidcc-codereuse`, or words of a name. */
  readonly heldBy: readonly [string, ...string[]];
  /** How dex differs on purpose, and why; the tests hold what it does. */
  readonly different?: string;
}

/** What one document demands. */
export interface Document {
  /** Such as RFC 6749. */
  readonly name: string;
  /** Where the name does not say it. */
  readonly title?: string;
  readonly musts: readonly Must[];
}
