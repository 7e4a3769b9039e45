// A token endpoint on fakes, and a client's side of it.
import { type JsonObject, systemRandom } from "@dex/runtime";
import {
  type Client,
  type ClientAnswer,
  DEFAULT_TOKEN_LIFETIMES,
  makeClientAuthentication,
  makeDpopNonces,
  makeEncryptToClient,
  makeLoginStates,
  makeProveSender,
  makeTokenEndpoint,
  makeUserinfoEndpoint,
  matchRedirectUri,
  newCode,
  newSession,
  OAuthError,
  type TokenResponse,
  type UpstreamRefresher,
  type UserinfoAnswer,
} from "../src/index.ts";
import {
  chosenSecrets,
  client,
  clientsOf,
  issuer,
  jane,
  later,
  makeFailureCounter,
  sealers as makeSealers,
  makeSecretUpgrades,
  makeSigner,
  makeTokenStore,
  now,
  otherClient,
  publicClient,
  secretOfClient,
  subjects,
} from "./fakes.ts";

export const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
export const challengeOfVerifier = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

type Fields = Readonly<Record<string, string | undefined>>;

export function setUp(
  settings: {
    graceSeconds?: number;
    upstreamRefreshSeconds?: number;
    clients?: readonly Client[];
    /** What asking the upstream comes to; there is nothing to ask when left out. */
    askUpstream?: UpstreamRefresher["revalidate"];
    requireDpopNonce?: boolean;
  } = {},
) {
  const store = makeTokenStore();
  const signer = makeSigner();
  const sealers = makeSealers();
  const lifetimes = {
    ...DEFAULT_TOKEN_LIFETIMES,
    refreshGraceSeconds: settings.graceSeconds ?? 10,
    upstreamRefreshSeconds: settings.upstreamRefreshSeconds ?? 0,
  };
  const encryptToClient = makeEncryptToClient({
    findKeys: async ({ jwks }) => ({ keys: jwks?.keys ?? [], problem: undefined }),
    encrypt: async (text, { key, ...to }, cty) => JSON.stringify({ text, kid: key.kid, ...to, cty }),
  });
  const clients = clientsOf(client, otherClient, publicClient, ...(settings.clients ?? []));
  const proveSender = makeProveSender({
    useOnce: store.useOnce,
    nonces: makeDpopNonces(sealers.dpopNonce),
    requireNonce: settings.requireDpopNonce ?? false,
  });
  const endpoint = makeTokenEndpoint({
    issuer,
    codes: store.codes,
    devices: { poll: async () => undefined, redeem: async () => undefined },
    families: store.families,
    upstream: { revalidate: settings.askUpstream ?? nothingToAsk },
    signer,
    encryptToClient,
    subjects,
    sealers,
    lifetimes,
    random: systemRandom,
    clients,
    proveSender,
    clientAuthentication: makeClientAuthentication({
      clients,
      failures: makeFailureCounter(),
      chosenSecrets,
      secretUpgrades: makeSecretUpgrades(),
    }),
  });
  const userinfo = makeUserinfoEndpoint({
    issuer,
    families: store.families,
    sealers,
    accessTokenVerifier: signer,
    clients,
    signer,
    encryptToClient,
    subjects,
    proveSender,
  });
  const states = makeLoginStates({ sealer: sealers.loginState, random: systemRandom });

  /** A code as the authorization endpoint would issue it to `client` for jane, who signed in five minutes ago. */
  function issueCode(
    wanted: {
      scope?: string;
      nonce?: string;
      codeChallenge?: string;
      client?: Client;
      redirectUri?: string;
      dpopJkt?: string;
    } = {},
  ): string {
    const owner = wanted.client ?? client;
    const uri = wanted.redirectUri ?? owner.redirectUris[0] ?? "";
    const identity = {
      connectorId: "local",
      preferredUsername: "jane",
      groups: undefined,
      authTime: later(-300),
      amr: ["pwd"],
      asked: [],
    };
    const session = newSession({
      hash: systemRandom(32),
      user: jane,
      identity,
      clientId: owner.id,
      userAgent: undefined,
      limits: { idleSeconds: 60, absoluteSeconds: 600 },
      now: later(-300),
    });
    const request = {
      clientId: owner.id,
      redirectUri: matchRedirectUri(owner, uri) ?? unregistered(uri),
      responseType: "code" as const,
      responseMode: "query" as const,
      scope: (wanted.scope ?? "openid").split(" "),
      state: undefined,
      nonce: wanted.nonce,
      codeChallenge: wanted.codeChallenge,
      ...(wanted.dpopJkt === undefined ? {} : { dpopJkt: wanted.dpopJkt }),
      prompt: [],
      maxAgeSeconds: undefined,
      loginHint: undefined,
      hintedUserId: undefined,
      connectorId: undefined,
    };
    const code = newCode({ state: states.begin(request, now), session, random: systemRandom, now, lifetimes });
    store.add(code.stored);
    return code.value;
  }

  /** Sends `fields` as `client`, which authenticates with its secret unless fields say otherwise, with these DPoP proofs. */
  async function post(fields: Fields, at = now, dpop?: readonly string[]): Promise<TokenResponse> {
    return tokensOf(await ask(fields, at, dpop));
  }
  async function ask(fields: Fields, at: Date, dpop: readonly string[] | undefined): Promise<ClientAnswer> {
    const body = new URLSearchParams();
    const all: Fields = { client_id: client.id, client_secret: secretOfClient, ...fields };
    for (const [name, value] of Object.entries(all)) if (value !== undefined) body.append(name, value);
    const contentType = "application/x-www-form-urlencoded;charset=UTF-8";
    const query = new URLSearchParams();
    return endpoint.handle({ authorization: undefined, contentType, query, body, source: "", dpop }, at);
  }
  const redeem = (code: string, fields: Fields = {}, at = now, dpop?: readonly string[]) =>
    post({ grant_type: "authorization_code", code, redirect_uri: "https://a.example/cb", ...fields }, at, dpop);
  const refresh = (token: unknown, fields: Fields = {}, at = now, dpop?: readonly string[]) =>
    post({ grant_type: "refresh_token", refresh_token: String(token), ...fields }, at, dpop);
  const askUserinfo = async (token: unknown, at = now) =>
    claimsOf(await userinfo.handle({ authorization: `Bearer ${token}`, query: new URLSearchParams() }, at));

  return { store, signer, endpoint, userinfo, issueCode, ask, post, redeem, refresh, askUserinfo };
}

/** The members of an answer of the token endpoint. */
export function tokensOf(answer: ClientAnswer): TokenResponse {
  if (answer.kind !== "json") throw new Error("expected a JSON answer");
  return answer.body as TokenResponse;
}

/** The claims of an answer that is neither signed nor encrypted. */
export function claimsOf(answer: UserinfoAnswer): JsonObject {
  if (answer.kind === "json") return answer.claims;
  throw new Error("expected plain claims");
}

async function nothingToAsk(): Promise<never> {
  throw new Error("there is no upstream here");
}

function unregistered(uri: string): never {
  throw new Error(`${uri} is not registered`);
}

/** The OAuthError of a refused request. Throws when it was not refused, or failed in another way. */
export async function refusalOf(attempt: Promise<unknown>): Promise<OAuthError> {
  const outcome: unknown = await attempt.catch((error: unknown) => error);
  if (outcome instanceof OAuthError) return outcome;
  throw new Error("expected an OAuthError", { cause: outcome });
}
