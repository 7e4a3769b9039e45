// SAML 2.0 web sign-in, service provider side: a signed answer, posted by the browser, to a request of ours.
import { addSeconds, type JsonObject } from "@dex/runtime";
import * as z from "zod";
import { makeBoundedFetch, OUTBOUND_LIMITS } from "../bounded-fetch.ts";
import { makeCircuitBreaker } from "../circuit-breaker.ts";
import type { CallbackLogin, Connector, LoginOutcome, StoredConnector, UpstreamRefresh } from "../connector.ts";
import { type ConnectorKind, type ConnectorParts, describeIssues, knownMembers } from "../connector-kind.ts";
import { displayNameOf } from "../display-name.ts";
import { invalidAnswer, LoginRefused, outcomeOf, unavailable } from "../login-refused.ts";
import { chooseRedirectUri } from "../redirect-uri.ts";
import { checkSaml } from "./check.ts";
import { CLOCK_SKEW_SECONDS, checkConditions } from "./conditions.ts";
import { type SamlSettings, samlConfigSchema, toSamlSettings } from "./config.ts";
import { SUCCESS } from "./names.ts";
import { permittedGroups, readPerson, type SamlPerson, toIdentity } from "./person.ts";
import { audienceOf, makeAuthnRequest, makeMetadata } from "./request.ts";
import { statusOf, verifyResponse } from "./response.ts";
import { makeLogoutUrl } from "./sign-out.ts";
import { decodeBase64 } from "./strict-xml.ts";

const REQUEST_ID_BYTES = 20;
const MAX_GRANT_LENGTH = 16_000;
/** The request it answers has long expired then: an assertion that says it is valid for years fills no table for years. */
const MAX_REMEMBERED_SECONDS = 86_400;

export const samlKind: ConnectorKind = {
  type: "saml",
  title: "SAML 2.0",
  capabilities: {
    login: "callback",
    refresh: "if `enableCachedRefresh` is set",
    groups: "if `groupsAttr` is set",
    preferredUsername: "no",
    tokenIdentity: "no",
    upstreamLogout: "if `sloURL` is set",
  },
  schema: samlConfigSchema,
  secretFields: ["privateKey"],
  secretAudience: ["ssoURL", "sloURL", "entityIssuer"],
  parse(config) {
    const parsed = samlConfigSchema.safeParse(config);
    return parsed.success
      ? { kind: "config", config: knownMembers(config, samlConfigSchema) }
      : { kind: "refused", reason: describeIssues(parsed.error) };
  },
  open(stored, parts) {
    const refused = (reason: string) => ({ kind: "refused" as const, id: stored.id, reason });
    const parsed = samlConfigSchema.safeParse(stored.config);
    if (!parsed.success) return refused(describeIssues(parsed.error));
    try {
      return { kind: "connector", connector: makeSamlConnector(stored, toSamlSettings(parsed.data), parts) };
    } catch (error) {
      if (error instanceof Error) return refused(error.message);
      throw error;
    }
  },
};

function makeSamlConnector(stored: StoredConnector, settings: SamlSettings, parts: ConnectorParts): Connector {
  const fetch = makeBoundedFetch({
    trustedOrigin: new URL(settings.ssoUrl),
    privateAddressesAllowed: false,
    breaker: makeCircuitBreaker(parts.clock),
    limits: OUTBOUND_LIMITS,
  });
  return {
    id: stored.id,
    type: stored.type,
    displayName: displayNameOf(stored),
    login: makeSamlLogin(stored.id, settings, parts),
    ...(settings.cachedRefresh ? { refresh: async (input) => refreshFromCache(stored.id, settings, input) } : {}),
    ...(settings.sloUrl === undefined ? {} : { signOut: makeSamlSignOut(settings, settings.sloUrl, parts) }),
    metadata: (callbackUrl, signedOutUrl) => ({
      contentType: "application/samlmetadata+xml; charset=utf-8",
      body: makeMetadata(settings, chooseRedirectUri(callbackUrl, settings.redirectUri) ?? callbackUrl, signedOutUrl),
    }),
    check: () => checkSaml(settings, fetch, parts.clock),
  };
}

function makeSamlLogin(connectorId: string, settings: SamlSettings, parts: ConnectorParts): CallbackLogin {
  return {
    kind: "callback",
    answersBy: "form",
    stateParameter: "RelayState",
    async begin({ callbackUrl: own, state, wish }) {
      const callbackUrl = chooseRedirectUri(own, settings.redirectUri);
      if (callbackUrl === undefined) {
        return { kind: "unavailable", detail: "redirectURI is not an address of this server" };
      }
      const id = `_${parts.random(REQUEST_ID_BYTES).toString("hex")}`;
      const request = await makeAuthnRequest(settings, { id, callbackUrl, wish });
      // SAM-9: RelayState names our flow and is no address.
      const fields = { SAMLRequest: request, RelayState: state };
      return { kind: "form", to: settings.ssoUrl, fields, data: { requestId: id } };
    },
    finish: ({ callbackUrl, query, data, asked, now }) =>
      outcomeOf(async () => {
        const bytes = decodeBase64(query.get("SAMLResponse") ?? "", "SAMLResponse");
        const at = chooseRedirectUri(callbackUrl, settings.redirectUri) ?? callbackUrl;
        const proved = await readAnswer(bytes, { settings, parts, connectorId, requestId: data.requestId, at }, now);
        const groups = permittedGroups(proved.person.groups, settings.groups, parts.trace);
        const identity = toIdentity(connectorId, proved.person, {
          groups: asked.groups ? groups : undefined,
          emailVerified: settings.trustedEmailProvider,
          authTime: proved.authTime,
        });
        const grant = settings.cachedRefresh && asked.offlineAccess ? toGrant(proved.person) : undefined;
        return { kind: "identity", identity, ...(grant === undefined ? {} : { grant }) };
      }),
  };
}

