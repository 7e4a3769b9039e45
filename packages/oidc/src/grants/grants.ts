import type { Random } from "@dex/runtime";
import type { TrustedAssertionParts } from "../client-jwts/trusted-assertion.ts";
import type { DeviceRequests } from "../device-authorization/device-requests.ts";
import type { ConnectorPeople, DirectGrants } from "../direct-grants/direct-grants.ts";
import { endpointUrl } from "../endpoints/discovery.ts";
import type {
  AuthorizationCodes,
  Clients,
  Revocations,
  TokenFamilies,
  TokenSigner,
  UpstreamRefresher,
} from "../ports.ts";
import { NO_RESOURCES, type Resources } from "../resources/resource.ts";
import type { EngineSealers } from "../sealers.ts";
import { makeAccessTokens } from "../tokens/access-token.ts";
import type { EncryptToClient } from "../tokens/encrypt-to-client.ts";
import { makeIssueAccessToken } from "../tokens/issue-access-token.ts";
import { makeIssueIdToken } from "../tokens/issue-id-token.ts";
import { makeIssueTokens } from "../tokens/issue-tokens.ts";
import type { TokenLifetimes } from "../tokens/lifetimes.ts";
import type { ReadOwnToken } from "../tokens/own-token.ts";
import { makeRefreshTokens } from "../tokens/refresh-token.ts";
import type { Subjects } from "../tokens/subject.ts";
import { authorizationCodeGrant } from "./authorization-code.ts";
import { cibaGrant } from "./ciba.ts";
import { clientCredentialsGrant } from "./client-credentials.ts";
import { deviceCodeGrant } from "./device-code.ts";
import type { Grant } from "./grant.ts";
import { jwtBearerGrant } from "./jwt-bearer.ts";
import { passwordGrant } from "./password.ts";
import { refreshTokenGrant } from "./refresh-token.ts";
import { tokenExchangeGrant } from "./token-exchange.ts";

export interface GrantParts {
  readonly issuer: string;
  readonly clients: Clients;
  readonly codes: AuthorizationCodes;
  readonly devices: Pick<DeviceRequests, "poll" | "redeem">;
  readonly families: TokenFamilies;
  readonly signer: TokenSigner;
  readonly sealers: EngineSealers;
  readonly random: Random;
  readonly lifetimes: TokenLifetimes;
  readonly upstream: UpstreamRefresher;
  readonly encryptToClient: EncryptToClient;
  readonly subjects: Subjects;
  /** Of people whom no browser of ours signs in. Without it there are no grants for them (TOK-14). */
  readonly direct?: DirectGrantParts | undefined;
  /** Without them no issuer outside stands for a client. */
  readonly trustedAssertions?: TrustedAssertionParts | undefined;
  /** Without them tokens are for ourselves alone. */
  readonly resources?: Resources | undefined;
}

export interface DirectGrantParts {
  readonly people: ConnectorPeople;
  /** Connectors whose passwords clients may ask for. */
  readonly passwordConnectors: readonly string[];
  readonly directGrants: DirectGrants;
  readonly readOwnToken: ReadOwnToken;
  readonly revocations: Pick<Revocations, "stands">;
}

/** Every grant there is. What is not in this table does not exist (TOK-14). */
export function makeGrants(parts: GrantParts): readonly Grant[] {
  const {
    issuer,
    clients,
    codes,
    families,
    signer,
    sealers,
    random,
    lifetimes,
    direct,
    resources = NO_RESOURCES,
  } = parts;
  const accessTokens = makeAccessTokens({ sealer: sealers.accessToken, random });
  const refreshTokens = makeRefreshTokens({ sealer: sealers.refreshToken, random });
  const issueIdToken = makeIssueIdToken({ ...parts, lifetimes });
  const targets = { resources, userinfoUrl: endpointUrl(issuer, "/userinfo") };
  const issueAccessToken = makeIssueAccessToken({ ...parts, ...targets, accessTokens });
  const issueTokens = makeIssueTokens({ ...targets, clients, families, issueIdToken, issueAccessToken });
  const clientCredentials = clientCredentialsGrant({ ...targets, issuer, signer, random, lifetimes });
  const { trustedAssertions } = parts;
  return [
    authorizationCodeGrant({ ...targets, codes, families, refreshTokens, issueTokens, random, lifetimes }),
    ...[deviceCodeGrant, cibaGrant].map((grant) =>
      grant({ ...targets, devices: parts.devices, refreshTokens, issueTokens, random, lifetimes }),
    ),
    refreshTokenGrant({
      ...targets,
      clients,
      families,
      refreshTokens,
      successorSealer: sealers.refreshSuccessor,
      issueTokens,
      lifetimes,
      upstream: parts.upstream,
    }),
    clientCredentials,
    ...(direct === undefined || direct.passwordConnectors.length === 0
      ? []
      : [passwordGrant({ ...parts, ...targets, ...direct, refreshTokens, issueTokens })]),
    ...(trustedAssertions === undefined
      ? []
      : [jwtBearerGrant({ ...trustedAssertions, speakForItself: clientCredentials, lifetimes })]),
    ...(direct === undefined
      ? []
      : [tokenExchangeGrant({ ...parts, ...targets, ...direct, accessTokens, issueIdToken, issueAccessToken })]),
  ];
}
