// Carries each login state in a cookie of its own, so that several tabs can sign in side by side. A state too long for one
// cookie is continued in a second. How many there may be at once is bounded: the oldest flows give way.
import type { IncomingMessage, ServerResponse } from "node:http";
import { LOGIN_STATE_LIFETIME_SECONDS, type LoginState } from "@dex/oidc";
import { decodeBase64Url } from "@dex/runtime";
import { type CookieNames, readCookies, setCookie } from "../middleware/cookies.ts";

const MAX_COOKIE_VALUE = 3800;
/**
 * Ends the first cookie of a state that goes on in a second. What an earlier, longer state of the same flow has left in the
 * second is then not read with a shorter one. No character of base64url.
 */
const CONTINUED = "~";
const MAX_FLOWS = 6;
const MAX_TOTAL_LENGTH = 8 * 1024;
const FLOW_ID_LENGTH = 22;

export interface SealedLoginStates {
  seal(state: LoginState): string | undefined;
  open(id: string, sealed: string, now: Date): LoginState | undefined;
}

export interface LoginCookies {
  /** The login state with this id that this browser holds, or undefined. */
  read(request: IncomingMessage, id: string, now: Date): LoginState | undefined;
  /** Hands the state to the browser. False when it is too large to travel. */
  write(response: ServerResponse, state: LoginState): boolean;
  /** Takes the state from the browser: the flow is over. */
  clear(response: ServerResponse, id: string): void;
  /** Takes away flows that expired, and the oldest ones when there are too many. Called when a new flow begins. */
  prune(request: IncomingMessage, response: ServerResponse, now: Date): void;
}

export function makeLoginCookies(states: SealedLoginStates, names: CookieNames): LoginCookies {
  const set = (response: ServerResponse, name: string, value: string) =>
    setCookie(response, {
      name: `${names.loginPrefix}${name}`,
      value,
      maxAgeSeconds: value === "" ? 0 : LOGIN_STATE_LIFETIME_SECONDS,
      secure: names.secure,
    });

  function readSealed(cookies: ReadonlyMap<string, string>, id: string): string {
    const name = `${names.loginPrefix}${id}`;
    const first = cookies.get(name) ?? "";
    return first.endsWith(CONTINUED) ? `${first.slice(0, -1)}${cookies.get(`${name}.2`) ?? ""}` : first;
  }

  return {
    read(request, id, now) {
      if (id.length !== FLOW_ID_LENGTH || decodeBase64Url(id) === undefined) return undefined;
      return states.open(id, readSealed(readCookies(request), id), now);
    },
    write(response, state) {
      const sealed = states.seal(state);
      if (sealed === undefined || sealed.length > 2 * MAX_COOKIE_VALUE) return false;
      const rest = sealed.slice(MAX_COOKIE_VALUE);
      set(response, state.id, `${sealed.slice(0, MAX_COOKIE_VALUE)}${rest === "" ? "" : CONTINUED}`);
      if (rest !== "") set(response, `${state.id}.2`, rest);
      return true;
    },
    clear(response, id) {
      set(response, id, "");
      set(response, `${id}.2`, "");
    },
    prune(request, response, now) {
      const cookies = readCookies(request);
      const held = [...cookies.keys()].filter((name) => name.startsWith(names.loginPrefix));
      const ids = new Set(held.map((name) => name.slice(names.loginPrefix.length).replace(/\.2$/, "")));
      const flows = [...ids].map((id) => {
        const sealed = readSealed(cookies, id);
        return { id, length: sealed.length, state: states.open(id, sealed, now) };
      });
      const expiry = (flow: (typeof flows)[number]) => flow.state?.expiresAt.getTime() ?? 0;
      flows.sort((left, right) => expiry(right) - expiry(left));
      let total = 0;
      for (const [index, flow] of flows.entries()) {
        total += flow.length;
        const keep = flow.state !== undefined && index < MAX_FLOWS - 1 && total <= MAX_TOTAL_LENGTH;
        if (!keep && /^[\w-]{1,64}$/.test(flow.id)) this.clear(response, flow.id);
      }
    },
  };
}
