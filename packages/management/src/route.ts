import type { Client } from "@dex/oidc";
import type { Json } from "@dex/runtime";
import type { Actor } from "@dex/users";
import type { z } from "zod";
import { ApiError, type ApiErrorCode } from "./api-error.ts";

/** Who calls. */
export interface Caller {
  readonly actor: Actor;
  /** The admin clients that the caller speaks through: where mailed links may lead. */
  readonly clients: readonly Client[];
}

/** An authorized call of one route. */
export interface ApiCall<Parameter extends string = string, Query = unknown, Body = unknown> extends Caller {
  readonly now: Date;
  /** The variable segments of the path, decoded and otherwise unchecked. */
  readonly params: Readonly<Record<Parameter, string>>;
  /** The query, for routes that take one. */
  readonly query: Query;
  /** The JSON of the body, for routes that take one. */
  readonly body: Body;
}

export interface ApiReply {
  readonly status: AnswerStatus;
  readonly body?: Json;
  readonly headers?: Readonly<Record<string, string>>;
}
export type AnswerStatus = 200 | 201 | 204 | 503;

/** What a route answers; without a schema, nothing. */
export interface ApiAnswer {
  readonly description: string;
  readonly schema?: z.ZodType;
}

/** What a body must be. */
export interface ApiBody<Body> {
  readonly schema: z.ZodType<Body>;
  /** What another body is refused with, and the code of a member that has one of its own. */
  readonly code: ApiErrorCode;
  readonly memberCodes?: Readonly<Record<string, ApiErrorCode>>;
  /** What the service behind checks, where that is more than the route does. For the description alone. */
  readonly described?: z.ZodType;
}

interface RouteFacts<Permission extends string> {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** There is no default: a route that does not say who may call it does not compile (ADM-2). */
  readonly permission: Permission;
  /** Its name in the OpenAPI document, unique in its API. */
  readonly operationId: string;
  readonly summary: string;
  readonly answers: Readonly<Partial<Record<AnswerStatus, ApiAnswer>>>;
  /** Codes of refusals beside those that the API has for every route. */
  readonly refusals: readonly ApiErrorCode[];
}

export interface ApiRoute<Permission extends string> extends RouteFacts<Permission> {
  readonly path: string;
  readonly query?: z.ZodType;
  /** Without it none is read. */
  readonly body?: ApiBody<unknown>;
  readonly handle: (call: ApiCall) => Promise<ApiReply>;
}

/** The names behind the colons of a path. */
type ParameterOf<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | ParameterOf<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never;

/** A route whose handler gets a query and a body that are what their schemas say; any other is refused before it. */
export function makeRoute<Permission extends string, Path extends string, Query = undefined, Body = undefined>(
  definition: RouteFacts<Permission> & {
    readonly path: Path;
    readonly query?: z.ZodType<Query>;
    readonly body?: ApiBody<Body>;
    readonly handle: (call: ApiCall<ParameterOf<Path>, Query, Body>) => Promise<ApiReply>;
  },
): ApiRoute<Permission> {
  const { query, body, handle } = definition;
  return {
    ...definition,
    async handle(call) {
      return await handle({
        ...call,
        // Nothing is parsed where a route takes nothing: Query and Body are then undefined, and so is what is handed on.
        query: query === undefined ? (undefined as Query) : parse(query, call.query, () => "invalid_request", "query"),
        body: body === undefined ? (undefined as Body) : parse(body.schema, call.body, codeOf(body), "body"),
      });
    },
  };
}

type CodeOfMember = (member: string) => ApiErrorCode;

function codeOf({ code, memberCodes }: ApiBody<unknown>): CodeOfMember {
  return (member) => memberCodes?.[member] ?? code;
}

/** Throws ApiError that names the first member that is not as it should be, never its value. */
function parse<T>(schema: z.ZodType<T>, input: unknown, code: CodeOfMember, whole: string): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const member = issue?.path.join(".") ?? "";
  throw new ApiError(code(member), `${member === "" ? whole : member}: ${issue?.message ?? "is not valid"}`);
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
