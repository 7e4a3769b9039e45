import type { UpstreamWish } from "../connector.ts";
import type { OidcHooks } from "./hooks.ts";
import type { OidcSettings } from "./settings.ts";

const MAX_LOGIN_HINT = 255;

/** Pure. The authorization request of OIDC Core §3.1.2.1, as far as it is ours to choose. */
export function authorizationParameters(
  settings: OidcSettings,
  { state, wish }: { state: string; wish: UpstreamWish },
  nonce: string,
  hooks: OidcHooks = {},
): URLSearchParams {
  const parameters = new URLSearchParams({ scope: settings.scope });
  const { offlineAccess } = wish.asked;
  const prompts = [
    ...(wish.reauthenticate ? ["login"] : []),
    ...(wish.selectAccount ? ["select_account"] : []),
    ...(settings.prompt?.split(" ") ?? []),
    ...(offlineAccess && settings.offlinePrompt !== undefined ? [settings.offlinePrompt] : []),
  ];
  if (prompts.length > 0) parameters.set("prompt", [...new Set(prompts)].join(" "));
  // Not of a standard: Google's word, which dex v2 sent to everybody (RFC 6749 §3.1: unknown ones are ignored).
  if (offlineAccess) parameters.set("access_type", "offline");
  if (wish.maxAgeSeconds !== undefined) parameters.set("max_age", String(wish.maxAgeSeconds));
  if (wish.loginHint !== undefined && wish.loginHint.length <= MAX_LOGIN_HINT) {
    parameters.set("login_hint", wish.loginHint);
  }
  if (settings.acrValues !== undefined) parameters.set("acr_values", settings.acrValues);
  if (settings.answersBy === "form") parameters.set("response_mode", "form_post");
  for (const [name, value] of Object.entries(hooks.authorizationParameters?.(wish) ?? {})) parameters.set(name, value);
  // Last, so that no hook replaces what ties the answer to the browser (MIX-2).
  parameters.set("state", state);
  parameters.set("nonce", nonce);
  return parameters;
}
