// A dry run: all of a login that needs no person, with a code that nobody issued.
import * as client from "openid-client";
import type { CheckStep } from "../connector.ts";
import type { ConnectorParts } from "../connector-kind.ts";
import { describeRefusal, outcomeOf } from "../login-refused.ts";
import { checkClock } from "../oauth2/check.ts";
import { toRefusal } from "./refusals.ts";
import type { OidcSettings } from "./settings.ts";
import type { OidcUpstream } from "./upstream.ts";

export interface CheckParts {
  readonly settings: OidcSettings;
  readonly upstream: OidcUpstream;
  readonly parts: Pick<ConnectorParts, "clock" | "random">;
}

/** Of the right shape, and nobody's. */
const NOBODYS_CODE = "dex-check-no-such-code";
const VERIFIER_BYTES = 32;
/** RFC 6749 §5.2: errors that speak of our registration, not of the code. */
const OUR_FAULT: ReadonlySet<string> = new Set(["invalid_client", "unauthorized_client", "unsupported_grant_type"]);

/** Ends within 30 s: three calls of 10 s at most. What cannot be tried after a failure is left out. */
export function makeCheck({ settings, upstream, parts }: CheckParts) {
  return async (): Promise<readonly CheckStep[]> => {
    const steps: CheckStep[] = [];
    if (settings.tls.insecureSkipVerify) {
      steps.push({ name: "certificates", ok: true, detail: "not checked: insecureSkipVerify is set" });
    }
    const metadata = await outcomeOf(() => upstream.metadata());
    if ("kind" in metadata) return [...steps, { name: "discovery", ok: false, detail: describeRefusal(metadata) }];
    steps.push({ name: "discovery", ok: true, detail: metadata.issuer });
    if (settings.userInfo && metadata.userinfo_endpoint === undefined) {
      steps.push({
        name: "userinfo",
        ok: false,
        detail: "getUserInfo is set, and the upstream has no userinfo endpoint",
      });
    }
    steps.push(...(await checkKeys(upstream, metadata.jwks_uri, parts.clock())));
    steps.push(await checkTokenEndpoint(settings, upstream, parts));
    return steps;
  };
}

/** The keys, and by the way what time the server has. */
async function checkKeys(upstream: OidcUpstream, uri: string, now: Date): Promise<CheckStep[]> {
  const name = "keys";
  const read = await outcomeOf(async () => {
    const response = await upstream.fetch(uri, { method: "GET", headers: { accept: "application/json" } });
    return { status: response.status, date: response.headers.get("date"), keys: countKeys(await response.text()) };
  });
  if ("kind" in read) return [{ name, ok: false, detail: describeRefusal(read) }];
  const ok = read.status === 200 && read.keys > 0;
  return [{ name, ok, detail: `status ${read.status}, ${read.keys} keys` }, checkClock(read.date, now)];
}

function countKeys(text: string): number {
  try {
    const document: unknown = JSON.parse(text);
    const keys: unknown = typeof document === "object" && document !== null && "keys" in document ? document.keys : [];
    return Array.isArray(keys) ? keys.length : 0;
  } catch {
    return 0;
  }
}

async function checkTokenEndpoint(
  settings: OidcSettings,
  upstream: OidcUpstream,
  { clock, random }: CheckParts["parts"],
): Promise<CheckStep> {
  const name = "token endpoint";
  const configuration = await outcomeOf(() => upstream.configure(clock()));
  if (!(configuration instanceof client.Configuration)) {
    return { name, ok: false, detail: describeRefusal(configuration) };
  }
  try {
    await client.genericGrantRequest(configuration, "authorization_code", {
      code: NOBODYS_CODE,
      code_verifier: random(VERIFIER_BYTES).toString("base64url"),
      // Any other address serves as well: the code is refused first, or the address is.
      redirect_uri: settings.redirectUri ?? "https://dex.invalid/callback",
    });
  } catch (error) {
    if (error instanceof client.ResponseBodyError && !OUR_FAULT.has(error.error)) {
      return { name, ok: true, detail: `knows our client: ${JSON.stringify(error.error.slice(0, 100))}` };
    }
    return { name, ok: false, detail: describeRefusal(toRefusal(error)) };
  }
  return { name, ok: false, detail: "gave a token for a code that nobody issued" };
}
