import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "packages/*/test/**/*.test.ts"],
          exclude: ["packages/e2e/**"],
          globalSetup: ["packages/testing/src/vitest-postgres.ts"],
        },
      },
      {
        test: {
          name: "e2e",
          include: ["packages/e2e/src/**/*.test.ts"],
          globalSetup: ["packages/e2e/src/shared-fleet.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
