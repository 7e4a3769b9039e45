// Who may import whom, as data. A new arrow changes this table first, and says why in its commit.

export interface Arrows {
  /** Packages of ours that its sources may import. */
  readonly values: readonly string[];
  /** Packages of ours of which only types may be used: `import type`, gone before anything runs. */
  readonly types?: readonly string[];
}

/** One row per package. Tests may also import `testing` and whatever the package's devDependencies name. */
export const ARROWS: Readonly<Record<string, Arrows>> = {
  runtime: { values: [] },
  web: { values: [] },
  "example-app": { values: [] },
  oidc: { values: ["runtime"] },
  keys: { values: ["runtime"] },
  connectors: { values: ["runtime"] },
  email: { values: ["runtime"] },
  users: { values: ["runtime"], types: ["connectors"] },
  storage: { values: ["runtime"], types: ["oidc", "keys", "connectors", "users", "email"] },
  // What the APIs and dexctl administer alike, so that each rule exists once. The stores are handed in.
  management: { values: ["runtime", "oidc", "connectors", "users"], types: ["email"] },
  "dex-worker": { values: ["runtime", "oidc", "keys", "connectors", "users", "email", "web", "storage", "management"] },
  "dex-overlord": { values: ["runtime", "oidc", "keys", "connectors", "users", "storage", "management"] },
  // It shows signing keys as storage returns them; it makes and opens none.
  dexctl: { values: ["runtime", "oidc", "connectors", "users", "storage", "management"], types: ["keys"] },
  "dex-embedded": { values: ["runtime"] },
  testing: { values: ["runtime"] },
  // They speak to running processes, not to our modules.
  e2e: { values: ["testing"] },
  benchmarks: { values: ["testing"] },
};

/** Packages that are tests from end to end: they may use `testing` and read the clock. */
export const TEST_PACKAGES: readonly string[] = ["testing", "e2e", "benchmarks"];

/** Everything that may stand at the top of the repository. What git ignores is not looked at. */
export const TOP_LEVEL: readonly string[] = [
  ".ci",
  ".dockerignore",
  ".gitignore",
  "LICENSE",
  "README.md",
  "biome.json",
  "deploy",
  "docker-compose.yml",
  "package.json",
  "packages",
  "pnpm-lock.yaml",
  "pnpm-workspace.yaml",
  "scripts",
  "tsconfig.json",
  "vitest.config.ts",
];

/** What a clone holds beside its sources; git ignores all of it. */
export const IGNORED_TOP_LEVEL: readonly string[] = [".git", ".dex", "node_modules", "dist", "screenshots", ".env"];

/** Names that say nothing about what is inside, so everything ends up there. */
export const EMPTY_NAMES: readonly string[] = [
  "utils",
  "util",
  "helpers",
  "helper",
  "common",
  "types",
  "misc",
  "shared",
];
