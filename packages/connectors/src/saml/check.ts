// A dry run: what can be known of an identity provider without a person who signs in there.
import type { Clock } from "@dex/runtime";
import { type BoundedFetch, UpstreamUnreachable } from "../bounded-fetch.ts";
import type { CheckStep } from "../connector.ts";
import { checkClock } from "../oauth2/check.ts";
import type { SamlSettings } from "./config.ts";

const SOON_MILLISECONDS = 30 * 86_400_000;

export async function checkSaml(
  settings: SamlSettings,
  fetch: BoundedFetch,
  clock: Clock,
): Promise<readonly CheckStep[]> {
  const now = clock();
  const steps = settings.certificates.map((certificate, index): CheckStep => {
    const { validFromDate, validToDate } = certificate;
    const ok = validFromDate <= now && now <= validToDate;
    const soon = ok && validToDate.getTime() - now.getTime() < SOON_MILLISECONDS ? ", which is soon" : "";
    const detail = `valid from ${validFromDate.toISOString()} to ${validToDate.toISOString()}${soon}`;
    return { name: `certificate ${index + 1}`, ok, detail };
  });
  // With one that is valid, others may be of the past or the future: so keys are changed.
  const usable = steps.some(({ ok }) => ok);
  return [...steps.map((step) => ({ ...step, ok: usable })), ...(await checkSsoUrl(settings.ssoUrl, fetch, clock))];
}

/** It is answered with a complaint about the missing request, or with a redirect: either says that somebody is there. */
async function checkSsoUrl(url: string, fetch: BoundedFetch, clock: Clock): Promise<CheckStep[]> {
  const name = "sign-on address";
  try {
    const response = await fetch(url, { method: "GET", headers: { accept: "text/html" } });
    const missing = response.status === 404 || response.status === 410;
    const step = { name, ok: !missing, detail: `answers with status ${response.status}` };
    return [step, checkClock(response.headers.get("date"), clock())];
  } catch (error) {
    if (error instanceof UpstreamUnreachable) return [{ name, ok: false, detail: error.message }];
    throw error;
  }
}
