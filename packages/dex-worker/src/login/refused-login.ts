// What people read when a way to sign in did not give an identity.
import type { Connector, LoginRefusal } from "@dex/connectors";
import type { LoginState } from "@dex/oidc";
import type { Logger } from "@dex/runtime";
import { renderWait } from "../accounts/request-limits.ts";
import type { ConnectorSet } from "../live/connector-set.ts";
import { requestIdOf } from "../middleware/request-id.ts";
import type { Pages } from "../pages.ts";
import type { Visit } from "../visit.ts";
import type { LoginPaths } from "./paths.ts";

export interface RefusalMessage {
  readonly status: number;
  readonly message: string;
}

export interface RefusedLogin {
  /** Logs why, sets what headers it needs, and returns what a form of ours says above its fields. */
  describe(visit: Visit, connector: Connector, refusal: LoginRefusal): RefusalMessage;
  /** The same on a page of its own, which leads back to where another way can be taken. */
  show(visit: Visit, state: LoginState, connector: Connector, refusal: LoginRefusal): void;
}

export function makeRefusedLogin(parts: {
  connectors: ConnectorSet;
  paths: LoginPaths;
  pages: Pages;
  logger: Logger;
}): RefusedLogin {
  const { connectors, paths, pages, logger } = parts;

  function describe({ response }: Visit, connector: Connector, refusal: LoginRefusal): RefusalMessage {
    logger.warn("sign-in refused", {
      requestId: requestIdOf(response),
      connectorId: connector.id,
      refusal: refusal.kind,
      ...("detail" in refusal ? { detail: refusal.detail } : {}),
    });
    const { retryAfterSeconds, ...described } = describeRefusal(refusal, connector);
    if (retryAfterSeconds !== undefined) response.setHeader("Retry-After", String(retryAfterSeconds));
    return described;
  }

  return {
    describe,
    show(visit, state, connector, refusal) {
      const { status, message } = describe(visit, connector, refusal);
      pages.error(visit.response, status, {
        title: "Sign-in was not completed",
        message,
        backHref: connectors.all().length > 1 ? paths.chooser(state.id) : paths.connector(connector.id, state.id),
      });
    },
  };
}

function describeRefusal(
  refusal: LoginRefusal,
  connector: Connector,
): RefusalMessage & { readonly retryAfterSeconds?: number } {
  switch (refusal.kind) {
    case "throttled": {
      const { retryAfterSeconds } = refusal;
      const message = `too many attempts; please try again ${renderWait(retryAfterSeconds)}`;
      return { status: 429, message, retryAfterSeconds };
    }
    case "busy": {
      const { retryAfterSeconds } = refusal;
      return { status: 503, message: "too many people are signing in just now; please try again", retryAfterSeconds };
    }
    case "unavailable":
      return { status: 503, message: `${connector.displayName} cannot be reached just now`, retryAfterSeconds: 5 };
    case "refused":
      if (refusal.reason === "invalid credentials") {
        const { login } = connector;
        const advice = login.kind === "password" ? login.refusedAdvice : undefined;
        const message = "the name or the password is not right";
        return { status: 403, message: advice === undefined ? message : `${message}. ${advice}` };
      }
      if (refusal.reason === "not permitted") {
        const message = `your account at ${connector.displayName} is in none of the groups that may sign in here`;
        return { status: 403, message };
      }
      if (refusal.reason === "denied upstream")
        return { status: 403, message: `${connector.displayName} did not sign you in` };
      return { status: 403, message: `the answer of ${connector.displayName} could not be accepted` };
  }
}
