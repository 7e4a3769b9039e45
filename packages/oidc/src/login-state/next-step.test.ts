import { sha256, systemRandom } from "@dex/runtime";
import { expect, test } from "vitest";
import { client, jane, later, now, sealers, subjects } from "../../test/fakes.ts";
import { matchRedirectUri } from "../clients/redirect-uri.ts";
import { parseUserCode } from "../device-authorization/user-code.ts";
import type { AuthorizationRequest, Prompt } from "../endpoints/authorization-request.ts";
import type { Session, UpstreamClaim } from "../ports.ts";
import type { LoginState } from "./login-state.ts";
import { decideNextStep } from "./next-step.ts";
import { makeLoginStates } from "./seal-login-state.ts";

const states = makeLoginStates({ sealer: sealers().loginState, random: systemRandom });
const uri = "https://a.example/cb";
const request: AuthorizationRequest = {
  clientId: "client-a",
  redirectUri: matchRedirectUri({ public: false, redirectUris: [uri] }, uri) ?? expect.fail("registered"),
  responseType: "code",
  responseMode: "query",
  scope: ["openid", "email"],
  state: undefined,
  nonce: undefined,
  codeChallenge: undefined,
  prompt: [],
  maxAgeSeconds: undefined,
  loginHint: undefined,
  hintedUserId: undefined,
  connectorId: undefined,
};
const session: Session = {
  hash: sha256("session"),
  user: jane,
  connectorId: "local",
  authTime: later(-300),
  amr: ["pwd"],
  asked: [],
  expiresAt: later(3600),
  consentedScope: ["openid", "email"],
};
const everything = ["openid", "groups", "offline_access"];
const atCorp: Session = {
  ...session,
  user: { ...jane, groups: undefined },
  connectorId: "corp",
  consentedScope: everything,
};
const unasked = { ...session, consentedScope: undefined };
const here = session.hash.toString("base64url");
const trusted = { ...client, trusted: true };
const prompt = (...words: Prompt[]) => ({ prompt: words });

const unmatched: LoginState["unmatched"] = {
  connectorId: "corp",
  remoteId: "r-1",
  email: jane.email,
  emailVerified: true,
  displayName: undefined,
  preferredUsername: undefined,
  authTime: now,
  amr: [],
};

