import type { LoginState } from "@dex/oidc";
import { equalInConstantTime } from "@dex/runtime";
import { readQuery } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import type { Visit } from "../visit.ts";
import type { LoginCookies } from "./login-cookies.ts";

const GONE =
  "this sign-in has expired, is already finished, or was begun in another browser; please begin again where you wanted to sign in";

/**
 * The login state that the request's `flow` names. Throws InvalidInput unless this browser holds it (BRO-4, BRO-5). `backHref`
 * is where the person begins again, when that is a page of ours.
 */
export function openFlow(visit: Visit, cookies: LoginCookies, backHref?: string): LoginState {
  return openFlowById(visit, cookies, readQuery(visit.request).get("flow") ?? "", backHref);
}

/** The same, where the flow is named otherwise. */
export function openFlowById(
  { request, now }: Visit,
  cookies: LoginCookies,
  flowId: string,
  backHref?: string,
): LoginState {
  const state = cookies.read(request, flowId, now);
  if (state === undefined) throw new InvalidInput(request.method === "POST" ? 403 : 400, GONE, {}, backHref);
  return state;
}

/** Throws InvalidInput unless the form came from a page of this very flow (BRO-2). `backHref`: as above. */
export function checkFormToken(form: URLSearchParams, expected: string, backHref?: string): void {
  if (!equalInConstantTime(form.get("form_token") ?? "", expected)) throw new InvalidInput(403, GONE, {}, backHref);
}
