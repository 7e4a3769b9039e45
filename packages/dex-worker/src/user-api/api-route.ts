import type { Json } from "@dex/runtime";
import type { Actor } from "@dex/users";
import type { Permission } from "./access.ts";

/** An authorized call of one route. */
export interface ApiCall {
  readonly now: Date;
  readonly actor: Actor;
  /** The last segment of the path, for routes that have one in their path; decoded. */
  readonly id: string;
  /** The JSON of the body, for routes that take one. */
  readonly body: unknown;
}

export interface ApiReply {
  readonly status: 200 | 201 | 204;
  readonly body?: Json;
}

export interface ApiRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** There is no default: a route that does not say who may call it does not compile (ADM-2). */
  readonly permission: Permission;
  readonly handle: (call: ApiCall) => Promise<ApiReply>;
}
