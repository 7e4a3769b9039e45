// Holds what an API answers against what its OpenAPI document says it answers.
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

interface Operation {
  readonly operationId: string;
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}
type Content = Readonly<Record<string, { readonly schema: object }>>;

/** What is read of a document. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

export interface OpenApiChecker {
  /** What is wrong with the document itself; empty when nothing is. */
  problems(): Promise<readonly string[]>;
  /** What is wrong with an answer of this operation; empty when it is as described. `body` is undefined when there is none. */
  checkAnswer(operationId: string, status: number, body: unknown): readonly string[];
  /** What is wrong with a body for this operation. */
  checkRequest(operationId: string, body: unknown): readonly string[];
  /** Every operation with its method and path, as the document has them. */
  readonly operations: readonly { readonly operationId: string; readonly method: string; readonly path: string }[];
}

/** Throws when a schema in the document is none. */
export function makeOpenApiChecker(document: OpenApiDocument): OpenApiChecker {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: "https://document.example/", ...document });
  const found = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  const compile = (schema: object): ValidateFunction => ajv.compile(toAbsolute(schema));
  for (const name of Object.keys(document.components.schemas)) compile({ $ref: `#/components/schemas/${name}` });

  function operationOf(operationId: string): Operation {
    const one = found.find(({ operation }) => operation.operationId === operationId);
    if (one === undefined) throw new Error(`the document has no operation ${operationId}`);
    return one.operation;
  }
  function check(schema: object | undefined, body: unknown): readonly string[] {
    if (schema === undefined) return body === undefined ? [] : ["a body where none is described"];
    const validate = compile(schema);
    if (validate(body)) return [];
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ""}`);
  }

  return {
    async problems() {
      const result = await new Validator().validate({ ...structuredClone(document) });
      return result.valid ? [] : [JSON.stringify(result.errors)];
    },
    checkAnswer(operationId, status, body) {
      const response = operationOf(operationId).responses[String(status)];
      if (response === undefined) return [`status ${status} is not described`];
      return check(response.content?.["application/json"]?.schema, body);
    },
    checkRequest: (operationId, body) =>
      check(operationOf(operationId).requestBody?.content["application/json"]?.schema, body),
    operations: found.map(({ method, path, operation }) => ({ operationId: operation.operationId, method, path })),
  };
}

/** References within the document, as they are written from outside of it. */
function toAbsolute(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"https://document.example/#/components/'));
}
