import {
  type Client,
  type Clients,
  DEVICE_CODE_GRANT,
  DEVICE_VERIFICATION_PATH,
  type EnteredUserCode,
  endpointUrl,
  type LoginState,
  OWN_PAGES_CLIENT_ID,
  parseUserCode,
  renderUserCode,
  type SessionLimits,
  type SignIns,
  type UserCode,
} from "@dex/oidc";
import { renderDeviceCodePage } from "@dex/web";
import { renderWait } from "../accounts/request-limits.ts";
import { approvalRequest } from "../approval/approval-request.ts";
import type { Dispatcher } from "../login/dispatcher.ts";
import { formTargets } from "../login/form-targets.ts";
import type { LoginCookies } from "../login/login-cookies.ts";
import { checkFormToken, openFlow } from "../login/open-flow.ts";
import type { LoginPaths } from "../login/paths.ts";
import { readSessionHash } from "../login/session-cookie.ts";
import type { CookieNames } from "../middleware/cookies.ts";
import { readForm, readQuery } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import { refuseForeignOrigin } from "../middleware/same-origin.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";
import type { EnterUserCode } from "./user-code-entries.ts";

type FoundDevice = Extract<EnteredUserCode, { kind: "found" }>;

const OF_OUR_OWN = { scope: ["openid"], targets: {} };
const MAX_TYPED_LENGTH = 64;
const NO_CODE = "This is not a code. It has eight letters, or twelve, as the device shows them.";
const UNKNOWN =
  "No device is waiting with this code. Look at the device again: the code may have expired, or been answered already.";

/**
 * The page at the verification_uri, RFC 8628 §3.3: the person types the code, and the flow of the device's client begins, which
 * signs them in as every other flow does. A code that came in the address is only put into the field (§5.4).
 */
export function userCodePage(parts: {
  issuer: string;
  issuerOrigin: string;
  clients: Clients;
  enter: EnterUserCode;
  beginLogin: (request: LoginState["request"], now: Date) => LoginState;
  signIns: SignIns;
  sessionLimits: SessionLimits;
  cookies: LoginCookies;
  cookieNames: CookieNames;
  dispatcher: Dispatcher;
  paths: LoginPaths;
  pages: Pages;
}): PageRoute {
  const { issuerOrigin, clients, enter, beginLogin, signIns, cookies, cookieNames, dispatcher, paths, pages } = parts;
  const here = endpointUrl(parts.issuer, DEVICE_VERIFICATION_PATH);

  function show(
    { response }: Visit,
    state: LoginState,
    { status, ...view }: { status: number; userCode: string; message?: string },
  ): void {
    const { formToken } = state;
    // The form leads to sign-in, and from there to an upstream that nobody knows yet.
    const targets = formTargets(issuerOrigin);
    const render = { ...view, formToken, action: paths.device(state.id) };
    pages.show(response, status, (theme) => renderDeviceCodePage(theme, render), targets);
  }

  async function userIdOf({ request, now }: Visit): Promise<string | undefined> {
    const hash = readSessionHash(request, cookieNames);
    if (hash === undefined) return undefined;
    const session = await signIns.findSession(hash, OWN_PAGES_CLIENT_ID, now, parts.sessionLimits.idleSeconds);
    return session?.user.id;
  }

  /** The client whose device waits with this code. */
  async function find(visit: Visit, state: LoginState, userCode: UserCode) {
    const source = visit.request.ip ?? "";
    const found = await enter({ userCode, flowId: state.id, source, userId: await userIdOf(visit) }, visit.now);
    if (found.kind === "too many") {
      const { retryAfterSeconds } = found;
      const message = `too many codes were tried; please begin again ${renderWait(retryAfterSeconds)}`;
      throw new InvalidInput(429, message, { "Retry-After": String(retryAfterSeconds) }, paths.device());
    }
    if (found.kind === "unknown") return undefined;
    const client = await clients.find(found.clientId);
    return client?.grantTypes.includes(DEVICE_CODE_GRANT) === true ? { client, asked: found } : undefined;
  }

  function flowOf(client: Client, asked: FoundDevice, deviceUserCode: UserCode, now: Date): LoginState {
    const request = { ...approvalRequest(here, client.id, asked), maxAgeSeconds: client.details.default_max_age };
    return { ...beginLogin(request, now), deviceUserCode };
  }

  return {
    path: DEVICE_VERIFICATION_PATH,

    async GET(visit) {
      const { request, response, now } = visit;
      const offered = parseUserCode(readQuery(request).get("user_code") ?? "");
      cookies.prune(request, response, now);
      const state = beginLogin(approvalRequest(here, OWN_PAGES_CLIENT_ID, OF_OUR_OWN), now);
      cookies.write(response, state);
      show(visit, state, { status: 200, userCode: offered === undefined ? "" : renderUserCode(offered) });
    },

    async POST(visit) {
      refuseForeignOrigin(visit.request, issuerOrigin);
      const state = openFlow(visit, cookies, paths.device());
      const form = await readForm(visit.request);
      checkFormToken(form, state.formToken, paths.device());
      const typed = (form.get("user_code") ?? "").slice(0, MAX_TYPED_LENGTH + 1);
      const userCode = parseUserCode(typed);
      if (userCode === undefined) return show(visit, state, { status: 400, userCode: "", message: NO_CODE });
      const found = await find(visit, state, userCode);
      if (found === undefined) {
        return show(visit, state, { status: 400, userCode: renderUserCode(userCode), message: UNKNOWN });
      }
      cookies.clear(visit.response, state.id);
      await dispatcher.next(visit, flowOf(found.client, found.asked, userCode, visit.now));
    },
  };
}
