import { type HttpClient, jsonOf } from "../http-client.ts";
import type { BenchmarkClient } from "../system.ts";

/** A token request with client_secret_basic, RFC 6749 §2.3.1. Throws unless tokens were issued. */
export async function requestToken(
  http: HttpClient,
  issuer: string,
  client: BenchmarkClient,
  params: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, unknown>>> {
  const credentials = `${encodeURIComponent(client.id)}:${encodeURIComponent(client.secret)}`;
  const authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;
  const form = new URLSearchParams(params);
  return jsonOf(await http.send({ method: "POST", url: `${issuer}/token`, headers: { authorization }, form }));
}
