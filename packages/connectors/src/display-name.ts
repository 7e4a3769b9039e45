import type { StoredConnector } from "./connector.ts";

/** The names that dex v1 gave to well-known ids. */
const NAMES_BY_ID: ReadonlyMap<string, string> = new Map([
  ["google", "Google"],
  ["local", "Email"],
  ["github", "GitHub"],
  ["bitbucket", "Bitbucket"],
  ["uaa", "CloudFoundry User Account and Authentication (UAA)"],
]);

/** What a connector's button says: its configured `name` (dex v2), else what dex v1 derived from the id, else the id. */
export function displayNameOf(stored: StoredConnector): string {
  const { name } = stored.config;
  return typeof name === "string" ? name : (NAMES_BY_ID.get(stored.id) ?? stored.id);
}
