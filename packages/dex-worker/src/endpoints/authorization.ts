import { type AuthorizationRules, decideAuthorization, type LoginState } from "@dex/oidc";
import type { AuthorizationResponder } from "../login/authorization-responder.ts";
import type { Dispatcher } from "../login/dispatcher.ts";
import type { LoginCookies } from "../login/login-cookies.ts";
import { readForm, readQuery } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import type { Visit } from "../visit.ts";

const MAX_REDIRECTED_QUERY = 8 * 1024;

export interface AuthorizationEndpoint {
  get(visit: Visit): Promise<void>;
  post(visit: Visit): Promise<void>;
}

/** The authorization endpoint, RFC 6749 §3.1 and OIDC Core §3.1.2. Writes nothing: the login state goes to the browser. */
export function makeAuthorizationEndpoint(parts: {
  /** Path of the endpoint itself. */
  path: string;
  rules: AuthorizationRules;
  /** Whether people may make themselves an account; otherwise the wish to is ignored (v1 A18). */
  registration: boolean;
  beginLogin: (request: LoginState["request"], now: Date) => LoginState;
  cookies: LoginCookies;
  dispatcher: Dispatcher;
  responder: AuthorizationResponder;
  /** ClientDocuments.admit. */
  admitClient: (clientId: string, source: string, now: Date) => void;
}): AuthorizationEndpoint {
  const { rules, cookies, dispatcher, responder } = parts;
  return {
    async get(visit) {
      const query = readQuery(visit.request);
      parts.admitClient(query.get("client_id") ?? "", visit.request.ip ?? "", visit.now);
      const decision = await decideAuthorization(query, { ...rules, now: visit.now });
      if (decision.kind === "show") throw decision.error;
      if (decision.kind === "deliver") return responder.refuse(visit, decision.target, decision.error);
      cookies.prune(visit.request, visit.response, visit.now);
      const intent = parts.registration ? decision.wish : "sign in";
      await dispatcher.next(visit, { ...parts.beginLogin(decision.request, visit.now), intent });
    },

    // A POST from the client's site brings no Lax cookie, so the session would not be seen: it is turned into a GET.
    async post({ request, response }) {
      if (readQuery(request).size > 0) throw new InvalidInput(400, "parameters belong into the body alone");
      const query = (await readForm(request)).toString();
      if (query.length > MAX_REDIRECTED_QUERY) throw new InvalidInput(413, "the request is larger than 8 KiB");
      response.redirect(303, `${parts.path}?${query}`);
    },
  };
}
