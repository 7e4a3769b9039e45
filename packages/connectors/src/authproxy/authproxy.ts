// A reverse proxy of the operator's signs people in and says in headers who they are. It stands in front of our callback,
// to which the browser is sent at once. Headers are read there and nowhere else.
import type { CallbackLogin, CallbackRequest, CheckStep, LoginOutcome, StoredConnector } from "../connector.ts";
import { type ConnectorKind, type ConnectorParts, describeIssues, knownMembers } from "../connector-kind.ts";
import { displayNameOf } from "../display-name.ts";
import { invalidAnswer, outcomeOf } from "../login-refused.ts";
import { requiredText } from "../upstream-text.ts";
import { type AuthproxyConfig, authproxyConfigSchema, secretHeaderOf, toHeaders } from "./config.ts";
import { type ProxyTrust, toNetworks, whyNotProxied } from "./trusted-proxy.ts";

const MAX_TEXT = 255;
/** RFC 5321 §4.5.3.1.3 */
const MAX_EMAIL = 254;
const MAX_GROUPS = 1000;

export const authproxyKind: ConnectorKind = {
  type: "authproxy",
  title: "AuthProxy",
  capabilities: {
    login: "callback",
    refresh: "no",
    groups: "yes",
    preferredUsername: "yes",
    tokenIdentity: "no",
    upstreamLogout: "no",
  },
  schema: authproxyConfigSchema,
  secretFields: ["proxySecret"],
  // The secret is compared, never sent; a new header name would let its sender choose where it is looked for.
  secretAudience: ["proxySecretHeader"],
  parse(config) {
    const parsed = authproxyConfigSchema.safeParse(config);
    return parsed.success
      ? { kind: "config", config: knownMembers(config, authproxyConfigSchema) }
      : { kind: "refused", reason: describeIssues(parsed.error) };
  },
  open(stored, parts) {
    const refused = (reason: string) => ({ kind: "refused" as const, id: stored.id, reason });
    const parsed = authproxyConfigSchema.safeParse(stored.config);
    if (!parsed.success) return refused(describeIssues(parsed.error));
    const trust = toTrust(parsed.data);
    if (trust.networks === undefined && trust.secret === undefined) {
      return refused(
        "trustedProxies: expected the proxy's networks, or a proxySecret: anybody could send these headers",
      );
    }
    const { id, type } = stored;
    const login = makeAuthproxyLogin(stored, parsed.data, trust, parts);
    return {
      kind: "connector",
      connector: { id, type, displayName: displayNameOf(stored), login, check: async () => describeTrust(parsed.data) },
    };
  },
};

function toTrust(config: AuthproxyConfig): ProxyTrust {
  return {
    networks: config.trustedProxies === undefined ? undefined : toNetworks(config.trustedProxies),
    secret: config.proxySecret ? { header: secretHeaderOf(config), value: config.proxySecret } : undefined,
  };
}

function makeAuthproxyLogin(
  stored: StoredConnector,
  config: AuthproxyConfig,
  trust: ProxyTrust,
  { trace }: Pick<ConnectorParts, "trace">,
): CallbackLogin {
  return {
    kind: "callback",
    async begin({ callbackUrl, state }) {
      const to = new URL(callbackUrl);
      to.searchParams.set("state", state);
      return { kind: "redirect", to: to.href, data: {} };
    },
    finish: ({ query, state, request }) =>
      outcomeOf(async (): Promise<LoginOutcome> => {
        if (state === "" || query.get("state") !== state) throw invalidAnswer("state is another one");
        const problem = whyNotProxied(trust, request);
        if (problem !== undefined) throw invalidAnswer(problem);
        const read = (name: string, maxLength: number) => readHeader(request, name, maxLength);
        const identity = readIdentity(stored.id, config, read);
        trace?.({ kind: "claims", source: "headers of the proxy", claims: identity });
        return { kind: "identity", identity };
      }),
  };
}

function readIdentity(
  connectorId: string,
  config: AuthproxyConfig,
  read: (name: string, maxLength: number) => string | undefined,
) {
  const headers = toHeaders(config);
  const user = read(headers.userHeader, MAX_TEXT);
  if (user === undefined) throw invalidAnswer(`header ${headers.userHeader}: expected it exactly once, not empty`);
  const id = read(headers.userIDHeader, MAX_TEXT);
  // Where ids were configured, a name must not stand in for one: somebody's name may be somebody else's id (ACC-14).
  if (id === undefined && config.userIDHeader !== undefined) {
    throw invalidAnswer(`header ${headers.userIDHeader}: expected it exactly once, not empty`);
  }
  const listed = read(headers.groupHeader, Number.POSITIVE_INFINITY)?.split(config.groupHeaderSeparator ?? ",") ?? [];
  const groups = [
    ...listed.map((group) => group.trim()).filter((group) => group !== ""),
    ...(config.staticGroups ?? []),
  ];
  if (groups.length > MAX_GROUPS || groups.some((group) => group.length > MAX_TEXT)) {
    throw invalidAnswer(`header ${headers.groupHeader}: too many groups, or one that is too long`);
  }
  return {
    connectorId,
    remoteId: id ?? user,
    email: read(headers.emailHeader, MAX_EMAIL) ?? user.slice(0, MAX_EMAIL),
    emailVerified: config.trustedEmailProvider ?? true,
    displayName: user,
    preferredUsername: read(headers.userNameHeader, MAX_TEXT) ?? user,
    groups,
    // The proxy says neither when nor how.
    authTime: undefined,
    amr: [],
  };
}

/** The header as text; undefined when it is missing or empty. Node reads bytes as Latin-1, proxies write UTF-8. */
function readHeader(request: CallbackRequest, name: string, maxLength: number): string | undefined {
  const bytes = request.header(name);
  if (bytes === undefined) return undefined;
  const value = fromUtf8(bytes).trim();
  if (value === "") return undefined;
  const text = requiredText(maxLength).safeParse(value);
  if (!text.success) throw invalidAnswer(`header ${name}: too long, or not text`);
  return text.data;
}

function fromUtf8(latin1: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(latin1, "latin1"));
  } catch {
    return latin1;
  }
}

/** Nothing can be asked without a person: the proxy asks us. */
function describeTrust({ trustedProxies = [], proxySecret }: AuthproxyConfig): readonly CheckStep[] {
  const both = [
    ...(trustedProxies.length === 0 ? [] : [`requests from ${trustedProxies.join(", ")}`]),
    ...(proxySecret ? ["requests that carry the secret"] : []),
  ];
  return [
    { name: "trusted proxy", ok: true, detail: `takes ${both.join(" and only ")}; the proxy itself was not asked` },
  ];
}
