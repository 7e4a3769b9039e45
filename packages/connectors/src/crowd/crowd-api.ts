// The calls of Crowd's user management API (version 1) that a sign-in needs.
import * as z from "zod";
import type { JsonAnswer, JsonUpstream } from "../json-upstream.ts";
import { invalidAnswer, type LoginRefused, unavailable, userGone } from "../login-refused.ts";
import { requiredText, upstreamEmail } from "../upstream-text.ts";

const userSchema = z.object({
  key: requiredText(),
  name: requiredText(),
  active: z.boolean(),
  email: upstreamEmail(),
});
export type CrowdUser = z.infer<typeof userSchema>;

/** Groups on a page. Each comes with a link, and a page is at most as large as any answer. */
export const CROWD_PAGE_SIZE = 500;
const MAX_PAGES = 50;
const groupsSchema = z.object({ groups: z.array(z.object({ name: requiredText() })).max(CROWD_PAGE_SIZE) });

const errorSchema = z.object({ reason: z.string().max(200), message: z.string().nullish().catch(undefined) });
/** What Crowd calls a sign-in that is the person's own failure: a wrong password, an old one, an account switched off. */
const PERSONS_FAULT: ReadonlySet<string> = new Set([
  "INVALID_USER_AUTHENTICATION",
  "INACTIVE_ACCOUNT",
  "EXPIRED_CREDENTIAL",
  "USER_NOT_FOUND",
]);

export type CrowdSession = { readonly kind: "opened" } | { readonly kind: "refused"; readonly reason: string };

/** All of it throws LoginRefused or UpstreamUnreachable where Crowd gives no such answer. */
export interface Crowd {
  /** Undefined for nobody. The name is compared as Crowd compares it: in any case of letters. */
  findUser(name: string, signal: AbortSignal): Promise<CrowdUser | undefined>;
  /** Opens a session, which is how Crowd checks a password; without one it says whether the person may still sign in. */
  openSession(name: string, password: string | undefined, signal: AbortSignal): Promise<CrowdSession>;
  /** Groups that the person is in, directly or through other groups. */
  groupsOf(name: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Asks for somebody who is not there: what comes back shows whether the application is let in. */
  probe(signal: AbortSignal): Promise<JsonAnswer>;
}

export function makeCrowd(call: JsonUpstream): Crowd {
  async function askForUser(name: string, signal: AbortSignal): Promise<JsonAnswer> {
    const answer = await call({ method: "GET", path: `/user?${query({ username: name })}`, signal });
    if (answer.status !== 200 && !isNotFound(answer)) throw failureOf(answer);
    return answer;
  }

  return {
    async findUser(name, signal) {
      const answer = await askForUser(name, signal);
      return answer.status === 200 ? answer.expect(userSchema) : undefined;
    },
    async openSession(name, password, signal) {
      const answer = await call({
        method: "POST",
        path: password === undefined ? "/session?validate-password=false" : "/session",
        body: { username: name, ...(password === undefined ? {} : { password }) },
        signal,
      });
      if (answer.status === 201) return { kind: "opened" };
      const reason = answer.status >= 400 && answer.status < 500 ? answer.read(errorSchema)?.reason : undefined;
      if (reason !== undefined && PERSONS_FAULT.has(reason)) return { kind: "refused", reason };
      throw failureOf(answer);
    },
    async groupsOf(name, signal) {
      const groups: string[] = [];
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const range = { "start-index": String(groups.length), "max-results": String(CROWD_PAGE_SIZE) };
        const path = `/user/group/nested?${query({ username: name, ...range })}`;
        const answer = await call({ method: "GET", path, signal });
        if (isNotFound(answer)) throw userGone("the user is gone");
        if (answer.status !== 200) throw failureOf(answer);
        const found = answer.expect(groupsSchema).groups.map((group) => group.name);
        groups.push(...found);
        if (found.length < CROWD_PAGE_SIZE) return groups;
      }
      throw invalidAnswer("the list of groups does not end");
    },
    probe: (signal) => askForUser("dex-check-no-such-user", signal),
  };
}

/** RFC 3986 §2.1. A space as %20: not every server takes a plus for one. */
function query(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&");
}

function isNotFound(answer: JsonAnswer): boolean {
  return answer.status === 404 && answer.read(errorSchema)?.reason === "USER_NOT_FOUND";
}

/** Whatever is left is between Crowd and us: no person can do anything about it. */
function failureOf(answer: JsonAnswer): LoginRefused {
  const { status, text } = answer;
  if (status === 401) return unavailable("crowd: the application's name or password is refused (401)");
  if (status === 403 && text.includes("refuses to authorize")) {
    return unavailable("crowd: our address is not among those of the application (403)");
  }
  const { reason = "", message } = answer.read(errorSchema) ?? {};
  const said = [reason, message ?? ""].map((words) => JSON.stringify(words.slice(0, 200))).join(" ");
  return unavailable(`crowd: status ${status} ${said}`);
}
