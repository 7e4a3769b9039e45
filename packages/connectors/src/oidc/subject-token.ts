// Who a token of the upstream is about that somebody brings (RFC 8693 §2.1). It counts only if it was issued to us, or to
// a client that the operator lists: any other client could sign its users in here otherwise.
import * as client from "openid-client";
import * as z from "zod";
import type { LoginOutcome, SubjectToken } from "../connector.ts";
import { invalidAnswer, outcomeOf } from "../login-refused.ts";
import type { ReadPerson } from "./person.ts";
import { callUpstream } from "./refusals.ts";
import type { OidcSettings } from "./settings.ts";
import type { OidcUpstream } from "./upstream.ts";
import { isJwt, makeVerifyToken } from "./verify-token.ts";

const ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
/** Tokens say by themselves which groups they may fill. */
const ASKED = { groups: true, offlineAccess: false } as const;

export interface SubjectTokenParts {
  readonly settings: OidcSettings;
  readonly upstream: OidcUpstream;
  readonly readPerson: ReadPerson;
}

export function makeTokenIdentity({ settings, upstream, readPerson }: SubjectTokenParts) {
  const verifyToken = makeVerifyToken(upstream);
  const verify = (token: string, now: Date) => verifyToken(token, ["exp", "iat", "sub"], now);
  const allowed = new Set([settings.clientId, ...settings.subjectTokenAudiences]);

  async function readIdToken({ token, now }: SubjectToken): Promise<LoginOutcome> {
    const { payload, type } = await verify(token, now);
    // RFC 8725 §3.11: an access token or a logout token of the same issuer is no ID token.
    if (type !== undefined && type.toLowerCase() !== "jwt") throw invalidAnswer("the token is no ID token");
    if (payload.events !== undefined) throw invalidAnswer("the token is no ID token");
    const audience = [payload.aud].flat();
    if (!audience.some((name) => name !== undefined && allowed.has(name))) {
      throw invalidAnswer("the token was issued to another client");
    }
    // OIDC Core §3.1.3.7: of several audiences, azp says which one it was issued to; `decideClaims` compares it.
    if (audience.length > 1 && payload.azp === undefined) throw invalidAnswer("azp is missing");
    // Userinfo takes access tokens, not this.
    const arrived = { idToken: payload, userInfo: undefined };
    const outcome = await readPerson(arrived, { occasion: "subject token", asked: ASKED, accessToken: undefined, now });
    return withEnd(outcome, payload.exp);
  }

  async function readAccessToken({ token, now }: SubjectToken): Promise<LoginOutcome> {
    if (!settings.userInfo) throw invalidAnswer("an access token says nothing without getUserInfo");
    // RFC 6749 §A.12. It goes into a header as it is.
    if (!/^[\x21-\x7e]{1,8192}$/.test(token)) throw invalidAnswer("the token is of another shape");
    const configuration = await upstream.configure(now);
    const issued = isJwt(token) ? (await verify(token, now)).payload : await introspect(configuration, token);
    if (![issued.client_id, issued.azp, issued.cid, issued.aud].flat().some(isAllowed)) {
      throw invalidAnswer("the token was issued to another client");
    }
    const userInfo = await callUpstream(() =>
      client.fetchUserInfo(configuration, token, issued.sub ?? client.skipSubjectCheck),
    );
    const arrived = { idToken: undefined, userInfo };
    const outcome = await readPerson(arrived, { occasion: "subject token", asked: ASKED, accessToken: token, now });
    return withEnd(outcome, issued.exp);
  }

  const isAllowed = (name: unknown) => typeof name === "string" && allowed.has(name);

  return (subject: SubjectToken): Promise<LoginOutcome> =>
    outcomeOf<LoginOutcome>(async () => {
      if (subject.type === ID_TOKEN) return readIdToken(subject);
      if (subject.type === ACCESS_TOKEN) return readAccessToken(subject);
      throw invalidAnswer("the subject token is of a type that is not taken");
    });
}

/** What is made of a token must not outlive it (RFC 8693 §5). */
function withEnd(outcome: LoginOutcome, exp: number | undefined): LoginOutcome {
  if (outcome.kind !== "identity" || exp === undefined) return outcome;
  return { ...outcome, validUntil: new Date(exp * 1000) };
}

const introspection = z.object({
  active: z.literal(true),
  sub: z.string().optional(),
  exp: z.number().min(0).max(8_640_000_000_000).optional(),
  client_id: z.string().optional(),
  azp: z.undefined(),
  cid: z.undefined(),
  aud: z.union([z.string(), z.array(z.string())]).optional(),
});

/** RFC 7662. Userinfo answers for every client's tokens, so it alone cannot tell whose this one is. */
async function introspect(configuration: client.Configuration, token: string): Promise<z.infer<typeof introspection>> {
  if (configuration.serverMetadata().introspection_endpoint === undefined) {
    throw invalidAnswer("the upstream does not say to whom it issued the token");
  }
  const answer = await callUpstream(() => client.tokenIntrospection(configuration, token));
  const parsed = introspection.safeParse({ ...answer, azp: undefined, cid: undefined });
  if (!parsed.success) throw invalidAnswer("the upstream does not know the token");
  return parsed.data;
}
