import {
  approvalHashOf,
  BACKCHANNEL_APPROVAL_PATH,
  type BackchannelRequests,
  CIBA_GRANT,
  type Clients,
  endpointUrl,
  type LoginState,
} from "@dex/oidc";
import { renderBackchannelApprovalPage, renderBackchannelDonePage } from "@dex/web";
import type { ApprovalKind } from "../approval/approval-page.ts";
import { approvalRequest } from "../approval/approval-request.ts";
import type { Dispatcher } from "../login/dispatcher.ts";
import type { LoginCookies } from "../login/login-cookies.ts";
import type { LoginPaths } from "../login/paths.ts";
import { readQuery } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import type { PageRoute } from "../visit.ts";

type Requests = Pick<BackchannelRequests, "find">;

/** Where mails and "your account" lead: the flow of the client begins, which signs in the very person that the client named. */
export function backchannelRequestPage(parts: {
  issuer: string;
  clients: Clients;
  requests: Requests;
  beginLogin: (request: LoginState["request"], now: Date) => LoginState;
  cookies: LoginCookies;
  dispatcher: Dispatcher;
  paths: LoginPaths;
}): PageRoute {
  const { clients, requests, beginLogin, cookies, dispatcher, paths } = parts;
  const here = endpointUrl(parts.issuer, BACKCHANNEL_APPROVAL_PATH);
  return {
    path: BACKCHANNEL_APPROVAL_PATH,
    async GET(visit) {
      const { request, response, now } = visit;
      const found = await requests.find(readQuery(request).get("request") ?? "", now);
      const client = found && (await clients.find(found.clientId));
      if (found === undefined || client?.grantTypes.includes(CIBA_GRANT) !== true) throw gone(paths);
      const { id, userId } = found;
      cookies.prune(request, response, now);
      const asked = { ...approvalRequest(here, client.id, found), maxAgeSeconds: client.details.default_max_age };
      const backchannelRequest = { id, userId };
      await dispatcher.next(visit, { ...beginLogin(asked, now), backchannelRequest });
    },
  };
}

/** Of what a client asked of this person. */
export function backchannelApproval(parts: { requests: Requests; paths: LoginPaths }): ApprovalKind<{ id: string }> {
  const { requests, paths } = parts;
  return {
    path: `${BACKCHANNEL_APPROVAL_PATH}/approve`,
    what: "backchannel request",
    aboutOf: ({ backchannelRequest }) => backchannelRequest,
    hashesOf: ({ id }) => [approvalHashOf(id)],
    actionOf: (flowId) => paths.backchannelApproval(flowId),
    // Whatever still waits for the person stands there.
    backHref: paths.account,
    async prepare({ id }, now) {
      const found = await requests.find(id, now);
      if (found === undefined) throw gone(paths);
      const { bindingMessage } = found;
      return (theme, view) => renderBackchannelApprovalPage(theme, { ...view, bindingMessage });
    },
    renderDone: renderBackchannelDonePage,
    gone: () => gone(paths),
  };
}

function gone({ account }: LoginPaths): InvalidInput {
  const message = "this request has expired or was answered already; please begin again in the application";
  return new InvalidInput(410, message, {}, account);
}
