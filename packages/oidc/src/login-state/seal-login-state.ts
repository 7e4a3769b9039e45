import { addSeconds, decodeBase64Url, type Random, type Sealer } from "@dex/runtime";
import { z } from "zod";
import { RESPONSE_TYPES } from "../clients/client-details.ts";
import type { UserCode } from "../device-authorization/user-code.ts";
import type { AuthorizationRequest, VerifiedRedirectUri } from "../endpoints/authorization-request.ts";
import { RESPONSE_MODES } from "../endpoints/response-type.ts";
import { LOGIN_STATE_LIFETIME_SECONDS, type LoginState } from "./login-state.ts";

/** What a browser still carries with ease: two cookies, or a form field. */
export const MAX_SEALED_LOGIN_STATE_LENGTH = 7000;
/** Raised when the shape below changes, so that another release's state is told apart from a damaged one. */
const SHAPE_VERSION = 1;

const ID_BYTES = 16;

export interface LoginStates {
  /** A new flow for a validated request. */
  begin(request: AuthorizationRequest, now: Date): LoginState;
  /** Base64url text for the browser to keep, or undefined when it would be longer than MAX_SEALED_LOGIN_STATE_LENGTH. */
  seal(state: LoginState): string | undefined;
  /** The state named `id`, or undefined when `text` is not its seal, was altered, or has expired at `now`. */
  open(id: string, text: string, now: Date): LoginState | undefined;
  /** A new form token, for the state after somebody has signed in. */
  newFormToken(): string;
}

const optionalText = z.string().optional();
const sealedShape = z.strictObject({
  id: z.string(),
  expiresAt: z.int(),
  formToken: z.string(),
  upstream: z.strictObject({ connectorId: z.string(), data: z.record(z.string(), z.json()) }).optional(),
  signedInSession: optionalText,
  // Left out while they say nothing, so that workers of before and after these members read each other's states.
  intent: z.enum(["register", "link"]).optional(),
  unmatched: z
    .strictObject({
      connectorId: z.string(),
      remoteId: z.string(),
      email: optionalText,
      emailVerified: z.boolean(),
      displayName: optionalText,
      preferredUsername: optionalText,
      authTime: z.int(),
      amr: z.array(z.string()),
      sid: z.string().exactOptional(),
    })
    .optional(),
  remember: z.boolean().optional(),
  notice: z.enum(["address confirmed", "password changed", "no account yet", "account exists already"]).optional(),
  deviceUserCode: optionalText,
  backchannelRequest: z.strictObject({ id: z.string(), userId: z.string() }).optional(),
  request: z.strictObject({
    clientId: z.string(),
    redirectUri: z.string(),
    // Left out where a code travels in the query.
    responseType: z.enum(RESPONSE_TYPES).optional(),
    responseMode: z.enum(RESPONSE_MODES).optional(),
    responseInJwt: z.literal(true).optional(),
    scope: z.array(z.string()),
    state: optionalText,
    nonce: optionalText,
    codeChallenge: optionalText,
    dpopJkt: optionalText,
    prompt: z.array(z.enum(["none", "login", "consent", "select_account"])),
    maxAgeSeconds: z.int().nonnegative().optional(),
    loginHint: optionalText,
    hintedUserId: optionalText,
    hintedSector: optionalText,
    claims: z.strictObject({ userinfo: z.array(z.string()), idToken: z.array(z.string()) }).optional(),
    subjects: z.array(z.string()).optional(),
    essentialAcr: z.array(z.string()).optional(),
    resources: z.array(z.strictObject({ identifier: z.string(), scope: z.array(z.string()) })).optional(),
    authorizationDetails: z.array(z.looseObject({ type: z.string() }).catchall(z.json())).optional(),
    pushedAs: optionalText,
    requestObject: z.strictObject({ name: z.string(), until: z.int() }).optional(),
    connectorId: optionalText,
    shownConnectorIds: z.array(z.string()).optional(),
  }),
});

