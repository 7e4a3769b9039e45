import { addSeconds, type Random } from "@dex/runtime";
import type { Client } from "../clients/client.ts";
import type { ClientAuthentication } from "../clients/client-authentication.ts";
import { makeThrottle } from "../clients/throttle.ts";
import {
  DEVICE_CODE_GRANT,
  DEVICE_CODE_SECONDS,
  newDeviceCode,
  POLL_INTERVAL_SECONDS,
} from "../device-authorization/device-code.ts";
import type { DeviceRequests, NewDeviceRequestOutcome } from "../device-authorization/device-requests.ts";
import { DEVICE_REQUEST_LIMITS, DEVICE_REQUESTS_FROM_SOURCE } from "../device-authorization/limits.ts";
import { DEVICE_AUTHORIZATION_PATH, DEVICE_VERIFICATION_PATH } from "../device-authorization/paths.ts";
import {
  newUserCode,
  renderUserCode,
  USER_CODE_LENGTHS,
  type UserCodeHashes,
} from "../device-authorization/user-code.ts";
import { OAuthError } from "../errors.ts";
import type { Clients, FailureCounter } from "../ports.ts";
import { NO_RESOURCES, type Resources } from "../resources/resource.ts";
import { type ClientEndpoint, refuseMalformedForm } from "./client-request.ts";
import { endpointUrl } from "./discovery.ts";
import { single } from "./parameters.ts";
import {
  readScopeAndTargets,
  type ScopeAndTargets,
  type ScopeAndTargetsParts,
  TARGET_PARAMETERS,
} from "./scope-and-targets.ts";

type FullOutcome = Extract<NewDeviceRequestOutcome, { until: Date }>;
/** No id of a client. */
const EVERYBODY = "";

const PARAMETERS = ["scope", "code_challenge", "code_challenge_method", ...TARGET_PARAMETERS.single] as const;

/**
 * The device authorization endpoint, RFC 8628 §3.1. The one place where somebody who has proved nothing makes a row in the
 * database: a device without a browser has nowhere else to leave its request, and a public client has nothing to prove who
 * it is with. So rows are bounded, by address, by client and in all, and gone in minutes; see DEVICE_REQUEST_LIMITS.
 */
export function makeDeviceAuthorizationEndpoint(parts: {
  readonly issuer: string;
  readonly clientAuthentication: ClientAuthentication;
  readonly clients: Clients;
  readonly devices: Pick<DeviceRequests, "create">;
  readonly failures: FailureCounter;
  readonly userCodeHashes: UserCodeHashes;
  readonly random: Random;
  /** Without them devices ask for nothing but ourselves. */
  readonly resources?: Resources | undefined;
}): ClientEndpoint {
  const { issuer, clients, devices, userCodeHashes, random, resources = NO_RESOURCES } = parts;
  const targetParts = { clients, resources, userinfoUrl: endpointUrl(issuer, "/userinfo") };
  const bySource = makeThrottle(parts.failures, {
    what: "device authorization requests",
    limit: DEVICE_REQUESTS_FROM_SOURCE.times,
    windowSeconds: DEVICE_REQUESTS_FROM_SOURCE.windowSeconds,
  });

  // What this process has been told: a flood causes no round trip. No more entries than there are clients.
  const fullUntil = new Map<string, FullOutcome>();

  function refuseFull(clientId: string, now: Date): void {
    for (const key of [EVERYBODY, clientId]) {
      const full = fullUntil.get(key);
      if (full === undefined) continue;
      if (full.until > now) throw tooMany(full, now);
      fullUntil.delete(key);
    }
  }

  /** Before anything is counted that others share: one address alone must not keep everybody else out. */
  async function countSource({ public: isPublic, dynamic }: Client, source: string, now: Date): Promise<void> {
    // The secret of a client that registered itself is one that anybody could have.
    if (!isPublic && !dynamic) return;
    const key = `device authorization from ${source}`;
    bySource.refuseBlocked(key, now);
    await bySource.count(key, now);
  }

  return {
    path: DEVICE_AUTHORIZATION_PATH,
    crossOrigin: false,
    async handle(request, now) {
      const malformed = refuseMalformedForm(request, PARAMETERS, TARGET_PARAMETERS.repeatable);
      if (malformed !== undefined) throw malformed;
      const client = await parts.clientAuthentication.authenticate(request, now);
      // AUT-13
      if (!client.grantTypes.includes(DEVICE_CODE_GRANT)) {
        throw new OAuthError("unauthorized_client", `the client may not use the ${DEVICE_CODE_GRANT} grant`);
      }
      const asked = await parseDeviceRequest(request.body, { ...targetParts, client });
      refuseFull(client.id, now);
      await countSource(client, request.source, now);
      const deviceCode = newDeviceCode(random);
      const userCodes = {
        short: newUserCode(USER_CODE_LENGTHS.short, random),
        long: newUserCode(USER_CODE_LENGTHS.long, random),
      };
      const { short, long } = userCodes;
      const outcome = await devices.create(
        {
          ...asked,
          deviceCodeHash: deviceCode.hash,
          userCodeHashes: { short: userCodeHashes.of(short), long: userCodeHashes.of(long) },
          clientId: client.id,
          expiresAt: addSeconds(now, DEVICE_CODE_SECONDS),
        },
        DEVICE_REQUEST_LIMITS,
        now,
      );
      if (outcome.kind === "client gone") throw new OAuthError("invalid_client", "the client is no longer registered");
      if (outcome.kind !== "stored") {
        fullUntil.set(outcome.kind === "full" ? EVERYBODY : client.id, outcome);
        throw tooMany(outcome, now);
      }
      const userCode = renderUserCode(userCodes[outcome.length]);
      const verificationUri = endpointUrl(issuer, DEVICE_VERIFICATION_PATH);
      const body = {
        device_code: deviceCode.value,
        user_code: userCode,
        verification_uri: verificationUri,
        verification_uri_complete: `${verificationUri}?user_code=${userCode}`,
        expires_in: DEVICE_CODE_SECONDS,
        interval: POLL_INTERVAL_SECONDS,
      };
      return { kind: "json", status: 200, body };
    },
  };
}

/** All by the rules of the authorization endpoint. dex v2: without a scope it is `openid`. */
async function parseDeviceRequest(
  body: URLSearchParams,
  parts: ScopeAndTargetsParts,
): Promise<ScopeAndTargets & { codeChallenge: string | undefined }> {
  const scope = single(body, "scope") ?? "openid";
  const asked = await readScopeAndTargets(body, { scope, openid: "optional" }, parts);
  const codeChallenge = single(body, "code_challenge");
  const method = single(body, "code_challenge_method");
  // PKC-2, PKC-3
  if (codeChallenge !== undefined && (method !== "S256" || !/^[A-Za-z0-9_-]{43}$/.test(codeChallenge))) {
    throw new OAuthError("invalid_request", "code_challenge must be 43 characters made by S256");
  }
  if (codeChallenge === undefined && method !== undefined) {
    throw new OAuthError("invalid_request", "code_challenge_method comes without code_challenge");
  }
  return { ...asked, codeChallenge };
}

function tooMany({ kind: which, until }: FullOutcome, now: Date): OAuthError {
  const retryAfterSeconds = Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000));
  const whose = which === "full" ? "" : " of this client";
  return new OAuthError("too_many_requests", `too many devices${whose} wait for somebody to sign in`, {
    retryAfterSeconds,
    detail: which,
  });
}
