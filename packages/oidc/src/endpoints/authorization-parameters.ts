// The single parameters of an authorization request: from text to a value, or undefined where the text is not one.
import type { Prompt } from "./authorization-request.ts";

/** Parameters that may be sent once only (RED-6). Others are not ours and are ignored, OIDC Core §3.1.2.1. */
export const AUTHORIZATION_PARAMETERS = [
  "client_id",
  "redirect_uri",
  "response_type",
  "response_mode",
  "scope",
  "state",
  "nonce",
  "code_challenge",
  "code_challenge_method",
  "dpop_jkt",
  "prompt",
  "max_age",
  "display",
  "ui_locales",
  "claims_locales",
  "acr_values",
  "id_token_hint",
  "login_hint",
  "connector_id",
  "show_connectors",
  "register",
  "claims",
  "authorization_details",
  "request",
  "request_uri",
  "registration",
] as const;

/** May be sent several times, RFC 8707 §2. */
export const REPEATABLE_PARAMETERS = ["resource"] as const;

/** In bytes, since that is what comes back in a URL. AUT-1 asks for 2 KiB of state. */
export const MAX_BYTES = {
  state: 2048,
  scope: 1024,
  nonce: 512,
  login_hint: 320,
  connector_id: 255,
  show_connectors: 1024,
  claims: 4096,
  acr_values: 1024,
};
/** An ID token of ours with many groups. */
export const MAX_ID_TOKEN_HINT_LENGTH = 16_384;
/** 68 years: what fits in 31 bits. */
const MAX_AGE_LIMIT_SECONDS = 2_147_483_647;

const PROMPTS: readonly Prompt[] = ["none", "login", "consent", "select_account"];
/** Initiating User Registration via OpenID Connect §4.1. Says what the person comes for, and is no prompt after that. */
const CREATE = "create";

/** OIDC Core §3.1.2.1: known words, and `none` alone. */
export function parsePrompt(text: string | undefined): readonly Prompt[] | undefined {
  const all = text === undefined ? [] : [...new Set(text.split(" "))];
  const words = all.filter((word) => word !== CREATE);
  if (all.length > words.length && words.includes("none")) return undefined;
  const prompts = words.map((word) => PROMPTS.find((known) => known === word));
  const known = prompts.filter((prompt) => prompt !== undefined);
  if (known.length !== words.length) return undefined;
  return known.includes("none") && known.length > 1 ? undefined : known;
}

/** Whether the client sends the person to make an account: `prompt=create`, or dex v1 `register=1` and no other value. */
export function asksForRegistration(params: URLSearchParams): boolean {
  return params.get("register") === "1" || (params.get("prompt") ?? "").split(" ").includes(CREATE);
}

/** dex v1 `show_connectors`: ids with commas between them. Undefined when it names none. */
export function parseShownConnectors(text: string | undefined): readonly string[] | undefined {
  const ids = [...new Set((text ?? "").split(",").map((id) => id.trim()))].filter((id) => id !== "");
  return ids.length === 0 ? undefined : ids;
}

/** A whole number of seconds, 0 or more. */
export function parseMaxAge(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const seconds = Number(text);
  return seconds > MAX_AGE_LIMIT_SECONDS ? undefined : seconds;
}

/** 32 bytes in base64url, as an S256 challenge (RFC 7636 §4.2) and the thumbprint of a key (RFC 9449 §10) are. */
export function isSha256(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}
