// A dry run of an OAuth2 connector: everything of a login that needs no person, with a code that nobody issued.
import type { Clock } from "@dex/runtime";
import type { CheckStep, LoginOutcome, ProvedIdentity } from "../connector.ts";
import { describeRefusal, outcomeOf } from "../login-refused.ts";
import type { FindEndpoints } from "./endpoints.ts";
import type { OAuth2Provider } from "./provider.ts";
import { type TokenEndpoint, verifierFor } from "./token-endpoint.ts";

const CHECK_MILLISECONDS = 25_000;
const MAX_SKEW_MILLISECONDS = 30_000;
/** Of the right shape, and nobody's. */
const NOBODYS_CODE = "dex-check-no-such-code";
const NOBODYS_TOKEN = "dex-check-no-such-token";

export interface CheckParts {
  readonly provider: OAuth2Provider;
  readonly findEndpoints: FindEndpoints;
  readonly tokenEndpoint: TokenEndpoint;
  readonly clock: Clock;
  readonly codeVerifier: string;
  /** Reads a person with a token. Throws LoginRefused for one that the server does not know. */
  readonly readIdentity: (accessToken: string, signal: AbortSignal) => Promise<ProvedIdentity>;
}

/** Tries the endpoints one after the other; what cannot be tried after a failure is left out. */
export async function checkOAuth2(parts: CheckParts): Promise<readonly CheckStep[]> {
  const { provider, findEndpoints } = parts;
  const signal = AbortSignal.timeout(CHECK_MILLISECONDS);
  const steps: CheckStep[] = [];
  if (provider.insecureSkipVerify) {
    steps.push({ name: "certificates", ok: true, detail: "not checked: insecureSkipVerify is set" });
  }
  const endpoints = await outcomeOf(findEndpoints);
  if ("kind" in endpoints) {
    return [...steps, { name: "discovery", ok: false, detail: describeRefusal(endpoints) }];
  }
  if (provider.endpoints !== undefined) steps.push({ name: "discovery", ok: true, detail: endpoints.tokenEndpoint });
  steps.push(...(await checkTokenEndpoint(parts, endpoints.tokenEndpoint, signal)));
  steps.push(await checkApi(parts, signal));
  return steps;
}

async function checkTokenEndpoint(
  { tokenEndpoint, provider, codeVerifier, clock }: CheckParts,
  url: string,
  signal: AbortSignal,
): Promise<CheckStep[]> {
  const name = "token endpoint";
  // Any address serves: the code is refused first, or the address is, and both show that the server knows us.
  const address = provider.redirectUri === "registered" ? {} : { redirect_uri: "https://dex.invalid/callback" };
  const probe = () =>
    tokenEndpoint.probe(url, { code: NOBODYS_CODE, ...verifierFor(provider, codeVerifier), ...address }, signal);
  const probed = await outcomeOf(probe);
  if ("kind" in probed) return [{ name, ok: false, detail: describeRefusal(probed) }];
  const { answer, date } = probed;
  const clockStep = checkClock(date, clock());
  if (answer.kind === "token") {
    return [{ name, ok: false, detail: "gave a token for a code that nobody issued" }, clockStep];
  }
  const known = answer.error !== undefined && (!answer.ourFault || answer.error === "redirect_uri_mismatch");
  const detail = known ? `knows our client: ${answer.error}` : answer.detail;
  return [{ name, ok: known, detail }, clockStep];
}

/** Tokens that one clock calls new, the other may call not yet valid. `date` is what a Date header says. */
export function checkClock(date: string | null, now: Date): CheckStep {
  const name = "clock";
  const theirs = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(theirs)) return { name, ok: true, detail: "the server does not say what time it has" };
  const skew = theirs - now.getTime();
  const detail = `the server's clock is ${Math.round(skew / 1000)} s ahead of ours`;
  return { name, ok: Math.abs(skew) <= MAX_SKEW_MILLISECONDS, detail };
}

/** A server that answers, and refuses a token that nobody issued, is what a login needs. */
async function checkApi({ readIdentity }: CheckParts, signal: AbortSignal): Promise<CheckStep> {
  const name = "profile";
  const outcome = await outcomeOf<LoginOutcome>(() => readIdentity(NOBODYS_TOKEN, signal));
  if (outcome.kind === "identity") {
    return { name, ok: false, detail: "somebody was found with a token that nobody issued" };
  }
  if (outcome.kind !== "refused") return { name, ok: false, detail: describeRefusal(outcome) };
  return { name, ok: true, detail: `refuses a wrong token: ${outcome.detail}` };
}
