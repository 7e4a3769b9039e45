// What an authorization request asks to be answered with, and how: OAuth 2.0 Multiple Response Types and OAuth 2.0 Form Post
// Response Mode.
import { RESPONSE_TYPES, type ResponseType } from "../clients/client-details.ts";
import { single } from "./parameters.ts";

/** How an answer travels: OAuth 2.0 Multiple Response Types §2.1, OAuth 2.0 Form Post Response Mode §2. */
export const RESPONSE_MODES = ["query", "fragment", "form_post"] as const;
export type ResponseMode = (typeof RESPONSE_MODES)[number];

/** One thing that the authorization endpoint can hand out. */
export type ResponseWord = "code" | "id_token" | "token";

/** The response type that the text names, its words in any order (RFC 6749 §3.1.1). Undefined when it is none of ours. */
export function parseResponseType(text: string | undefined): ResponseType | undefined {
  const sorted = wordsOf(text).toSorted().join(" ");
  return RESPONSE_TYPES.find((type) => type === sorted); // ours are written in the order of the alphabet
}

/** Of a request whose response type was found good. */
export function responseTypeOf(params: URLSearchParams): ResponseType {
  return parseResponseType(single(params, "response_type")) ?? "code";
}

/** What `response_mode` can say: a place, and whether the answer is put into a JWT first (JARM §2.3). */
export const RESPONSE_MODE_VALUES = [...RESPONSE_MODES, "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"] as const;

/** What the text asks for: `mode` undefined is the default of the response type. Undefined when it is none of ours. */
export function parseResponseMode(
  text: string,
): { readonly mode: ResponseMode | undefined; readonly inJwt: boolean } | undefined {
  if (text === "jwt") return { mode: undefined, inJwt: true };
  const inJwt = text.endsWith(".jwt");
  const mode = RESPONSE_MODES.find((one) => one === (inJwt ? text.slice(0, -".jwt".length) : text));
  return mode === undefined ? undefined : { mode, inJwt };
}

/** Whether the answer to a request is to come as a JWT, errors too. */
export function wantsJwt(params: URLSearchParams): boolean {
  return parseResponseMode(soleResponseMode(params) ?? "")?.inJwt === true;
}

function soleResponseMode(params: URLSearchParams): string | undefined {
  return params.getAll("response_mode").length > 1 ? undefined : single(params, "response_mode");
}

/** Whether the authorization endpoint is to hand this out itself. */
export function asksFor(type: ResponseType, word: ResponseWord): boolean {
  return wordsOf(type).includes(word);
}

/** Whether a token travels with the browser: OAuth 2.0 Multiple Response Types §5 keeps those out of queries. */
export function asksForTokens(type: ResponseType): boolean {
  return asksFor(type, "id_token") || asksFor(type, "token");
}

/** The grants that a response type stands for, OIDC Registration §2: what a client or a connector is limited to is said in these. */
export function grantTypesOf(type: ResponseType): readonly ("authorization_code" | "implicit")[] {
  return [
    ...(asksFor(type, "code") ? (["authorization_code"] as const) : []),
    ...(asksForTokens(type) ? (["implicit"] as const) : []),
  ];
}

/**
 * How the answer to a request travels that may be refused for anything, its response type and mode among that: as it asks, as
 * far as that can be, and otherwise as its response type has it. No error lands in a query that a client of tokens does not
 * look at.
 */
export function responseModeFor(params: URLSearchParams, redirectUri: string): ResponseMode {
  const tokens = wordsOf(single(params, "response_type")).some((word) => word === "id_token" || word === "token");
  const fitting: ResponseMode = tokens ? "fragment" : "query";
  const mode = parseResponseMode(soleResponseMode(params) ?? "")?.mode ?? fitting;
  if (mode === "form_post") return canBePostedTo(redirectUri) ? mode : fitting;
  return mode === "query" ? fitting : mode;
}

/** A browser posts forms over http and https alone; a program of a private-use scheme is handed a URL (RFC 8252 §7.1). */
export function canBePostedTo(redirectUri: string): boolean {
  return /^https?:\/\//.test(redirectUri);
}

function wordsOf(text: string | undefined): readonly string[] {
  return (text ?? "").split(" ");
}
