// From what a userinfo endpoint says, by the names that an operator configured, to a person. Pure.
import { decodeBase64Url, type Json, type JsonObject } from "@dex/runtime";
import * as z from "zod";
import { invalidAnswer } from "../login-refused.ts";
import type { UpstreamPerson } from "../oauth2/oauth2.ts";
import { requiredText, upstreamEmail, upstreamText } from "../upstream-text.ts";
import type { OauthConfig } from "./config.ts";

const MAX_GROUPS = 10_000;
const userId = z.union([
  requiredText(),
  // As digits: dex v2 wrote those from a million on with an exponent.
  z.int().transform(String),
]);
const groupName = z.union([requiredText(), z.object({ name: requiredText() }).transform(({ name }) => name)]);
const groupList = z.array(groupName).max(MAX_GROUPS);

/** Throws LoginRefused for claims that are of another kind than they are called. */
export function readOauthClaims(claims: JsonObject, config: OauthConfig): Omit<UpstreamPerson, "groups"> {
  const { userIDKey = "id", claimMapping: mapping = {}, trustedEmailProvider = false } = config;
  const read = <Value>(name: string, schema: z.ZodType<Value>): Value => {
    const parsed = schema.safeParse(own(claims, name));
    if (parsed.success) return parsed.data;
    throw invalidAnswer(`userinfo: ${name}: ${parsed.error.issues[0]?.message ?? "unusable"}`);
  };
  const preferredUsername = read(mapping.preferredUsernameKey ?? "preferred_username", upstreamText());
  const email = read(mapping.emailKey ?? "email", upstreamEmail());
  const verified = own(claims, mapping.emailVerifiedKey ?? "email_verified") === true;
  return {
    remoteId: read(userIDKey, userId),
    displayName: read(mapping.userNameKey ?? "user_name", upstreamText()) ?? preferredUsername,
    preferredUsername,
    email,
    emailVerified: trustedEmailProvider && email !== undefined && verified,
  };
}

/** Groups of all `sources`, each once, in order of their first mention. What is no group is left out. */
export function readOauthGroups(sources: readonly JsonObject[], { claimMapping }: OauthConfig): readonly string[] {
  const lists = sources.map((source) => own(source, claimMapping?.groupsKey ?? "groups"));
  const names = lists.flatMap((list) => {
    if (list === undefined || list === null) return [];
    const parsed = groupList.safeParse(typeof list === "string" ? [list] : list);
    if (!parsed.success) throw invalidAnswer("groups: expected a list of names");
    return parsed.data;
  });
  return [...new Set(names)];
}

const payload = z.record(z.string(), z.json());

/** The claims of a JWT, unverified; undefined for a token of another kind. */
export function readJwtPayload(token: string): JsonObject | undefined {
  const [, middle, signature, ...more] = token.split(".");
  if (middle === undefined || signature === undefined || more.length > 0) return undefined;
  try {
    const parsed = payload.safeParse(JSON.parse(decodeBase64Url(middle)?.toString("utf8") ?? ""));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

function own(claims: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}
