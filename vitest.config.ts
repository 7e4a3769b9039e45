import { defineConfig } from "vitest/config";

/** They need npm's native `kerberos`, which is built from C++ and is no dependency of ours. */
const WITH_KERBEROS = "packages/*/test/**/*-kerberos.test.ts";

/** Nothing else runs beside what must be done within seconds, changes the connectors of the shared fleet, or counts its rows. */
const ALONE = ["live-changes", "npm-start", "dex-behind-dex", "federation", "logout-tokens", "nothing-stored"].map(
  (name) => `packages/e2e/src/${name}.test.ts`,
);

const e2e = {
  globalSetup: ["packages/e2e/src/shared-fleet.ts"],
  testTimeout: 60_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 10_000 } },
};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts"],
          exclude: ["packages/e2e/**"],
          // Pure code and a few servers of its own: files may share a process, which saves loading everything again.
          pool: "threads",
          isolate: false,
        },
      },
      {
        test: {
          name: "integration",
          sequence: { groupOrder: 1 },
          include: ["packages/*/test/**/*.test.ts"],
          exclude: [WITH_KERBEROS],
          testTimeout: 20_000,
          hookTimeout: 30_000,
          expect: { poll: { timeout: 10_000 } },
          // These wait for programs more than they compute.
          maxWorkers: 3,
          globalSetup: ["packages/testing/src/vitest-postgres.ts"],
        },
      },
      {
        test: {
          name: "kerberos",
          sequence: { groupOrder: 3 },
          include: [WITH_KERBEROS],
          testTimeout: 20_000,
          hookTimeout: 30_000,
          globalSetup: ["packages/testing/src/vitest-postgres.ts"],
        },
      },
      {
        test: {
          ...e2e,
          name: "e2e",
          sequence: { groupOrder: 2 },
          include: ["packages/e2e/src/**/*.test.ts"],
          exclude: ALONE,
          // They wait for fleets more than they compute.
          maxWorkers: 2,
        },
      },
      {
        test: {
          ...e2e,
          name: "e2e-alone",
          sequence: { groupOrder: 4 },
          include: ALONE,
          fileParallelism: false,
        },
      },
    ],
  },
});
