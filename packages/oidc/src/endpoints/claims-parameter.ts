// The `claims` parameter, OIDC Core §5.5: which single claims a request asks for, and where. Of a value that is asked for
// only those of sub and acr can decide anything; every other claim is told as it is or left out.
import { z } from "zod";
import type { RequestedClaims } from "../ports.ts";
import { scopeOfClaim } from "../tokens/claims.ts";

/** What a `claims` parameter comes to. */
export interface ClaimsParameter {
  /** Only such as we know. */
  readonly claims: RequestedClaims;
  /** Subjects of which the user has to be one. Undefined: whoever signs in. */
  readonly subjects: readonly string[] | undefined;
  /** Values of acr of which one is essential, §5.5.1.1. Undefined: none is. */
  readonly essentialAcr: readonly string[] | undefined;
}

const MAX_VALUES = 20;
const member = z
  .object({
    essential: z.boolean().optional(),
    value: z.unknown().optional(),
    values: z.array(z.unknown()).max(MAX_VALUES).optional(),
  })
  .nullable();
const members = z.record(z.string(), z.unknown()).nullish();
const shape = z.object({ userinfo: members, id_token: members });

/** Undefined when the text is not such an object. Claims that we do not know may be anything (OIDC Core §5.5). */
export function parseClaims(text: string): ClaimsParameter | undefined {
  const parsed = shape.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const userinfo = parsed.data.userinfo ?? {};
  const idToken = parsed.data.id_token ?? {};
  const decisive = [userinfo.sub, idToken.sub, userinfo.acr, idToken.acr].map(readMember);
  const [userinfoSub, idTokenSub, userinfoAcr, idTokenAcr] = decisive;
  if (decisive.includes("malformed")) return undefined;
  if (![userinfo, idToken].every((claims) => Object.entries(claims).every(isWellFormed))) return undefined;
  return {
    claims: { userinfo: knownNames(userinfo), idToken: knownNames(idToken) },
    subjects: valuesOf(idTokenSub) ?? valuesOf(userinfoSub),
    essentialAcr: essentialValues(idTokenAcr) ?? essentialValues(userinfoAcr),
  };
}

type Member = z.infer<typeof member> | undefined;

function readMember(value: unknown): Member | "malformed" {
  if (value === undefined) return undefined;
  const parsed = member.safeParse(value);
  return parsed.success ? parsed.data : "malformed";
}

function isWellFormed([name, value]: [string, unknown]): boolean {
  return scopeOfClaim(name) === undefined || readMember(value) !== "malformed";
}

/** In alphabetical order, each once: what is stored of a request does not depend on how it was written. */
function knownNames(claims: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(claims)
    .filter((name) => scopeOfClaim(name) !== undefined)
    .toSorted();
}

/** The texts that the claim is to be one of. Others match no claim of ours, so a list of them matches nothing. */
function valuesOf(asked: Member | "malformed"): readonly string[] | undefined {
  if (asked === undefined || asked === null || asked === "malformed") return undefined;
  if (asked.value === undefined && asked.values === undefined) return undefined;
  const all = asked.value === undefined ? (asked.values ?? []) : [asked.value];
  return all.filter((value) => typeof value === "string");
}

function essentialValues(asked: Member | "malformed"): readonly string[] | undefined {
  return asked !== "malformed" && asked?.essential === true ? valuesOf(asked) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
