// What a token request names has to be among what was granted: refuseUngranted of the engine, as a condition of a statement.
import type { AskedOfGrant } from "@dex/oidc";

/**
 * Whether `asked`, a parameter that toAskedValue made, is within `terms`. A resource goes by its identifier; authorization
 * details have to be the same as a whole, since with fewer members they could be more.
 */
export function isGranted(terms: string, asked: string): string {
  return `COALESCE(${terms} -> 'resources', '[]') @> COALESCE(${asked}::jsonb -> 'resources', '[]')
      AND NOT EXISTS (SELECT FROM jsonb_array_elements(${asked}::jsonb -> 'authorizationDetails') AS wish (one)
        WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(${terms} -> 'authorizationDetails') AS given (one)
          WHERE given.one = wish.one))`;
}

/** Null where nothing is named, which every grant has. */
export function toAskedValue(asked: AskedOfGrant | undefined): string | null {
  if (asked === undefined) return null;
  const { resources, authorizationDetails } = asked;
  if (resources.length === 0 && authorizationDetails === undefined) return null;
  return JSON.stringify({ resources: resources.map((identifier) => ({ identifier })), authorizationDetails });
}
