// What a fake OAuth 2.0 provider has issued: codes and refresh tokens that are good once, access tokens that end.
import { createHash, randomBytes } from "node:crypto";
import { type FakeOAuth2Dialect, type FakeOAuth2Options, Violation } from "./fake-oauth2-dialect.ts";

const CODE_SECONDS = 60;

interface Grant<Person> {
  person: Person;
  readonly scopes: readonly string[];
  /** Ended: its refresh token was used twice, or the person is gone. */
  ended: boolean;
}
interface IssuedCode<Person> extends Grant<Person> {
  readonly challenge: string;
  readonly redirectUri: string | undefined;
  readonly expiresAt: number;
}
interface IssuedToken<Person> {
  readonly grant: Grant<Person>;
  readonly expiresAt: number;
}

export interface FakeTokens<Person> {
  issueCode(code: Pick<IssuedCode<Person>, "challenge" | "redirectUri" | "scopes" | "person">): string;
  /** Tokens for a form of the token endpoint, or what is wrong with it. */
  redeem(
    form: Readonly<Record<string, string>>,
    authorization: string | undefined,
  ): Record<string, unknown> | Violation;
  find(accessToken: string): Pick<Grant<Person>, "person" | "scopes"> | undefined;
  replace(person: Person, next: Person | undefined): void;
  advance(seconds: number): void;
  endAccessTokens(): void;
  nameTokens(next: (() => string) | undefined): void;
}

export function makeFakeTokens<Person>(
  { clientId, clientSecret }: Pick<FakeOAuth2Options<Person>, "clientId" | "clientSecret">,
  dialect: FakeOAuth2Dialect<Person>,
): FakeTokens<Person> {
  const codes = new Map<string, IssuedCode<Person>>();
  const accessTokens = new Map<string, IssuedToken<Person>>();
  const refreshTokens = new Map<string, { readonly grant: Grant<Person>; used: boolean }>();
  const grants: Grant<Person>[] = [];
  let now = 0;
  let nextToken: (() => string) | undefined;

  function issue(grant: Grant<Person>): Record<string, unknown> {
    const { accessTokenSeconds: lifetime, refreshTokens: refreshing } = dialect;
    const accessToken = nextToken?.() ?? randomBytes(24).toString("base64url");
    const expiresAt = lifetime === undefined ? Number.POSITIVE_INFINITY : now + lifetime;
    accessTokens.set(accessToken, { grant, expiresAt });
    const wanted = refreshing?.scope === undefined || grant.scopes.includes(refreshing.scope);
    const refreshToken = refreshing !== undefined && wanted ? randomBytes(24).toString("base64url") : undefined;
    if (refreshToken !== undefined) refreshTokens.set(refreshToken, { grant, used: false });
    return {
      access_token: accessToken,
      token_type: "bearer",
      scope: grant.scopes.join(","),
      ...(lifetime === undefined ? {} : { expires_in: lifetime }),
      ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
    };
  }

  function redeemCode(form: Readonly<Record<string, string>>): Record<string, unknown> | Violation {
    const wrong = dialect.wrongCode ?? "invalid_grant";
    const code = codes.get(form.code ?? "");
    if (code === undefined) return new Violation("token: the code is unknown or was used", wrong);
    if (form.redirect_uri !== code.redirectUri) return new Violation("token: another redirect_uri", "invalid_grant");
    const verifier = createHash("sha256").update(form.code_verifier ?? "");
    if (dialect.pkce !== "refused" && verifier.digest("base64url") !== code.challenge) {
      return new Violation("token: another code_verifier", "invalid_grant");
    }
    codes.delete(form.code ?? "");
    if (code.expiresAt <= now) return new Violation("token: the code has expired", wrong);
    return issue(code);
  }

  function refresh(form: Readonly<Record<string, string>>): Record<string, unknown> | Violation {
    const token = refreshTokens.get(form.refresh_token ?? "");
    if (token === undefined) return new Violation("token: unknown refresh token", "invalid_grant");
    if (token.used) {
      // The family ends: of two users one is a thief.
      token.grant.ended = true;
      return new Violation("token: the refresh token was used before", "invalid_grant");
    }
    // No violation: a client may well ask.
    if (token.grant.ended) return new Violation("", "invalid_grant");
    if (dialect.refreshTokens?.rotate === true) {
      token.used = true;
      return issue(token.grant);
    }
    const { refresh_token: _, ...kept } = issue(token.grant);
    return kept;
  }

  return {
    issueCode(given) {
      const code = randomBytes(24).toString("base64url");
      const issued = { ...given, ended: false, expiresAt: now + CODE_SECONDS };
      grants.push(issued);
      codes.set(code, issued);
      return code;
    },
    redeem(form, authorization) {
      if (!isAuthenticated(form, authorization, { clientId, clientSecret }, dialect)) {
        return new Violation("token: client authentication failed", "invalid_client", 401);
      }
      if (dialect.pkce === "refused" && form.code_verifier !== undefined) {
        return new Violation("token: a code_verifier was sent", "invalid_client", 401);
      }
      if (form.grant_type === "authorization_code") return redeemCode(form);
      if (form.grant_type === "refresh_token" && dialect.refreshTokens !== undefined) return refresh(form);
      return new Violation("token: another grant_type", "unsupported_grant_type");
    },
    find(accessToken) {
      const token = accessTokens.get(accessToken);
      return token === undefined || token.grant.ended || token.expiresAt <= now ? undefined : token.grant;
    },
    replace(person, next) {
      for (const grant of grants.filter((one) => one.person === person)) {
        if (next === undefined) grant.ended = true;
        else grant.person = next;
      }
    },
    advance(seconds) {
      now += seconds;
    },
    endAccessTokens: () => accessTokens.clear(),
    nameTokens(next) {
      nextToken = next;
    },
  };
}

function isAuthenticated(
  form: Readonly<Record<string, string>>,
  authorization: string | undefined,
  { clientId, clientSecret }: { readonly clientId: string; readonly clientSecret: string },
  { clientAuthentication: rule }: Pick<FakeOAuth2Dialect<unknown>, "clientAuthentication">,
): boolean {
  if (typeof rule === "function") return form.client_id === clientId && authorization === undefined && rule(form);
  const basic = `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString("base64")}`;
  const inBody = form.client_id === clientId && form.client_secret === clientSecret && authorization === undefined;
  const inHeader = authorization === basic && form.client_secret === undefined;
  return (inHeader && rule !== "client_secret_post") || (inBody && rule !== "client_secret_basic");
}

/** RFC 6749 §2.3.1 */
function encode(text: string): string {
  return new URLSearchParams([["x", text]]).toString().slice(2);
}
