import type { Json } from "@dex/runtime";
import type { Actor } from "@dex/users";

/** Who may call a route: whoever holds the admin API secret, or whoever reaches the port. */
export type Permission = "admin api secret" | "anybody";

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
  readonly status: 200 | 204 | 503;
  readonly body?: Json;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly permission: Permission;
  readonly handle: (call: ApiCall) => Promise<ApiReply>;
}

const PERMISSIONS: readonly string[] = ["admin api secret", "anybody"] satisfies readonly Permission[];

/** Throws when a route does not say who may call it: the process must not start with an open door (ADM-2). */
export function assertPermissions(routes: readonly { method: string; path: string; permission?: unknown }[]): void {
  for (const { method, path, permission } of routes) {
    if (typeof permission !== "string" || !PERMISSIONS.includes(permission)) {
      throw new Error(`route ${method} ${path} declares no permission`);
    }
  }
}