interface Row {
  when: string;
  intent?: LoginState["intent"];
  unmatched?: LoginState["unmatched"];
  request?: Partial<AuthorizationRequest>;
  session?: Session | undefined;
  signedInSession?: string;
  client?: typeof client;
  /** What the client says that the session was begun for; everybody's when left out. */
  sharedWith?: readonly string[];
  /** What the connector of the session can give; nothing when left out. */
  gives?: readonly UpstreamClaim[];
  step: string;
  by: string;
}
const ofAnother = { ...session, provedFor: ["another"] };
const rows: Row[] = [
  {
    when: "the session was begun for a client that shares it",
    session: ofAnother,
    sharedWith: ["client-a"],
    step: "finish",
    by: "dex v2 ssoSharedWith",
  },
  {
    when: "the session was begun for a client that keeps it to itself",
    session: ofAnother,
    sharedWith: [],
    step: "authenticate: the sign-in was for a client that does not share it",
    by: "dex v2 ssoSharedWith",
  },
  {
    when: "such a session is asked for without a page",
    request: prompt("none"),
    session: ofAnother,
    sharedWith: [],
    step: "refuse: login_required",
    by: "AUT-4, dex v2 ssoSharedWith",
  },
  {
    when: "the person signed in here in place of such a session",
    session: { ...session, provedFor: ["another", "client-a"] },
    sharedWith: [],
    signedInSession: here,
    step: "finish",
    by: "dex v2 ssoSharedWith",
  },
  { when: "the session has all it needs", session, step: "finish", by: "OIDC Core §3.1.2.3" },
  {
    when: "the pushed request has had its answer, though the person would have to sign in again",
    request: { pushedAs: "pushed", ...prompt("login") },
    session: { ...session, answered: true },
    step: "refuse: invalid_request_uri",
    by: "RFC 9126 §4, PAR-1",
  },
  {
    when: "it has, and no page is to be shown",
    request: { pushedAs: "pushed", ...prompt("none") },
    session: { ...session, answered: true },
    step: "refuse: invalid_request_uri",
    by: "PAR-1",
  },
  {
    when: "the request object has had its answer",
    request: { requestObject: { name: "object", until: later(60) } },
    session: { ...session, answered: true },
    step: "refuse: invalid_request_object",
    by: "RFC 9101 §4",
  },
  { when: "there is no session", step: "authenticate: no session", by: "OIDC Core §3.1.2.3" },
  {
    when: "a new account is wanted, whoever is signed in",
    intent: "register",
    session,
    step: "authenticate: a new account is wanted",
    by: "OpenID prompt=create §4.1",
  },
  {
    when: "the new account has signed in",
    intent: "register",
    session,
    signedInSession: here,
    step: "finish",
    by: "idem",
  },
  {
    when: "a new account is wanted without a page",
    intent: "register",
    request: prompt("none"),
    session,
    step: "refuse: login_required",
    by: "AUT-4",
  },
  {
    when: "an identity was proved and its owner signed in here",
    unmatched,
    session: unasked,
    signedInSession: here,
    step: "link: r-1",
    by: "ACC-12",
  },
  { when: "an identity was proved and nobody signed in since", unmatched, session, step: "finish", by: "ACC-12" },
  { when: "an identity is to be linked", intent: "link", session, step: "prove identity", by: "ACC-12" },
  {
    when: "an identity is to be linked and is proved",
    intent: "link",
    unmatched,
    session,
    step: "link: r-1",
    by: "ACC-12",
  },
  {
    when: "an identity is to be linked, signed out",
    intent: "link",
    unmatched,
    step: "authenticate: no session",
    by: "ACC-12",
  },
  {
    when: "an identity is to be linked after too long",
    intent: "link",
    unmatched,
    request: { maxAgeSeconds: 1 },
    session,
    step: "authenticate: max_age passed",
    by: "AUT-5",
  },
  { when: "there is no session", request: prompt("none"), step: "refuse: login_required", by: "AUT-4" },
  {
    when: "the session has just expired",
    session: { ...session, expiresAt: now },
    step: "authenticate: no session",
    by: "ASVS 7.3",
  },
  { when: "the session fits", request: prompt("none"), session, step: "finish", by: "AUT-4" },
  { when: "prompt=login", request: prompt("login"), session, step: "authenticate: prompt=login", by: "AUT-5" },
  {
    when: "prompt=login, signed in here",
    request: prompt("login"),
    session,
    signedInSession: here,
    step: "finish",
    by: "AUT-5",
  },
  {
    when: "prompt=login, another session signed in here",
    request: prompt("login"),
    session,
    signedInSession: "x",
    step: "authenticate: prompt=login",
    by: "AUT-5",
  },
  {
    when: "prompt=login, signed in here, but the upstream answered from an old session",
    request: prompt("login"),
    session: { ...session, authTime: later(-3600) },
    signedInSession: here,
    step: "refuse: login_required",
    by: "AUT-5",
  },
  {
    when: "prompt=select_account",
    request: prompt("select_account"),
    session,
    step: "authenticate: prompt=select_account",
    by: "OIDC Core §3.1.2.1",
  },
  {
    when: "prompt=select_account, signed in here",
    request: prompt("select_account"),
    session,
    signedInSession: here,
    step: "finish",
    by: "OIDC Core §3.1.2.1",
  },
  {
    when: "max_age has passed",
    request: { maxAgeSeconds: 299 },
    session,
    step: "authenticate: max_age passed",
    by: "AUT-5",
  },
  { when: "max_age is just reached", request: { maxAgeSeconds: 300 }, session, step: "finish", by: "AUT-5" },
  { when: "max_age has not passed", request: { maxAgeSeconds: 10_000 }, session, step: "finish", by: "AUT-5" },
  {
    when: "max_age has passed, prompt=none",
    request: { maxAgeSeconds: 1, ...prompt("none") },
    session,
    step: "refuse: login_required",
    by: "AUT-4, AUT-5",
  },
  {
    when: "max_age is 0",
    request: { maxAgeSeconds: 0 },
    session: { ...session, authTime: now },
    step: "authenticate: max_age passed",
    by: "AUT-5",
  },
  {
    when: "max_age is 0, signed in here",
    request: { maxAgeSeconds: 0 },
    session,
    signedInSession: here,
    step: "finish",
    by: "AUT-5",
  },
  {
    when: "max_age has passed, signed in here, but the upstream answered from an old session",
    request: { maxAgeSeconds: 60 },
    session: { ...session, authTime: later(-3600) },
    signedInSession: here,
    step: "refuse: login_required",
    by: "AUT-5",
  },
  {
    when: "the hint names this user",
    request: { hintedUserId: jane.id, ...prompt("none") },
    session,
    step: "finish",
    by: "AUT-6",
  },
  {
    when: "the hint names another user",
    request: { hintedUserId: "other" },
    session,
    step: "authenticate: another user is signed in",
    by: "AUT-6",
  },
  {
    when: "the hint names another user, prompt=none",
    request: { hintedUserId: "other", ...prompt("none") },
    session,
    step: "refuse: login_required",
    by: "AUT-6",
  },
  {
    when: "the hint names another user than signed in here",
    request: { hintedUserId: "other" },
    session,
    signedInSession: here,
    step: "refuse: login_required",
    by: "AUT-6",
  },
  {
    when: "the login_hint names somebody else",
    request: { loginHint: "other@example.com" },
    session,
    step: "finish",
    by: "AUT-6",
  },
  { when: "consent was never asked for", session: unasked, step: "consent: openid email", by: "OIDC Core §3.1.2.4" },
  {
    when: "consent was never asked for, prompt=none",
    request: prompt("none"),
    session: unasked,
    step: "refuse: consent_required",
    by: "AUT-4",
  },
  {
    when: "consent was never asked for, trusted client",
    session: unasked,
    client: trusted,
    step: "finish",
    by: "OIDC Core §3.1.2.4",
  },
  {
    when: "consent was never asked for, trusted client, prompt=none",
    request: prompt("none"),
    session: unasked,
    client: trusted,
    step: "finish",
    by: "AUT-4",
  },
  {
    when: "prompt=consent",
    request: prompt("consent"),
    session,
    step: "consent: openid email",
    by: "OIDC Core §3.1.2.1",
  },
  {
    when: "prompt=consent, trusted client",
    request: prompt("consent"),
    session,
    client: trusted,
    step: "consent: openid email",
    by: "OIDC Core §3.1.2.1",
  },
  {
    when: "prompt=login consent",
    request: prompt("login", "consent"),
    session,
    step: "authenticate: prompt=login",
    by: "OIDC Core §3.1.2.1",
  },
  {
    when: "more is asked for than was granted",
    request: { scope: ["openid", "email", "groups"] },
    session,
    step: "consent: openid email groups",
    by: "OIDC Core §3.1.2.4",
  },
  {
    when: "offline access was not granted yet",
    request: { scope: ["openid", "offline_access"] },
    session,
    step: "consent: openid offline_access",
    by: "REF-11",
  },
  {
    when: "less is asked for than was granted",
    request: { scope: ["openid"] },
    session,
    step: "finish",
    by: "OIDC Core §3.1.2.4",
  },
  {
    when: "openid is all that was not granted",
    session: { ...session, consentedScope: ["email"] },
    step: "finish",
    by: "OIDC Core §3.1.2.4",
  },
  {
    when: "groups are asked for, which the connector was not asked for",
    request: { scope: ["openid", "groups"] },
    session: atCorp,
    gives: ["groups"],
    step: "authenticate: the connector was asked for less, through corp",
    by: "connectors §2.2",
  },
  {
    when: "groups are asked for, which the connector was not asked for but gave",
    request: { scope: ["openid", "groups"] },
    session: { ...atCorp, user: jane },
    gives: ["groups"],
    step: "finish",
    by: "connectors §2.2",
  },
  {
    when: "groups are asked for, which the connector was asked for and did not give",
    request: { scope: ["openid", "groups"] },
    session: { ...atCorp, asked: ["groups"] },
    gives: ["groups", "offline_access"],
    step: "finish",
    by: "connectors §2.2",
  },
  {
    when: "groups are asked for, which the connector cannot give",
    request: { scope: ["openid", "groups"] },
    session: atCorp,
    gives: ["offline_access"],
    step: "finish",
    by: "connectors §2.2",
  },
  {
    when: "groups are asked for without a page, which the connector was not asked for",
    request: { scope: ["openid", "groups"], ...prompt("none") },
    session: atCorp,
    gives: ["groups"],
    step: "finish",
    by: "AUT-4",
  },
  {
    when: "offline access is asked for, which the connector was not asked for",
    request: { scope: ["openid", "offline_access"] },
    session: { ...atCorp, asked: ["groups"] },
    gives: ["groups", "offline_access"],
    step: "authenticate: the connector was asked for less, through corp",
    by: "connectors §2.4",
  },
  {
    when: "offline access is asked for by a client that may not refresh",
    request: { scope: ["openid", "offline_access"] },
    session: atCorp,
    client: { ...client, grantTypes: ["authorization_code"] },
    gives: ["offline_access"],
    step: "finish",
    by: "connectors §2.4",
  },
  {
    when: "an identity that the login state kept has signed in here, and its groups are asked for",
    request: { scope: ["openid", "groups"] },
    session: atCorp,
    signedInSession: here,
    gives: ["groups"],
    step: "authenticate: the connector was asked for less, through corp",
    by: "connectors §2.2",
  },
  {
    when: "somebody else's groups are asked for",
    request: { scope: ["openid", "groups"], hintedUserId: "other" },
    session: atCorp,
    gives: ["groups"],
    step: "authenticate: another user is signed in",
    by: "AUT-6",
  },
  {
    when: "the client allows the connector of the session",
    session,
    client: { ...client, allowedConnectors: ["corp", "local"] },
    step: "finish",
    by: "SAM-8",
  },
  {
    when: "the client does not allow the connector of the session",
    session,
    client: { ...client, allowedConnectors: ["corp"] },
    step: "authenticate: the client does not allow the connector",
    by: "SAM-8",
  },
  {
    when: "the client does not allow the connector of the session, prompt=none",
    request: prompt("none"),
    session,
    client: { ...client, allowedConnectors: ["corp"] },
    step: "refuse: login_required",
    by: "SAM-8",
  },
  {
    when: "claims ask for another subject",
    request: { subjects: ["other"] },
    session,
    step: "authenticate: another user is signed in",
    by: "AUT-7, OIDC Core §5.5.1",
  },
  {
    when: "claims ask for another subject than signed in here",
    request: { subjects: ["other"] },
    session,
    signedInSession: here,
    step: "refuse: login_required",
    by: "AUT-7, OIDC Core §5.5.1",
  },
  {
    when: "claims ask for this subject among others",
    request: { subjects: ["other", jane.id] },
    session,
    step: "finish",
    by: "OIDC Core §5.5.1",
  },
  {
    when: "an essential acr is more than the session has",
    request: { essentialAcr: ["2"] },
    session,
    step: "authenticate: the sign-in is not of the kind asked for",
    by: "OIDC Core §5.5.1.1",
  },
  {
    when: "an essential acr is more than the sign-in just now",
    request: { essentialAcr: ["2"] },
    session,
    signedInSession: here,
    step: "refuse: login_required",
    by: "OIDC Core §5.5.1.1",
  },
  {
    when: "an essential acr is what the session has",
    request: { essentialAcr: ["1", "2"] },
    session: { ...session, amr: ["pwd", "mfa"] },
    step: "finish",
    by: "OIDC Core §5.5.1.1",
  },
  {
    when: "claims go beyond what the user granted",
    request: { claims: { userinfo: ["name"], idToken: ["phone_number"] } },
    session,
    step: "consent: openid email profile phone",
    by: "OIDC Core §5.5",
  },
  {
    when: "claims are within what the user granted",
    request: { scope: ["openid"], claims: { userinfo: ["email"], idToken: [] } },
    session,
    step: "finish",
    by: "OIDC Core §5.5",
  },
  {
    when: "a pairwise client's hint names this user",
    request: { hintedUserId: subjects.of(session, "a.example"), hintedSector: "a.example" },
    session,
    step: "finish",
    by: "AUT-6, OIDC Core §8.1",
  },
  {
    when: "a pairwise client's hint names somebody of another sector",
    request: { hintedUserId: subjects.of(session, "a.example"), hintedSector: "b.example" },
    session,
    step: "authenticate: another user is signed in",
    by: "AUT-6, OIDC Core §8.1",
  },
  {
    when: "the client stopped allowing the connector while the person signed in",
    session,
    signedInSession: here,
    client: { ...client, allowedConnectors: ["corp"] },
    step: "refuse: login_required",
    by: "SAM-8",
  },
];
const forDevice = [
  { when: "nobody is signed in", session: undefined, client, step: "authenticate: no session" },
  { when: "the client is trusted", session, client: { ...client, trusted: true }, step: "approve device" },
  {
    when: "everything was allowed before",
    session: { ...session, consentedScope: request.scope },
    client,
    step: "approve device",
  },
  {
    when: "the client allows another connector",
    session,
    client: { ...client, allowedConnectors: ["corp"] },
    step: "authenticate: the client does not allow the connector",
  },
];
test.each(forDevice)("for a device, when $when: $step (DEV-1)", ({ session: browser, client: asking, step }) => {
  const deviceUserCode = parseUserCode("WDJB-MJHT");
  if (deviceUserCode === undefined) throw new Error("expected a code");
  const state = { ...states.begin(request, now), deviceUserCode };
  const facts = {
    session: browser,
    client: asking,
    gives: () => [],
    subjects,
    sharing: { byDefault: "all", sharedWith: new Map() } as const,
    now,
  };
  expect(describe(decideNextStep(state, facts))).toBe(step);
  const sealed = states.seal(state);
  expect(states.open(state.id, sealed ?? "", now)).toEqual(state);
});

test.each(rows)("$when (prompt $request.prompt): $step ($by)", (row) => {
  const { signedInSession, intent = "sign in" } = row;
  const begun = states.begin({ ...request, ...row.request }, now);
  const state = { ...begun, signedInSession, intent, unmatched: row.unmatched };
  const gives = (connectorId: string) => (connectorId === row.session?.connectorId ? (row.gives ?? []) : []);
  const sharing = { byDefault: "all", sharedWith: new Map([["another", row.sharedWith]]) } as const;
  const facts = { session: row.session, client: row.client ?? client, gives, subjects, sharing, now };
  const step = decideNextStep(state, facts);
  expect(describe(step)).toBe(row.step);
});

function describe(step: ReturnType<typeof decideNextStep>): string {
  switch (step.kind) {
    case "authenticate":
      return `authenticate: ${step.reason}${step.connectorId === undefined ? "" : `, through ${step.connectorId}`}`;
    case "consent":
      return `consent: ${step.scope.join(" ")}`;
    case "refuse":
      return `refuse: ${step.error.code}`;
    case "link":
      return `link: ${step.identity.remoteId}`;
    case "prove identity":
    case "approve device":
    case "finish":
      return step.kind;
  }
}
