import type { Json } from "@dex/runtime";
import type { Actor } from "@dex/users";
import type { z } from "zod";
import { ApiError, type ApiErrorCode } from "./api-error.ts";

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
  readonly status: 200 | 201 | 204 | 503;
  readonly body?: Json;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiRoute<Permission extends string> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** There is no default: a route that does not say who may call it does not compile (ADM-2). */
  readonly permission: Permission;
  /** What a body must be. Without it none is read. */
  readonly body?: z.ZodType;
  readonly handle: (call: ApiCall) => Promise<ApiReply>;
}

/** The members of a route that takes a body of this schema and refuses any other with `code`, saying what is expected. */
export function withBody<Body>(
  refusal: { schema: z.ZodType<Body>; code: ApiErrorCode; expected: string },
  handle: (call: ApiCall & { readonly body: Body }) => Promise<ApiReply>,
): Required<Pick<ApiRoute<string>, "body" | "handle">> {
  const { schema, code, expected } = refusal;
  return {
    body: schema,
    async handle(call) {
      const parsed = schema.safeParse(call.body);
      if (!parsed.success) throw new ApiError(code, `expected ${expected}`);
      return await handle({ ...call, body: parsed.data });
    },
  };
}

/** Throws when a route does not say who may call it: the process must not start with an open door (ADM-2). */
export function assertPermissions(
  routes: readonly { method: string; path: string; permission?: unknown }[],
  permissions: readonly string[],
): void {
  for (const { method, path, permission } of routes) {
    if (typeof permission !== "string" || !permissions.includes(permission)) {
      throw new Error(`route ${method} ${path} declares no permission`);
    }
  }
}
