// The description of an API, OpenAPI 3.1, made of the very routes and schemas that answer its requests.
import { type Json, type JsonObject, VERSION } from "@dex/runtime";
import { z } from "zod";
import { type ApiErrorCode, statusOf } from "./api-error.ts";
import { backchannelRequestShape } from "./backchannel-request-routes.ts";
import { clientShape, connectorShape } from "./client-shapes.ts";
import type { ApiConventions } from "./conventions.ts";
import { mailShape } from "./mail-routes.ts";
import { type ApiAnswer, type ApiRoute, makeRoute } from "./route.ts";
import { identityShape, refreshClientShape, refreshTokenShape, userShape } from "./user-shapes.ts";

const SCHEMAS = "#/components/schemas/";

/** What an API says of itself beside its routes. */
export interface OpenApiFacts<Permission extends string> {
  readonly title: string;
  readonly description: string;
  /** What the paths are appended to. */
  readonly server: string;
  readonly securitySchemes: JsonObject;
  /** Which of the schemes open a route; none means that anybody may call it. */
  readonly security: (permission: Permission) => readonly JsonObject[];
  /** Codes with which whoever may not call a route is refused. */
  readonly accessRefusals: (permission: Permission) => readonly ApiErrorCode[];
  readonly conventions: Pick<ApiConventions, "codes">;
}

/** Routes that serve the description of `routes` and of themselves, one for each path with its operationId. */
export function makeOpenApiRoutes<Permission extends string>(parts: {
  readonly routes: readonly ApiRoute<Permission>[];
  readonly paths: Readonly<Record<string, string>>;
  /** Who may read it. */
  readonly permission: Permission;
  readonly facts: OpenApiFacts<Permission>;
}): readonly ApiRoute<Permission>[] {
  const serving: readonly ApiRoute<Permission>[] = Object.entries(parts.paths).map(([path, operationId]) =>
    makeRoute({
      method: "GET",
      path,
      permission: parts.permission,
      operationId,
      summary: "This description",
      answers: { 200: { description: "An OpenAPI 3.1 document.", schema: documentShape } },
      refusals: [],
      handle: async () => ({ status: 200, body: document }),
    }),
  );
  const document: JsonObject = renderOpenApi([...parts.routes, ...serving], parts.facts);
  return serving;
}

const documentShape = z.looseObject({ openapi: z.string(), info: z.looseObject({}), paths: z.looseObject({}) });
const errorShape = z.strictObject({
  error: z.string().describe("A stable code."),
  error_description: z.string().describe("For people.").optional(),
});
/** Parts of bodies that have a name of their own. */
const NAMED: Readonly<Record<string, z.ZodType>> = {
  Error: errorShape,
  User: userShape,
  RemoteIdentity: identityShape,
  RefreshClient: refreshClientShape,
  RefreshToken: refreshTokenShape,
  BackchannelRequest: backchannelRequestShape,
  Client: clientShape,
  Connector: connectorShape,
  Mail: mailShape,
};

function renderOpenApi<Permission extends string>(
  routes: readonly ApiRoute<Permission>[],
  facts: OpenApiFacts<Permission>,
): JsonObject {
  const names = nameSchemas(routes);
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: renderOperation(route, names, facts) };
  }
  return {
    openapi: "3.1.1",
    info: { title: facts.title, description: facts.description, version: VERSION, license: LICENSE },
    servers: [{ url: facts.server }],
    paths,
    components: { schemas: renderSchemas(names), securitySchemes: facts.securitySchemes },
  };
}

const LICENSE = { name: "Apache-2.0", identifier: "Apache-2.0" };

/** Every body and answer gets a name, after its operation where it has none. */
function nameSchemas(routes: readonly ApiRoute<string>[]): ReadonlyMap<z.ZodType, string> {
  const names = new Map<z.ZodType, string>(Object.entries(NAMED).map(([name, schema]) => [schema, name]));
  const add = (schema: z.ZodType | undefined, name: string) => {
    if (schema !== undefined && !names.has(schema)) names.set(schema, name);
  };
  for (const { operationId, body, answers } of routes) {
    const name = operationId.charAt(0).toUpperCase() + operationId.slice(1);
    add(body?.described ?? body?.schema, `${name}Request`);
    for (const [status, { schema }] of statusesOf(answers)) add(schema, `${name}Answer${status === 503 ? status : ""}`);
  }
  return names;
}

