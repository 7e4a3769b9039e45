// The person's role in a group of GitLab's. Pure.

/** Paths by role, as the claims of GitLab have them. */
export interface RoleClaims {
  readonly owner: ReadonlySet<string>;
  readonly maintainer: ReadonlySet<string>;
  readonly developer: ReadonlySet<string>;
}

const BY_PRECEDENCE = ["owner", "maintainer", "developer"] as const;

/** The highest role that the claims give in a group, or in one that it is part of. */
export function roleFromClaims(path: string, claims: RoleClaims): string | undefined {
  const names = path.split("/");
  const covering = names.map((_, index) => names.slice(0, index + 1).join("/"));
  return BY_PRECEDENCE.find((role) => covering.some((group) => claims[role].has(group)));
}

/** GitLab's access levels. */
const ROLES: ReadonlyMap<number, string> = new Map([
  [5, "minimal_access"],
  [10, "guest"],
  [15, "planner"],
  [20, "reporter"],
  [25, "security_manager"],
  [30, "developer"],
  [40, "maintainer"],
  [50, "owner"],
  [60, "admin"],
]);

/** Undefined for a level that GitLab did not have when this was written: a role that nobody knows permits nothing. */
export function roleByLevel(level: number): string | undefined {
  return ROLES.get(level);
}
