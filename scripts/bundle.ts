// Makes dist/: one JavaScript file per process, for images and units. Node strips no types below node_modules, and one file
// starts faster than a thousand.
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Output name -> the file it is made of. */
const ENTRIES: Readonly<Record<string, string>> = {
  "dex-worker": "packages/dex-worker/src/main.ts",
  "dex-overlord": "packages/dex-overlord/src/main.ts",
  dexctl: "packages/dexctl/src/main.ts",
  "example-app": "packages/example-app/src/main.ts",
  // Threads are started by file name, so these cannot be inside the program that starts them.
  "password-thread": "packages/users/src/password-thread.ts",
  "piscina-worker": "packages/users/node_modules/piscina/dist/worker.js",
};

/** Drivers and speed-ups that knex, pg and piscina ask for only when they are set up to use them. */
const NEVER_LOADED = [
  "@napi-rs/nice",
  "better-sqlite3",
  "mariadb/callback",
  "mysql",
  "mysql2",
  "oracledb",
  "pg-native",
  "pg-query-stream",
  "sqlite3",
  "tedious",
];

/** Names of files that code asks for at run time: in dist/ they lie beside the bundle. */
const FILE_NAMES: readonly { file: RegExp; from: string; to: string }[] = [
  {
    file: /users\/src\/password-hasher\.ts$/,
    from: 'new URL("./password-thread.ts"',
    to: 'new URL("./password-thread.js"',
  },
  { file: /piscina\/dist\/index\.js$/, from: "'worker.js'", to: "'piscina-worker.js'" },
];

const pointToBundles: Plugin = {
  name: "point-to-bundles",
  setup(building) {
    for (const { file, from, to } of FILE_NAMES) {
      building.onLoad({ filter: file }, async ({ path }) => {
        const text = await readFile(path, "utf8");
        if (!text.includes(from)) throw new Error(`${path} no longer names ${from}: adapt scripts/bundle.ts`);
        return { contents: text.replace(from, to), loader: path.endsWith(".ts") ? "ts" : "js" };
      });
    }
  },
};

await build({
  absWorkingDir: root,
  entryPoints: ENTRIES,
  outdir: join(root, "dist"),
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  // A stack trace in a log must name functions.
  keepNames: true,
  sourcemap: false,
  legalComments: "linked",
  logLevel: "warning",
  external: NEVER_LOADED,
  plugins: [pointToBundles],
  banner: {
    // CommonJS libraries inside an ES module still look for these.
    js: [
      'import { createRequire as $createRequire } from "node:module";',
      "const require = $createRequire(import.meta.url);",
      "const __filename = import.meta.filename, __dirname = import.meta.dirname;",
    ].join("\n"),
  },
});
console.log(`made ${Object.keys(ENTRIES).join(", ")} in dist/`);