function renderSchemas(names: ReadonlyMap<z.ZodType, string>): JsonObject {
  const registry = z.registry<{ id: string }>();
  for (const [schema, id] of names) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { io: "input", unrepresentable: "any", uri: (id) => SCHEMAS + id });
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, withoutHeading(schema)]));
}

/** OpenAPI says for the whole document what stands at the top of a schema of its own. */
function withoutHeading(schema: unknown): JsonObject {
  const { $schema: _, $id: __, ...rest } = z.record(z.string(), z.json()).parse(schema);
  return rest;
}

function renderOperation<Permission extends string>(
  route: ApiRoute<Permission>,
  names: ReadonlyMap<z.ZodType, string>,
  facts: OpenApiFacts<Permission>,
): JsonObject {
  const { operationId, summary, body, answers } = route;
  const bodySchema = body?.described ?? body?.schema;
  const parameters = [...pathParameters(route.path), ...queryParameters(route.query)];
  return {
    operationId,
    summary,
    security: facts.security(route.permission),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(bodySchema === undefined ? {} : { requestBody: { required: true, content: jsonOf(refTo(bodySchema, names)) } }),
    responses: {
      ...Object.fromEntries(statusesOf(answers).map(([status, answer]) => [status, renderAnswer(answer, names)])),
      ...renderRefusals(route, facts, answers),
    },
  };
}

function pathParameters(path: string): readonly JsonObject[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters(query: z.ZodType | undefined): readonly JsonObject[] {
  if (query === undefined) return [];
  // What a value means, not the text that it is in the query: OpenAPI writes an integer there as its digits.
  const { properties } = withoutHeading(z.toJSONSchema(query, { io: "output" }));
  return Object.entries(z.record(z.string(), z.record(z.string(), z.json())).parse(properties)).map(
    ([name, { description, ...schema }]) => ({
      name,
      in: "query",
      ...(description === undefined ? {} : { description }),
      schema,
    }),
  );
}

function renderAnswer({ description, schema }: ApiAnswer, names: ReadonlyMap<z.ZodType, string>): JsonObject {
  return schema === undefined ? { description } : { description, content: jsonOf(refTo(schema, names)) };
}

/** Refusals by status, each with the codes that it may have there. */
function renderRefusals<Permission extends string>(
  route: ApiRoute<Permission>,
  { accessRefusals, conventions }: OpenApiFacts<Permission>,
  answers: ApiRoute<Permission>["answers"],
): JsonObject {
  const codes = new Map<number, Set<string>>();
  for (const code of [...accessRefusals(route.permission), ...refusalsOf(route)]) {
    const status = statusOf(code);
    codes.set(status, (codes.get(status) ?? new Set()).add(conventions.codes[code] ?? code));
  }
  const rendered = [...codes]
    .filter(([status]) => !(status in answers))
    .map(([status, found]): [string, Json] => {
      const schema = { allOf: [{ $ref: `${SCHEMAS}Error` }], properties: { error: { enum: [...found].sort() } } };
      return [String(status), { description: [...found].sort().join(", "), content: jsonOf(schema) }];
    });
  return Object.fromEntries(rendered);
}

function refusalsOf({ path, query, body, refusals }: ApiRoute<string>): readonly ApiErrorCode[] {
  const ofBody: readonly ApiErrorCode[] = ["invalid_request", "payload_too_large", "unsupported_media_type"];
  return [
    ...refusals,
    ...(body === undefined ? [] : [body.code, ...Object.values(body.memberCodes ?? {}), ...ofBody]),
    ...(query === undefined && !path.includes(":") ? [] : ["invalid_request" as const]),
    "server_error",
    "temporarily_unavailable",
  ];
}

function statusesOf(answers: ApiRoute<string>["answers"]): readonly [number, ApiAnswer][] {
  return Object.entries(answers).flatMap(([status, answer]) =>
    answer === undefined ? [] : [[Number(status), answer]],
  );
}

function refTo(schema: z.ZodType, names: ReadonlyMap<z.ZodType, string>): JsonObject {
  const name = names.get(schema);
  if (name === undefined) throw new Error("a schema of a route has no name");
  return { $ref: SCHEMAS + name };
}

function jsonOf(schema: JsonObject): JsonObject {
  return { "application/json": { schema } };
}