function makeSamlSignOut(
  settings: SamlSettings,
  sloUrl: string,
  { clock, random }: Pick<ConnectorParts, "clock" | "random">,
): NonNullable<Connector["signOut"]> {
  return async ({ remoteId, callbackUrl: own, state }) => {
    const id = `_${random(REQUEST_ID_BYTES).toString("hex")}`;
    const callbackUrl = chooseRedirectUri(own, settings.redirectUri) ?? own;
    const request = { id, sloUrl, callbackUrl, remoteId, relayState: state, now: clock() };
    // The identity provider answers where our metadata says: a LogoutRequest names no address.
    return { kind: "redirect", to: await makeLogoutUrl(settings, request), data: {} };
  };
}

interface Answered {
  readonly settings: SamlSettings;
  readonly parts: Pick<ConnectorParts, "useOnce" | "trace">;
  readonly connectorId: string;
  readonly requestId: unknown;
  readonly at: string;
}

async function readAnswer(
  bytes: Buffer,
  { settings, parts, connectorId, requestId, at }: Answered,
  now: Date,
): Promise<{ person: SamlPerson; authTime: Date | undefined }> {
  const status = statusOf(bytes);
  if (status.code !== SUCCESS) throw deniedUpstream(status);
  // An answer that nobody asked for has nothing to be an answer to (SAM-6).
  if (typeof requestId !== "string" || requestId === "") throw invalidAnswer("nothing was asked");
  const verify = settings.certificates
    .filter(({ validFromDate, validToDate }) => validFromDate <= now && now <= validToDate)
    .map(({ publicKey }) => publicKey);
  if (verify.length === 0) throw unavailable("no configured certificate is within its dates");
  const { response, assertion } = verifyResponse(bytes, { verify, decrypt: settings.privateKey });
  const expected = { callbackUrl: at, audience: audienceOf(settings, at), issuer: settings.ssoIssuer, requestId };
  const accepted = checkConditions(response, assertion, expected, now);
  await refuseReplay(`saml\0${connectorId}\0${accepted.issuer}\0${accepted.id}`, accepted.usableUntil, parts, now);
  return { person: readPerson(assertion, settings, parts.trace), authTime: accepted.authTime };
}

/** Only what a signature covers gets here, so that nobody else fills the table (SAM-7). */
async function refuseReplay(
  key: string,
  usableUntil: Date,
  { useOnce }: Pick<ConnectorParts, "useOnce">,
  now: Date,
): Promise<void> {
  const latest = addSeconds(now, MAX_REMEMBERED_SECONDS);
  const until = addSeconds(usableUntil < latest ? usableUntil : latest, CLOCK_SKEW_SECONDS);
  const first = (await useOnce?.(key, until)) ?? true;
  if (!first) throw invalidAnswer("the assertion was used before");
}

function deniedUpstream({ code, message }: ReturnType<typeof statusOf>): LoginRefused {
  const detail = `status ${code.split(":").at(-1)?.slice(0, 60) ?? ""}${message === undefined ? "" : `: ${message}`}`;
  return new LoginRefused({ kind: "refused", reason: "denied upstream", detail });
}

const grantSchema = z.object({
  remoteId: z.string().min(1),
  displayName: z.string(),
  email: z.string(),
  groups: z.array(z.string()).optional(),
});

/** Undefined when there is too much to keep: then there is no refresh either. */
function toGrant({ remoteId, displayName, email, groups }: SamlPerson): JsonObject | undefined {
  const grant = { remoteId, displayName, email, ...(groups === undefined ? {} : { groups: [...groups] }) };
  return JSON.stringify(grant).length > MAX_GRANT_LENGTH ? undefined : grant;
}

/** What the last sign-in said, by the rules of today. The identity provider is not asked: it has nobody who could answer. */
async function refreshFromCache(
  connectorId: string,
  settings: SamlSettings,
  { grant, remoteId, asked }: UpstreamRefresh,
): Promise<LoginOutcome> {
  return outcomeOf(async () => {
    const parsed = grantSchema.safeParse(grant);
    if (!parsed.success) throw invalidAnswer("what was kept of the sign-in cannot be read");
    const person = { ...parsed.data, groups: parsed.data.groups };
    if (person.remoteId !== remoteId) throw invalidAnswer("what was kept of the sign-in is about somebody else");
    const groups = permittedGroups(person.groups, settings.groups, undefined);
    const identity = toIdentity(connectorId, person, {
      groups: asked.groups ? groups : undefined,
      emailVerified: settings.trustedEmailProvider,
      authTime: undefined,
    });
    return { kind: "identity", identity };
  });
}
