import { type HttpAnswer, type HttpClient, jsonOf } from "../http-client.ts";
import type { BenchmarkClient } from "../system.ts";

type Params = Readonly<Record<string, string>>;

/** A token request with client_secret_basic, RFC 6749 §2.3.1. Throws unless tokens were issued. */
export async function requestToken(
  http: HttpClient,
  issuer: string,
  client: BenchmarkClient,
  params: Params,
): Promise<Readonly<Record<string, unknown>>> {
  return jsonOf(await sendForm(http, `${issuer}/token`, client, params));
}

/** A form to an endpoint for clients, with client_secret_basic and the headers beside it. */
export function sendForm(
  http: HttpClient,
  url: string,
  client: BenchmarkClient,
  params: Params,
  more: Params = {},
): Promise<HttpAnswer> {
  const credentials = `${encodeURIComponent(client.id)}:${encodeURIComponent(client.secret)}`;
  const authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;
  return http.send({ method: "POST", url, headers: { ...more, authorization }, form: new URLSearchParams(params) });
}
