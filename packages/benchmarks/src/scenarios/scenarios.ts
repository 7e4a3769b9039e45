import type { Scenario } from "../scenario.ts";
import { authorizationWithoutSession } from "./authorization-without-session.ts";
import { clientCredentialsEs256, clientCredentialsRs256 } from "./client-credentials.ts";
import { introspection, pushedRequest } from "./client-endpoints.ts";
import { devicePoll } from "./device-poll.ts";
import { dpopToken } from "./dpop-token.ts";
import { discovery, jwks } from "./published-documents.ts";
import { refresh } from "./refresh.ts";
import { signInWithPassword } from "./sign-in-with-password.ts";
import { signInWithSession } from "./sign-in-with-session.ts";
import { tokenExchange } from "./token-exchange.ts";
import { userinfo } from "./userinfo.ts";

/** In the order of the table. */
export const SCENARIOS: readonly Scenario[] = [
  discovery,
  jwks,
  clientCredentialsRs256,
  clientCredentialsEs256,
  authorizationWithoutSession,
  signInWithSession,
  signInWithPassword,
  refresh,
  userinfo,
  introspection,
  pushedRequest,
  devicePoll,
  dpopToken,
  tokenExchange,
];
