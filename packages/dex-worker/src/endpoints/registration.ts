import type { ClientManagement, ClientManagementRequest, RegistrationEndpoint } from "@dex/oidc";
import type { Clock } from "@dex/runtime";
import type { Request, RequestHandler } from "express";
import { readQuery } from "../middleware/form-body.ts";
import { setTokenHeaders } from "../middleware/headers.ts";
import { readJsonBody } from "../middleware/json-body.ts";
import { soleHeader } from "../middleware/sole-header.ts";

/** Where clients register themselves, and where they manage that. */
export interface ClientRegistration {
  readonly endpoint: RegistrationEndpoint;
  readonly management: ClientManagement;
}

/** The client registration endpoint over HTTP, RFC 7591 §3. No other origin may call it (NET-7). */
export function makeRegistrationHandler(registration: RegistrationEndpoint, clock: Clock): RequestHandler {
  return async (request, response) => {
    setTokenHeaders(response);
    const answer = await registration.handle(toRequest(request), clock());
    response.status(201).json(answer);
  };
}

/** The client configuration endpoint over HTTP, RFC 7592 §2, by method. No other origin may call it (NET-7). */
export function makeManagementHandlers(
  management: ClientManagement,
  clock: Clock,
): Readonly<Record<"GET" | "PUT" | "DELETE", RequestHandler>> {
  const ofClient = (request: Request): ClientManagementRequest => ({
    ...toRequest(request),
    clientId: String(request.params.clientId),
  });
  return {
    GET: async (request, response) => {
      setTokenHeaders(response);
      response.json(await management.read(ofClient(request)));
    },
    PUT: async (request, response) => {
      setTokenHeaders(response);
      response.json(await management.replace(ofClient(request), clock()));
    },
    DELETE: async (request, response) => {
      setTokenHeaders(response);
      await management.delete(ofClient(request));
      response.status(204).end();
    },
  };
}

function toRequest(request: Request) {
  return {
    authorization: soleHeader(request.headersDistinct.authorization),
    query: readQuery(request),
    source: request.ip ?? "",
    readBody: () => readJsonBody(request),
  };
}
