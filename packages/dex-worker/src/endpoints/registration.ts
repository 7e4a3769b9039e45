import type { RegistrationEndpoint } from "@dex/oidc";
import type { Clock } from "@dex/runtime";
import type { RequestHandler } from "express";
import { readQuery } from "../middleware/form-body.ts";
import { setTokenHeaders } from "../middleware/headers.ts";
import { readJsonBody } from "../middleware/json-body.ts";
import { soleHeader } from "../middleware/sole-header.ts";

/** The client registration endpoint over HTTP, RFC 7591 §3. No other origin may call it (NET-7). */
export function makeRegistrationHandler(registration: RegistrationEndpoint, clock: Clock): RequestHandler {
  return async (request, response) => {
    setTokenHeaders(response);
    const answer = await registration.handle(
      {
        authorization: soleHeader(request.headersDistinct.authorization),
        query: readQuery(request),
        source: request.ip ?? "",
        readBody: () => readJsonBody(request),
      },
      clock(),
    );
    response.status(201).json(answer);
  };
}
