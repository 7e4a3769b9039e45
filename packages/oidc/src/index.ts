export type * from "./clients/client.ts";
export type * from "./endpoints/authorization-request.ts";
export * from "./login-state/login-state.ts";
export type * from "./ports.ts";
