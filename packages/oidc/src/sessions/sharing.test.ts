import { describe, expect, test } from "vitest";
import { OWN_PAGES_CLIENT_ID } from "../login-state/login-state.ts";
import { isSharedWith, type Sharing } from "./sharing.ts";

interface Row {
  readonly when: string;
  readonly provedFor?: readonly string[];
  readonly knownToClient?: boolean;
  readonly byDefault?: Sharing["byDefault"];
  readonly says?: Readonly<Record<string, readonly string[] | undefined>>;
  readonly client?: string;
  readonly shared: boolean;
}
const A = ["a"];
const rows: readonly Row[] = [
  { when: "nobody says anything, as ever", provedFor: A, shared: true },
  { when: "nobody says anything, by default with none", provedFor: A, byDefault: "none", shared: false },
  { when: "the client is the one signed in to", provedFor: A, client: "a", says: { a: [] }, shared: true },
  { when: "a shares with b", provedFor: A, says: { a: ["c", "b"] }, byDefault: "none", shared: true },
  { when: "a shares with another", provedFor: A, says: { a: ["c"] }, shared: false },
  { when: "a shares with nobody", provedFor: A, says: { a: [] }, shared: false },
  { when: "a shares with everybody", provedFor: A, says: { a: ["*"] }, byDefault: "none", shared: true },
  { when: "b shares with a, and not a with b", provedFor: A, says: { a: [], b: ["a"] }, shared: false },
  { when: "a shares with b and b with c", provedFor: A, says: { a: ["b"], b: ["c"] }, client: "c", shared: false },
  { when: "one of two shares", provedFor: ["a", "c"], says: { a: [], c: ["b"] }, byDefault: "none", shared: true },
  { when: "neither of two shares", provedFor: ["a", "c"], says: { a: [], c: ["a"] }, shared: false },
  { when: "b was answered before", provedFor: A, knownToClient: true, says: { a: [] }, shared: true },
  { when: "nobody knows whom the sign-in was for", shared: true },
  { when: "nobody knows, and by default it is for none", byDefault: "none", shared: false },
  { when: "a is gone", provedFor: A, says: {}, byDefault: "none", shared: false },
  { when: "our own pages ask", provedFor: A, client: OWN_PAGES_CLIENT_ID, says: { a: [] }, shared: true },
  { when: "the sign-in was for our own pages", provedFor: [OWN_PAGES_CLIENT_ID], byDefault: "none", shared: false },
];

describe("a session for client b", () => {
  test.each(rows)("is shared: $shared, when $when (dex v2 ssoSharedWith)", (row) => {
    const { provedFor, knownToClient = false, byDefault = "all", says = {}, client = "b" } = row;
    const sharing = { byDefault, sharedWith: new Map(Object.entries(says)) };
    expect(isSharedWith(client, { provedFor, knownToClient }, sharing)).toBe(row.shared);
  });
});
