import type { Document } from "./must.ts";

/** RFC 6749. */
export const oauth: Document = {
  name: "RFC 6749",
  title: "The OAuth 2.0 Authorization Framework",
  musts: [
    {
      section: "3.1.2.3",
      must: "compare redirect_uri with the registered ones as strings",
      heldBy: ["RED-1"],
    },
    {
      section: "4.1.2",
      must: "refuse a code that is used a second time",
      heldBy: ["TOK-1", "oidcc-codereuse"],
    },
  ],
};
