import type { Configuration, TokenEndpointResponse, TokenEndpointResponseHelpers } from "openid-client";
import type { AuthenticateOptions } from "openid-client/passport";
import { Strategy } from "openid-client/passport";
import type { LoginStep } from "../passport.ts";

export type UpstreamTokens = TokenEndpointResponse & TokenEndpointResponseHelpers;

/** What the strategy keeps between the two halves of a login, under this name in its session. */
export const SESSION_KEY = "oidc";

/**
 * openid-client's strategy for exactly one step of one login. Which step it is was decided by us: left to itself, the
 * strategy would start over whenever a callback carries no code. It adds PKCE S256 (RFC 7636) to every request.
 */
export class OneStepStrategy extends Strategy {
  // Not #private: passport runs strategies through an object that inherits from them.
  private readonly step: LoginStep;
  private readonly parameters: URLSearchParams;

  constructor(given: {
    readonly config: Configuration;
    readonly step: LoginStep;
    /** Beside client_id, response_type and the PKCE challenge: the whole authorization request. */
    readonly parameters: URLSearchParams;
    readonly verify: (tokens: UpstreamTokens) => Promise<unknown>;
  }) {
    super(
      { config: given.config, sessionKey: SESSION_KEY, callbackURL: given.step.callbackUrl },
      (tokens, verified) =>
        void given.verify(tokens).then(
          (user) => verified(null, user ?? false),
          (error: unknown) => verified(error),
        ),
    );
    this.step = given.step;
    this.parameters = given.parameters;
  }

  override authorizationRequestParams<Options extends AuthenticateOptions>(
    _request: unknown,
    _options: Options,
  ): URLSearchParams {
    return this.parameters;
  }

  override currentUrl(_request: unknown): URL {
    const url = new URL(this.step.callbackUrl);
    if (this.step.step === "finish") url.search = this.step.query.toString();
    return url;
  }

  override shouldInitiateAuthRequest(): boolean {
    return this.step.step === "begin";
  }
}
