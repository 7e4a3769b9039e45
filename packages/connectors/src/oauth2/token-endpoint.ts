// What we ask of a token endpoint: tokens for a code (RFC 6749 §4.1.3, with the verifier of RFC 7636 §4.5), and for a
// refresh token (§6). Neither is ever sent twice because an answer was lost: the first may have been spent.
import type { BoundedFetch } from "../bounded-fetch.ts";
import { invalidAnswer, unavailable } from "../login-refused.ts";
import type { ClientAuthentication, OAuth2Provider } from "./provider.ts";
import { parseTokenAnswer, type ReceivedTokens, type TokenAnswer } from "./token-answer.ts";
import { isNotNow } from "./upstream-api.ts";

export interface CodeToRedeem {
  readonly code: string;
  /** Absent where the provider takes none. */
  readonly codeVerifier?: string;
  /** As it was in the authorization request; absent if it was absent there. */
  readonly redirect_uri?: string;
}

/** Throws LoginRefused or UpstreamUnreachable when there is no token. */
export interface TokenEndpoint {
  redeem(url: string, code: CodeToRedeem, signal: AbortSignal): Promise<ReceivedTokens>;
  refresh(url: string, refreshToken: string, signal: AbortSignal): Promise<ReceivedTokens>;
  /** Presents a code that nobody issued, and returns what was answered, and when by the server's own clock. */
  probe(
    url: string,
    code: CodeToRedeem,
    signal: AbortSignal,
  ): Promise<{ readonly answer: TokenAnswer; readonly date: string | null }>;
}

interface Asked {
  readonly answer: TokenAnswer;
  readonly date: string | null;
}
type Style = Exclude<ClientAuthentication, "auto">;

/** RFC 7523 §2.2 */
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** What proves that whoever redeems the code asked for it. Nothing, where the provider takes no PKCE. */
export function verifierFor({ pkce }: Pick<OAuth2Provider, "pkce">, codeVerifier: string): { codeVerifier?: string } {
  return pkce === "none" ? {} : { codeVerifier };
}

export function makeTokenEndpoint(parts: {
  readonly fetch: BoundedFetch;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly clientAuthentication: ClientAuthentication;
}): TokenEndpoint {
  const { fetch, clientAuthentication } = parts;
  let found: Style | undefined = clientAuthentication === "auto" ? undefined : clientAuthentication;

  async function send(url: string, given: Readonly<Record<string, string>>, style: Style, signal: AbortSignal) {
    const body = new URLSearchParams(given);
    const headers: Record<string, string> = {
      accept: "application/json",
      "content-type": "application/x-www-form-urlencoded;charset=UTF-8",
    };
    await authenticate(parts, style, headers, body);
    const response = await fetch(url, { method: "POST", headers, body: body.toString(), signal });
    if (isNotNow(response)) throw unavailable(`token endpoint: status ${response.status}`);
    const type = response.headers.get("content-type") ?? "";
    const answer = parseTokenAnswer(response.status, type, await response.text());
    return { answer, date: response.headers.get("date") };
  }

  async function ask(url: string, given: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Asked> {
    const first = await send(url, given, found ?? "client_secret_basic", signal);
    if (found !== undefined) return first;
    if (knewUs(first.answer)) {
      found = "client_secret_basic";
      return first;
    }
    const second = await send(url, given, "client_secret_post", signal);
    if (knewUs(second.answer)) found = "client_secret_post";
    return second;
  }

  const tokens = async (asked: Promise<Asked>): Promise<ReceivedTokens> => {
    const { answer } = await asked;
    if (answer.kind === "token") return answer;
    throw answer.ourFault ? unavailable(answer.detail) : invalidAnswer(answer.detail);
  };
  const codeForm = ({ codeVerifier, ...given }: CodeToRedeem) => ({
    grant_type: "authorization_code",
    ...given,
    ...(codeVerifier === undefined ? {} : { code_verifier: codeVerifier }),
  });

  return {
    redeem: (url, code, signal) => tokens(ask(url, codeForm(code), signal)),
    refresh: (url, refreshToken, signal) =>
      tokens(ask(url, { grant_type: "refresh_token", refresh_token: refreshToken }, signal)),
    probe: (url, code, signal) => ask(url, codeForm(code), signal),
  };
}

/** The server found no fault with how we authenticated: RFC 6749 §5.2's invalid_grant speaks of the code alone. */
function knewUs(answer: TokenAnswer): boolean {
  return answer.kind === "token" || answer.error === "invalid_grant";
}

async function authenticate(
  { clientId, clientSecret }: { readonly clientId: string; readonly clientSecret: string },
  style: Style,
  headers: Record<string, string>,
  body: URLSearchParams,
): Promise<void> {
  if (style === "client_secret_basic") {
    headers.authorization = basicCredentials(clientId, clientSecret);
    return;
  }
  body.set("client_id", clientId);
  if (style === "client_secret_post") {
    body.set("client_secret", clientSecret);
    return;
  }
  body.set("client_assertion_type", ASSERTION_TYPE);
  body.set("client_assertion", await style.assertion());
}

/** RFC 6749 §2.3.1: both halves form-encoded, and nothing that need not be: not every server decodes them. */
function basicCredentials(clientId: string, clientSecret: string): string {
  const encode = (text: string) => new URLSearchParams([["", text]]).toString().slice(1);
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString("base64")}`;
}