/** Login states as the browser keeps them: sealed, bound to their id, and gone after their lifetime (PKC-8). */
export function makeLoginStates(parts: { sealer: Sealer; random: Random; lifetimeSeconds?: number }): LoginStates {
  const { sealer, random, lifetimeSeconds = LOGIN_STATE_LIFETIME_SECONDS } = parts;
  const newText = () => random(ID_BYTES).toString("base64url");
  return {
    newFormToken: newText,
    begin(request, now) {
      return {
        id: newText(),
        expiresAt: addSeconds(now, lifetimeSeconds),
        request,
        formToken: newText(),
        upstream: undefined,
        signedInSession: undefined,
        intent: "sign in",
        unmatched: undefined,
        notice: undefined,
      };
    },
    seal(state) {
      const intent = state.intent === "sign in" ? undefined : state.intent;
      const unmatched = state.unmatched && { ...state.unmatched, authTime: state.unmatched.authTime.getTime() };
      const request = withoutDefaults(state.request);
      const json = JSON.stringify({ ...state, request, intent, unmatched, expiresAt: state.expiresAt.getTime() });
      const text = sealer.seal(Buffer.from(`${SHAPE_VERSION}${json}`), state.id).toString("base64url");
      return text.length > MAX_SEALED_LOGIN_STATE_LENGTH ? undefined : text;
    },
    open(id, text, now) {
      if (text.length > MAX_SEALED_LOGIN_STATE_LENGTH) return undefined;
      const sealed = decodeBase64Url(text);
      const plaintext = sealed === undefined ? undefined : sealer.open(sealed, id)?.plaintext.toString();
      const state = plaintext === undefined ? undefined : parseLoginState(plaintext);
      return state === undefined || state.id !== id || state.expiresAt <= now ? undefined : state;
    },
  };
}

function withoutDefaults({ responseType, responseMode, requestObject, ...request }: AuthorizationRequest) {
  return {
    ...request,
    requestObject: requestObject && { ...requestObject, until: requestObject.until.getTime() },
    responseType: responseType === "code" ? undefined : responseType,
    responseMode: responseMode === "query" ? undefined : responseMode,
  };
}

function parseLoginState(plaintext: string): LoginState | undefined {
  // The seal is ours, so this is whole JSON; only its shape can be that of another release.
  if (!plaintext.startsWith(`${SHAPE_VERSION}{`)) return undefined;
  const parsed = sealedShape.safeParse(JSON.parse(plaintext.slice(1)));
  if (!parsed.success) return undefined;
  const { request, upstream, unmatched, ...state } = parsed.data;
  return {
    id: state.id,
    formToken: state.formToken,
    expiresAt: new Date(state.expiresAt),
    signedInSession: state.signedInSession,
    upstream: upstream === undefined ? undefined : { connectorId: upstream.connectorId, data: upstream.data },
    intent: state.intent ?? "sign in",
    unmatched:
      unmatched === undefined
        ? undefined
        : {
            ...unmatched,
            email: unmatched.email,
            displayName: unmatched.displayName,
            preferredUsername: unmatched.preferredUsername,
            authTime: new Date(unmatched.authTime),
          },
    notice: state.notice,
    ...(state.remember === undefined ? {} : { remember: state.remember }),
    // As it was when it was sealed.
    ...(state.deviceUserCode === undefined ? {} : { deviceUserCode: state.deviceUserCode as UserCode }),
    ...(state.backchannelRequest === undefined ? {} : { backchannelRequest: state.backchannelRequest }),
    request: {
      clientId: request.clientId,
      // It matched when the request was sealed, and the seal proves that nobody has changed it since.
      redirectUri: request.redirectUri as VerifiedRedirectUri,
      responseType: request.responseType ?? "code",
      responseMode: request.responseMode ?? "query",
      scope: request.scope,
      state: request.state,
      nonce: request.nonce,
      codeChallenge: request.codeChallenge,
      prompt: request.prompt,
      maxAgeSeconds: request.maxAgeSeconds,
      loginHint: request.loginHint,
      hintedUserId: request.hintedUserId,
      connectorId: request.connectorId,
      ...(request.shownConnectorIds === undefined ? {} : { shownConnectorIds: request.shownConnectorIds }),
      ...(request.dpopJkt === undefined ? {} : { dpopJkt: request.dpopJkt }),
      ...(request.hintedSector === undefined ? {} : { hintedSector: request.hintedSector }),
      ...(request.claims === undefined ? {} : { claims: request.claims }),
      ...(request.subjects === undefined ? {} : { subjects: request.subjects }),
      ...(request.responseInJwt === undefined ? {} : { responseInJwt: request.responseInJwt }),
      ...(request.pushedAs === undefined ? {} : { pushedAs: request.pushedAs }),
      ...(request.requestObject && {
        requestObject: { name: request.requestObject.name, until: new Date(request.requestObject.until) },
      }),
      ...(request.essentialAcr === undefined ? {} : { essentialAcr: request.essentialAcr }),
      ...(request.resources === undefined ? {} : { resources: request.resources }),
      ...(request.authorizationDetails === undefined ? {} : { authorizationDetails: request.authorizationDetails }),
    },
  };
}
