export type * from "./user.ts";
