/** The version of all of dex. */
export const VERSION = "0.1.0";
