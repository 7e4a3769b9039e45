// The management API of a worker, used as any admin client would: discovery, a token by client credentials, requests.
import { isLoopback, type Logger, type Secret } from "@dex/runtime";
import { z } from "zod";
import { Failure } from "../failure.ts";
import type { Management } from "../management.ts";
import { toPrintable } from "../printable.ts";
import { type ApiCaller, errorAnswer, expectStatus, isUnknown, jsonObject, parseAnswer } from "./api-answers.ts";
import { makeHttpBackchannel } from "./http-backchannel.ts";
import { makeHttpClientKeys } from "./http-client-keys.ts";
import { makeHttpClientSecrets } from "./http-client-secrets.ts";
import { makeHttpResources } from "./http-resources.ts";
import { makeHttpUsers } from "./http-users.ts";
import { request } from "./request.ts";

/** Discovery and token together: an issuer that cannot be reached is reported within five seconds. */
const SIGN_IN_MILLISECONDS = 4_300;
/** A check of a connector may take 30 s. */
const API_MILLISECONDS = 40_000;

const metadata = z.object({ issuer: z.string(), token_endpoint: z.string() });
const tokenAnswer = z.object({ access_token: z.string().min(1), token_type: z.string().regex(/^bearer$/i) });
const createdClient = z.object({
  client: z.object({ id: z.string(), secret: z.string().optional(), redirectURIs: z.array(z.string()).optional() }),
});
const clientList = z.object({ clients: z.array(jsonObject) });
const checkedConnector = z.object({
  steps: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
});
const connectorList = z.object({ connectors: z.array(jsonObject) });

/** The HTTP API of `issuer` as seen by the admin client `clientId`. Signs in at the first call. */
export function makeHttpManagement(parts: {
  issuer: string;
  clientId: string;
  clientSecret: Secret<string>;
  logger: Logger;
}): Management {
  const { issuer, logger } = parts;
  const base = issuer.replace(/\/$/, "");
  let signedIn: Promise<string> | undefined;

  const call: ApiCaller = async (method, path, body) => {
    signedIn ??= signIn(parts, base);
    const token = await signedIn;
    logger.debug("calling the management API", { method, path });
    return await request(`${base}/api/v1${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        Accept: "application/json",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(API_MILLISECONDS),
    });
  };

  return {
    ...makeHttpUsers(call),
    ...makeHttpBackchannel(call),
    ...makeHttpClientKeys(call),
    ...makeHttpClientSecrets(call),
    ...makeHttpResources(call),
    async createClient(client) {
      const answer = expectStatus(201, await call("POST", "/clients", { client }));
      const created = parseAnswer(createdClient, answer, "a created client").client;
      return { id: created.id, secret: created.secret, redirectUris: created.redirectURIs ?? [] };
    },
    async listClients() {
      return parseAnswer(clientList, expectStatus(200, await call("GET", "/clients")), "a list of clients").clients;
    },
    async changeClient(clientId, client) {
      const answer = await call("PATCH", `/clients/${encodeURIComponent(clientId)}`, { client });
      if (isUnknown(answer)) return "unknown";
      expectStatus(204, answer);
      return "done";
    },
    async deleteClient(clientId) {
      const answer = await call("DELETE", `/clients/${encodeURIComponent(clientId)}`);
      if (isUnknown(answer)) return "unknown";
      expectStatus(204, answer);
      return "deleted";
    },
    async listConnectors() {
      const answer = expectStatus(200, await call("GET", "/connectors"));
      return parseAnswer(connectorList, answer, "a list of connectors").connectors;
    },
    async saveConnector({ id, ...connector }) {
      expectStatus(200, await call("PUT", `/connectors/${encodeURIComponent(id)}`, { connector }));
    },
    async removeConnector(id) {
      const answer = await call("DELETE", `/connectors/${encodeURIComponent(id)}`);
      if (isUnknown(answer)) return "unknown";
      expectStatus(204, answer);
      return "removed";
    },
    async checkConnector(id) {
      const answer = await call("POST", `/connectors/${encodeURIComponent(id)}/check`);
      if (isUnknown(answer)) return "unknown";
      return parseAnswer(checkedConnector, expectStatus(200, answer), "what was tried").steps;
    },
    async replaceConnectors(connectors) {
      const answer = expectStatus(200, await call("PUT", "/connectors", { connectors }));
      return parseAnswer(connectorList, answer, "the saved connectors").connectors.length;
    },
  };
}

/** An access token by RFC 6749 §4.4, at the token endpoint that discovery names. */
async function signIn(
  parts: { issuer: string; clientId: string; clientSecret: Secret<string>; logger: Logger },
  base: string,
): Promise<string> {
  const signal = AbortSignal.timeout(SIGN_IN_MILLISECONDS);
  const discoveryUrl = `${base}/.well-known/openid-configuration`;
  parts.logger.debug("reading discovery", { url: discoveryUrl });
  const discovery = await request(discoveryUrl, { method: "GET", headers: { Accept: "application/json" }, signal });
  if (discovery.status !== 200) {
    throw new Failure(
      "refused",
      `${discoveryUrl} answered ${discovery.status}, expected 200: is ${parts.issuer} the issuer's exact URL?`,
    );
  }
  const { issuer, token_endpoint } = parseAnswer(metadata, discovery, "discovery metadata");
  // OIDC Discovery §4.3: or anyone who can serve a file below an origin could collect its clients' secrets.
  if (issuer !== parts.issuer) {
    throw new Failure(
      "refused",
      `the issuer at ${parts.issuer} calls itself ${toPrintable(issuer)}: give that as --issuer if it is the one you mean`,
    );
  }
  const endpoint = URL.parse(token_endpoint);
  if (
    endpoint === null ||
    !(endpoint.protocol === "https:" || (endpoint.protocol === "http:" && isLoopback(endpoint)))
  ) {
    throw new Failure("refused", `the token endpoint of ${parts.issuer} is not https: ${toPrintable(token_endpoint)}`);
  }
  parts.logger.debug("requesting an access token", { url: endpoint.href, clientId: parts.clientId });
  const answer = await request(endpoint.href, {
    method: "POST",
    headers: {
      Authorization: basicCredentials(parts.clientId, parts.clientSecret.reveal()),
      Accept: "application/json",
      "Content-Type": "application/x-www-form-urlencoded",
    },
    body: "grant_type=client_credentials",
    signal,
  });
  if (answer.status === 401 || errorAnswer.safeParse(answer.body).data?.error === "invalid_client") {
    throw new Failure(
      "refused",
      `the issuer did not accept client ${toPrintable(parts.clientId)} with this secret: check --client-id and the secret`,
    );
  }
  return parseAnswer(tokenAnswer, expectStatus(200, answer), "an access token").access_token;
}

/** RFC 6749 §2.3.1: both halves are form-encoded before they are joined, so a colon or a space in either is safe. */
export function basicCredentials(clientId: string, clientSecret: string): string {
  const pair = [clientId, clientSecret].map((half) => new URLSearchParams([["", half]]).toString().slice(1));
  return `Basic ${Buffer.from(pair.join(":")).toString("base64")}`;
}
