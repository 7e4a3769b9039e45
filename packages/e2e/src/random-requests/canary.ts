/** Stands in hostile values: where it comes back as it is in HTML, or as a header, somebody forgot to escape. */
export const CANARY = "zq9";
