// Writes the table of connectors into packages/connectors/README.md, from what the code says of itself. With --check it
// writes nothing and exits 1 when the table is not what it would write.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { connectorKinds } from "../packages/connectors/src/index.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const place = join(root, "packages", "connectors", "README.md");
const TABLE = /(<!-- capabilities: .* -->\n)[\s\S]*?(<!-- end of capabilities -->)/;

const rows = connectorKinds().map(({ type, title, capabilities: can }) => {
  const cells = [can.login, can.refresh, can.groups, can.preferredUsername, can.tokenIdentity, can.upstreamLogout];
  cells.push(can.backchannelLogout ?? "no");
  return `| ${[title, `\`${type}\``, ...cells].join(" | ")} |`;
});
const table = [
  "| upstream | type | login | refresh | groups | preferred_username | token exchange | logout there | logout from there |",
  "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
  ...rows,
].join("\n");

const before = readFileSync(place, "utf8");
const after = before.replace(TABLE, (_, start: string, end: string) => `${start}${table}\n${end}`);
if (!TABLE.test(before)) {
  console.error("packages/connectors/README.md: expected the comments that enclose the table of capabilities");
  process.exitCode = 1;
} else if (!process.argv.includes("--check")) {
  writeFileSync(place, after);
} else if (before !== after) {
  console.error("packages/connectors/README.md: the table is out of date: run node scripts/capability-table.ts");
  process.exitCode = 1;
}
console.log(`${rows.length} kinds of connectors in the table`);
