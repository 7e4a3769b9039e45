// Groups of a person, from the directory of the organisation that the address belongs to.
import type { Clock } from "@dex/runtime";
import * as z from "zod";
import { makeBoundedFetch, OUTBOUND_LIMITS } from "../bounded-fetch.ts";
import { makeCircuitBreaker } from "../circuit-breaker.ts";
import type { CheckStep } from "../connector.ts";
import type { MappingTrace } from "../connector-kind.ts";
import { describeRefusal, invalidAnswer, outcomeOf, unavailable } from "../login-refused.ts";
import { makeUpstreamApi, StatusRefused, type UpstreamApi } from "../oauth2/upstream-api.ts";
import { requiredText, upstreamText } from "../upstream-text.ts";
import { findAdmin, type GoogleConfig, toAdmins } from "./config.ts";
import { makeAdminTokens, readServiceAccount } from "./service-account.ts";

/** For all calls of one login together. */
const READ_MILLISECONDS = 30_000;
const CHECK_MILLISECONDS = 20_000;
/** A person whose groups are in more groups than this is nobody's member. */
const MAX_LOOKUPS = 200;
/** Of one level, so that a login does not take all that the breaker lets through. */
const AT_ONCE = 5;

const groupsPage = z.object({
  // Google leaves the member out where there are none.
  groups: z
    .array(z.object({ email: requiredText(254) }))
    .max(1000)
    .optional(),
  nextPageToken: upstreamText(2048),
});

export interface Directory {
  /** Groups by address. Undefined when no administrator is configured for the address's domain. Throws LoginRefused. */
  readGroups(email: string, now: Date): Promise<readonly string[] | undefined>;
  /** Whether tokens in each administrator's name can be had. */
  check(now: Date): Promise<readonly CheckStep[]>;
}

/** Undefined where none is configured. Throws an Error that names the member it cannot use. */
export function openDirectory(
  config: GoogleConfig,
  { clock, trace }: { readonly clock: Clock; readonly trace?: ((event: MappingTrace) => void) | undefined },
): Directory | undefined {
  if (config.serviceAccountFilePath === undefined) return undefined;
  const account = readServiceAccount(config.serviceAccountFilePath);
  const admins = toAdmins(config);
  const base = new URL(config.directoryURL ?? "https://admin.googleapis.com");
  const fetch = makeBoundedFetch({
    trustedOrigin: [base, new URL(account.tokenUri)],
    privateAddressesAllowed: false,
    breaker: makeCircuitBreaker(clock),
    limits: OUTBOUND_LIMITS,
  });
  const tokens = makeAdminTokens(account, fetch);
  const groupsUrl = `${base.href.replace(/\/+$/, "")}/admin/directory/v1/groups`;

  return {
    async readGroups(email, now) {
      const admin = findAdmin(admins, email);
      if (admin === undefined) return undefined;
      const signal = AbortSignal.timeout(READ_MILLISECONDS);
      const accessToken = await tokens.get(admin, now, signal);
      const api = makeUpstreamApi({ fetch, origin: base.origin, accessToken, headers: {}, signal, trace });
      try {
        const direct = await readDirect(api, groupsUrl, email);
        return config.fetchTransitiveGroupMembership ? await withParents(api, groupsUrl, direct) : direct;
      } catch (error) {
        if (!(error instanceof StatusRefused) || (error.status !== 401 && error.status !== 403)) throw error;
        tokens.drop(admin);
        throw unavailable(`the administrator may not read the directory: ${error.message}`);
      }
    },
    check(now) {
      const signal = AbortSignal.timeout(CHECK_MILLISECONDS);
      return Promise.all([...new Set(Object.values(admins))].slice(0, AT_ONCE).map(tryAdmin));
      async function tryAdmin(admin: string): Promise<CheckStep> {
        const name = "directory";
        const outcome = await outcomeOf(() => tokens.get(admin, now, signal));
        if (typeof outcome !== "string") return { name, ok: false, detail: describeRefusal(outcome) };
        return { name, ok: true, detail: "gives the service account a token in the administrator's name" };
      }
    },
  };
}

async function readDirect(api: UpstreamApi, groupsUrl: string, member: string): Promise<readonly string[]> {
  const page = (token: string | undefined) => {
    const asked = { userKey: member, ...(token === undefined ? {} : { pageToken: token }) };
    return `${groupsUrl}?${new URLSearchParams(asked)}`;
  };
  try {
    const pages = await api.pages(page(undefined), groupsPage, ({ body }) =>
      body.nextPageToken === undefined ? undefined : page(body.nextPageToken),
    );
    return [...new Set(pages.flatMap(({ groups = [] }) => groups.map(({ email }) => email)))];
  } catch (error) {
    // Not of this organisation: then in none of its groups.
    if (error instanceof StatusRefused && error.status === 404) return [];
    throw error;
  }
}

/** The groups, those they are in, and so on: each once, whatever circles there are. */
async function withParents(api: UpstreamApi, groupsUrl: string, direct: readonly string[]): Promise<readonly string[]> {
  const found = new Set(direct);
  let asked = 0;
  for (let level: readonly string[] = direct; level.length > 0; ) {
    asked += level.length;
    if (asked > MAX_LOOKUPS) throw invalidAnswer("the groups are in too many groups");
    const parents: string[] = [];
    for (let from = 0; from < level.length; from += AT_ONCE) {
      const some = level.slice(from, from + AT_ONCE).map((group) => readDirect(api, groupsUrl, group));
      parents.push(...(await Promise.all(some)).flat());
    }
    level = [...new Set(parents)].filter((group) => !found.has(group));
    for (const group of level) found.add(group);
  }
  return [...found];
}
