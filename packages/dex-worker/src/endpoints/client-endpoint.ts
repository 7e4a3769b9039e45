import type { ClientAnswer, ClientEndpoint, ClientRequest } from "@dex/oidc";
import type { Clock } from "@dex/runtime";
import type { Request, RequestHandler, Response } from "express";
import type { ReadClientCertificate } from "../middleware/client-certificate.ts";
import { readForm, readQuery } from "../middleware/form-body.ts";
import { setTokenHeaders } from "../middleware/headers.ts";
import { soleHeader } from "../middleware/sole-header.ts";
import { allowClientOrigin, answerPreflight } from "./cross-origin.ts";

/** The methods of an endpoint that clients post a form to. Nothing it answers may be kept (TOK-12). */
export function makeClientEndpointHandlers(
  endpoint: ClientEndpoint,
  parts: {
    readonly isClientOrigin: (origin: string) => Promise<boolean>;
    readonly readClientCertificate: ReadClientCertificate;
    readonly clock: Clock;
  },
): { readonly POST: RequestHandler; readonly OPTIONS?: RequestHandler } {
  const { isClientOrigin, clock } = parts;
  const POST: RequestHandler = async (request, response) => {
    setTokenHeaders(response);
    if (endpoint.crossOrigin) await allowClientOrigin(request, response, isClientOrigin);
    send(response, await endpoint.handle(await readClientRequest(request, parts), clock()));
  };
  if (!endpoint.crossOrigin) return { POST };
  return {
    POST,
    OPTIONS: async (request, response) => {
      await allowClientOrigin(request, response, isClientOrigin);
      answerPreflight(request, response, "POST");
    },
  };
}

async function readClientRequest(
  request: Request,
  { readClientCertificate }: { readonly readClientCertificate: ReadClientCertificate },
): Promise<ClientRequest> {
  return {
    clientCertificate: readClientCertificate(request),
    authorization: soleHeader(request.headersDistinct.authorization),
    contentType: request.headers["content-type"],
    query: readQuery(request),
    body: await readForm(request),
    source: request.ip ?? "",
    accept: request.headers.accept,
    dpop: request.headersDistinct.dpop,
  };
}

function send(response: Response, answer: ClientAnswer): void {
  if (answer.dpopNonce !== undefined) response.setHeader("DPoP-Nonce", answer.dpopNonce);
  if (answer.kind === "empty") response.status(200).end();
  else if (answer.kind === "jwt") response.status(200).setHeader("Content-Type", answer.contentType).end(answer.jwt);
  else response.status(answer.status).json(answer.body);
}
