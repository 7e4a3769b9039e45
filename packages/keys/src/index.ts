export type * from "./signing-key.ts";
