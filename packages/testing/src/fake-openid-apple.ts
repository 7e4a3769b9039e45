import { createPublicKey } from "node:crypto";
import { jwtVerify } from "jose";
import { type FakeOpenIdProvider, startFakeOpenIdProvider } from "./fake-openid-provider.ts";

export interface FakeApplePerson {
  readonly sub: string;
  readonly email?: string;
  readonly firstName?: string;
  readonly lastName?: string;
}

export interface FakeAppleOptions {
  readonly clientId: string;
  readonly teamId: string;
  readonly keyId: string;
  /** PEM, as Apple hands it out. */
  readonly privateKey: string;
  readonly redirectUris: string[];
  readonly users: readonly FakeApplePerson[];
}

/** Apple takes none that lives longer. */
const MAX_SECRET_SECONDS = 15_777_000;

/**
 * Sign in with Apple: the answer is posted, the name is told once and by the browser alone, `email_verified` is text, and the
 * client secret is a JWT that the registered key signed. There is no userinfo.
 */
export async function startFakeApple(options: FakeAppleOptions): Promise<FakeOpenIdProvider> {
  const { clientId, teamId, keyId } = options;
  const publicKey = createPublicKey(options.privateKey);
  const introduced = new Set<string>();
  const provider: FakeOpenIdProvider = await startFakeOpenIdProvider({
    clientId,
    clientSecret: "",
    clientAuthentication: "client_secret_post",
    redirectUris: options.redirectUris,
    responseIss: false,
    responseMode: "form_post",
    refreshTokens: true,
    scopes: ["openid", "name", "email"],
    discovery: { userinfo_endpoint: undefined },
    users: options.users.map(({ sub, email }) => ({
      sub,
      claims: email === undefined ? {} : { email, email_verified: "true", nonce_supported: true },
    })),
    async isClientSecret(secret) {
      const checks = { issuer: teamId, subject: clientId, audience: provider.issuer, algorithms: ["ES256"] };
      const required = { requiredClaims: ["iat", "exp"], maxTokenAge: MAX_SECRET_SECONDS };
      try {
        const { payload, protectedHeader } = await jwtVerify(secret, publicKey, { ...checks, ...required });
        const lifetime = (payload.exp ?? Number.POSITIVE_INFINITY) - (payload.iat ?? 0);
        return protectedHeader.kid === keyId && lifetime <= MAX_SECRET_SECONDS;
      } catch {
        return false;
      }
    },
    moreInResponse({ sub, claims }, { scope = "" }) {
      const person = options.users.find((user) => user.sub === sub);
      if (introduced.has(sub) || !scope.split(" ").includes("name")) return {};
      introduced.add(sub);
      const name = { firstName: person?.firstName, lastName: person?.lastName };
      return { user: JSON.stringify({ name, email: claims.email }) };
    },
  });
  return provider;
}
