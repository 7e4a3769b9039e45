// Rich authorization requests, RFC 9396: what a client asks for in objects instead of words. What can be asked for is
// registered with the resource that it is asked of.
import { isDeepStrictEqual } from "node:util";
import type { Json } from "@dex/runtime";
import type { Client } from "../clients/client.ts";
import { isUnsafe } from "../endpoints/parameters.ts";
import { OAuthError } from "../errors.ts";
import { misleads } from "../text-for-people.ts";
import { chooseResources } from "./choose-resources.ts";
import type { Resource, Resources } from "./resource.ts";
import type { AuthorizationDetail, AuthorizationDetailsType } from "./terms.ts";

export type AuthorizationDetailsChoice =
  /** With the resources that they are asked of. */
  | {
      readonly kind: "chosen";
      readonly details: readonly AuthorizationDetail[];
      readonly resources: readonly Resource[];
    }
  | { readonly kind: "refused"; readonly error: OAuthError };

export const MAX_AUTHORIZATION_DETAILS_BYTES = 3072;
const MAX_DETAILS = 10;
const MAX_DEPTH = 6;

/** RFC 9396 §2.2: members with one meaning in every type. */
const LISTS: readonly string[] = ["locations", "actions", "datatypes", "privileges"];
const COMMON: readonly string[] = ["type", "identifier", ...LISTS];

/** What a request asks for, where each of it is of a type that a resource knows which the client may ask for; RFC 9396 §5. */
export function chooseAuthorizationDetails(
  text: string,
  parts: { readonly client: Pick<Client, "id" | "dynamic">; readonly resources: Resources },
): AuthorizationDetailsChoice {
  const details = parseAuthorizationDetails(text);
  if (details === undefined) return refused("authorization_details must be a JSON array of objects, each with a type");
  const resources = new Set<Resource>();
  for (const one of details) {
    const found = resourceOf(one.type, parts);
    if (found === undefined) return refused("a type of authorization_details is not one that the client can ask for");
    const problem = problemIn(one, found.type, found.resource);
    if (problem !== undefined) return refused(problem);
    resources.add(found.resource);
  }
  return { kind: "chosen", details, resources: [...resources] };
}

/** The array of the parameter; undefined where it is none, or is too large or too deep. What its types mean is not looked at. */
export function parseAuthorizationDetails(text: string): readonly AuthorizationDetail[] | undefined {
  if (Buffer.byteLength(text) > MAX_AUTHORIZATION_DETAILS_BYTES) return undefined;
  const parsed = parseJson(text);
  if (!Array.isArray(parsed) || parsed.length === 0 || parsed.length > MAX_DETAILS) return undefined;
  const details = parsed.filter(isDetail);
  return details.length === parsed.length && isSound(parsed, MAX_DEPTH) ? details : undefined;
}

/** The granted ones that a token request asks for: all, where it names none (RFC 9396 §6.1, §7). */
export function narrowAuthorizationDetails(
  granted: readonly AuthorizationDetail[],
  asked: readonly AuthorizationDetail[] | undefined,
): readonly AuthorizationDetail[] {
  return asked === undefined ? granted : granted.filter((one) => asked.some((wish) => isDeepStrictEqual(wish, one)));
}

/** Whether each of these was granted as it stands. Less of one, or one without a limit, is another. */
export function containsAuthorizationDetails(
  granted: readonly AuthorizationDetail[],
  asked: readonly AuthorizationDetail[],
): boolean {
  return asked.every((wish) => granted.some((one) => isDeepStrictEqual(wish, one)));
}

function resourceOf(
  type: string,
  { client, resources }: { readonly client: Pick<Client, "id" | "dynamic">; readonly resources: Resources },
): { readonly resource: Resource; readonly type: AuthorizationDetailsType } | undefined {
  for (const resource of resources.all()) {
    const known = resource.authorizationDetailsTypes.find((one) => one.type === type);
    if (known === undefined) continue;
    const choice = chooseResources([resource.identifier], { client, resources, behalf: "person" });
    if (choice.kind === "chosen") return { resource, type: known };
  }
  return undefined;
}

function problemIn(
  detail: AuthorizationDetail,
  { members }: AuthorizationDetailsType,
  { identifier }: Resource,
): string | undefined {
  const known = [...COMMON, ...members];
  if (!Object.keys(detail).every((name) => known.includes(name))) {
    return "authorization_details hold a member that their type does not have";
  }
  const lists = LISTS.map((name) => detail[name]).filter((value) => value !== undefined);
  const texts = (value: Json) => Array.isArray(value) && value.every((one) => typeof one === "string");
  if (!lists.every(texts) || !["undefined", "string"].includes(typeof detail.identifier)) {
    return "a member of authorization_details is malformed";
  }
  const { locations } = detail;
  return Array.isArray(locations) && !locations.every((one) => one === identifier)
    ? "locations of authorization_details name another resource than that of their type"
    : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isDetail(value: unknown): value is AuthorizationDetail {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return "type" in value && typeof value.type === "string";
}

/** Nothing in it that a database cannot keep, or that the person who is to allow it would read as something else. */
function isSound(value: unknown, depth: number): boolean {
  if (typeof value === "string") return !isUnsafe(value) && !misleads(value);
  if (typeof value !== "object" || value === null) return true;
  if (depth === 0) return false;
  return Object.entries(value).every(([name, item]) => isSound(name, depth) && isSound(item, depth - 1));
}

function refused(message: string): AuthorizationDetailsChoice {
  return { kind: "refused", error: new OAuthError("invalid_authorization_details", message) };
}
