// How we call addresses that a client registered: its keys, its request objects, its sector, its logout endpoint (SSR-1).
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { JsonObject } from "../json.ts";
import {
  exchange,
  OUTBOUND_LIMITS,
  OutboundFailure,
  type OutboundLimits,
  type OutboundRequest,
  type ResolveName,
} from "./exchange.ts";

/** What was found at an address. */
export interface FetchedDocument {
  readonly status: number;
  /** The media type without its parameters, in small letters; empty when there was none. */
  readonly contentType: string;
  readonly cacheControl: string | undefined;
  readonly body: Buffer;
}

/** Gets what is at an address that a client named. Throws OutboundFailure, and nothing else, when there is no answer. */
export type FetchDocument = (url: string) => Promise<FetchedDocument>;
/** Posts a form to an address that a client named, and returns the status of the answer. Throws as FetchDocument does. */
export type PostForm = (url: string, form: URLSearchParams) => Promise<number>;

/** The same with JSON, and with a bearer token of whoever is called. */
export type PostJson = (
  url: string,
  message: { readonly bearer: string; readonly body: JsonObject },
) => Promise<number>;

export interface OutgoingClient {
  readonly fetchDocument: FetchDocument;
  readonly postForm: PostForm;
  readonly postJson: PostJson;
}

/** A worker makes so many of these calls at a time; more are refused at once, so that slow hosts hold up nobody else. */
const MAX_CALLS = 64;
const MAX_CALLS_PER_HOST = 8;

export interface OutgoingClientParts {
  /** For test set-ups: lifts the limits to https and to public addresses. */
  readonly privateAddresses: "refused" | "allowed";
  readonly limits?: OutboundLimits;
  /** Resolves names; the system's resolver when left out. */
  readonly resolve?: ResolveName;
}

/**
 * Calls of https addresses on the public internet. The name is resolved once, all addresses found must be public, and the
 * connection goes to one of these. No redirect is followed: its answer counts as it is.
 */
export function makeOutgoingClient(parts: OutgoingClientParts): OutgoingClient {
  const { limits = OUTBOUND_LIMITS, resolve } = parts;
  const anywhere = parts.privateAddresses === "allowed";
  const agents = { "http:": new HttpAgent({ keepAlive: false }), "https:": new HttpsAgent({ keepAlive: false }) };
  const running = new Map<string, number>();
  let all = 0;

  async function call(text: string, request: OutboundRequest): Promise<Response> {
    const url = URL.parse(text);
    if (url === null) throw new OutboundFailure("not a URL");
    const { protocol } = url;
    if (protocol !== "https:" && !(anywhere && protocol === "http:")) throw new OutboundFailure("not an https URL");
    // Node would send these as HTTP Basic.
    if (url.username !== "" || url.password !== "") throw new OutboundFailure("the URL holds a user name or password");
    url.hash = "";
    const ofHost = running.get(url.host) ?? 0;
    if (all >= MAX_CALLS || ofHost >= MAX_CALLS_PER_HOST)
      throw new OutboundFailure(`${url.host}: too many calls at once`);
    all += 1;
    running.set(url.host, ofHost + 1);
    try {
      return await exchange(url, request, {
        ...{ limits, agent: agents[protocol], publicOnly: !anywhere },
        ...(resolve === undefined ? {} : { resolve }),
      });
    } catch (cause) {
      if (cause instanceof OutboundFailure) throw cause;
      throw new OutboundFailure(`${url.host}: ${cause instanceof Error ? cause.message : "failed"}`, { cause });
    } finally {
      all -= 1;
      const left = (running.get(url.host) ?? 1) - 1;
      if (left === 0) running.delete(url.host);
      else running.set(url.host, left);
    }
  }

  return {
    async fetchDocument(url) {
      const response = await call(url, {
        method: "GET",
        headers: { accept: "application/json, application/jwt, */*;q=0.1" },
      });
      const [mediaType = ""] = (response.headers.get("content-type") ?? "").split(";");
      return {
        status: response.status,
        contentType: mediaType.trim().toLowerCase(),
        cacheControl: response.headers.get("cache-control") ?? undefined,
        body: Buffer.from(await response.arrayBuffer()),
      };
    },
    async postForm(url, form) {
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      return (await call(url, { method: "POST", headers, body: form.toString() })).status;
    },
    async postJson(url, { bearer, body }) {
      const headers = { "content-type": "application/json", authorization: `Bearer ${bearer}` };
      return (await call(url, { method: "POST", headers, body: JSON.stringify(body) })).status;
    },
  };
}
