// Writes packages/e2e/standards.md: each demand of the standards that dex keeps, with the tests that hold it. With --check it
// writes nothing and exits 1 when the file is not what it would write, or a demand has no test.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { backchannel } from "./musts/backchannel.ts";
import { clientDocuments } from "./musts/client-documents.ts";
import { clients } from "./musts/clients.ts";
import { codes } from "./musts/codes.ts";
import { exchange } from "./musts/exchange.ts";
import { fapi1 } from "./musts/fapi1.ts";
import { fapi2 } from "./musts/fapi2.ts";
import { jwtTokens } from "./musts/jwt-tokens.ts";
import type { Document, Must } from "./musts/must.ts";
import { oauth } from "./musts/oauth.ts";
import { openidClaims } from "./musts/openid-claims.ts";
import { openidClients } from "./musts/openid-clients.ts";
import { openidLogout } from "./musts/openid-logout.ts";
import { openidSignIn } from "./musts/openid-sign-in.ts";
import { possession } from "./musts/possession.ts";
import { requests } from "./musts/requests.ts";
import { tokens } from "./musts/tokens.ts";
import { findTestStrings, type NamingTest } from "./tests-by-id.ts";

const DOCUMENTS: readonly Document[] = [
  ...[...oauth, ...codes, ...requests, ...clients, ...clientDocuments, ...tokens, ...jwtTokens],
  ...[...exchange, ...possession, ...backchannel, ...fapi2, ...fapi1],
  ...[...openidSignIn, ...openidClaims, ...openidClients, ...openidLogout],
];
/** More would hide the demands behind their tests; the rest is counted. */
const SHOWN_TESTS = 3;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const strings = findTestStrings(root);

function testsOf(text: string): readonly NamingTest[] {
  const mention = new RegExp(`${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\w-])`);
  return strings.filter(({ name }) => mention.test(name));
}

function renderRow({ section, must, heldBy, different }: Must): string {
  const cells = heldBy.map((text) => {
    const tests = testsOf(text);
    const shown = tests.slice(0, SHOWN_TESTS).map(({ path, name }) => `\`${path}\`: ${escapeCell(name)}`);
    const more = tests.length > SHOWN_TESTS ? [`and ${tests.length - SHOWN_TESTS} more that name ${text}`] : [];
    return [...shown, ...more].join("<br>");
  });
  const reason = different === undefined ? "" : `<br>Different on purpose: ${escapeCell(different)}.`;
  return `| ${section} | ${escapeCell(must)}${reason} | ${cells.join("<br>")} |`;
}

function escapeCell(text: string): string {
  return text.replaceAll("\\", "").replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

const count = DOCUMENTS.reduce((sum, { musts }) => sum + musts.length, 0);
const page = [
  "# What the standards demand, and the tests that hold it",
  "",
  `Made by \`node scripts/musts.ts\`; CI fails when it is out of date. ${count} demands of ${DOCUMENTS.length} documents.`,
  "",
  ...DOCUMENTS.flatMap(({ name, title, musts }) => [
    ...[
      `## ${title === undefined ? name : `${name}: ${title}`}`,
      "",
      "| Section | dex must | Held by |",
      "|---|---|---|",
    ],
    ...[...musts.map(renderRow), ""],
  ]),
].join("\n");

const missing = DOCUMENTS.flatMap(({ name, musts }) =>
  musts.flatMap(({ section, heldBy }) =>
    heldBy
      .filter((text) => testsOf(text).length === 0)
      .map((text) => `${name} section ${section}: no test says "${text}"`),
  ),
);
const place = join(root, "packages", "e2e", "standards.md");
const write = !process.argv.includes("--check");
if (write) writeFileSync(place, page);
const stale =
  write || readFileSync(place, "utf8") === page
    ? []
    : ["packages/e2e/standards.md is out of date: run node scripts/musts.ts"];
for (const problem of [...missing, ...stale]) console.error(problem);
if (missing.length + stale.length > 0) process.exitCode = 1;
console.log(`${count} demands of ${DOCUMENTS.length} documents`);
