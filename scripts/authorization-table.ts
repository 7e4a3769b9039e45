// Writes the table of the authorization endpoint into packages/oidc/README.md: every check in its order, with its section. The
// order of the checks and their sections are read from the source, and a way out of it that has no row here is an error. With
// --check it writes nothing and exits 1 when the table is not what it would write.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const oidc = join(root, "packages", "oidc");
const place = join(oidc, "README.md");
const TABLE = /(<!-- authorization: .* -->\n)[\s\S]*?(<!-- end of authorization -->)/;

/** What each entry of CHECKS refuses; its section stands beside it in the source. */
const REFUSES: Readonly<Record<string, string>> = {
  refuseUnsafeParameters: "NUL, CR, LF or bytes that are no UTF-8 in a parameter; more than 200 parameters",
  refuseRepeated: "a parameter of ours that comes twice",
  refuseUnpushed: "a request that was not pushed, where it has to be",
  refuseTooLong: "a parameter that is too long",
  refuseRegistration: "`registration`: clients are registered before",
  refuseResponseType: "a `response_type` that is missing, not served, or not the client's",
  refuseResponseMode:
    "a `response_mode` that is unknown, or would show tokens in a query, or post to where nothing can be posted",
  refuseGrant: "a code for a client that may not redeem one",
  refuseScope: "a `scope` without `openid`, or one by name that the client may not have",
  refuseMissingNonce: "no `nonce`, where an ID token travels with the browser",
  refuseCodeChallenge: "no `code_challenge` where there must be one, one that is malformed, and every method but S256",
  refuseKeyThumbprint: "a `dpop_jkt` that is no thumbprint",
  refusePrompt: "a `prompt` that is unknown, and `none` beside another",
  refuseMaxAge: "a `max_age` that is no whole number",
  refuseClaims: "`claims` that are no object of claims",
  refuseTargets: "a `resource` or `authorization_details` that are malformed or not the client's",
};

interface Row {
  /** What stands in the source where this is decided: of all rows of a function in their order. */
  readonly found: string;
  readonly what: string;
  readonly answer: string;
  readonly section: string;
}

const row = (found: string, what: string, answer: string, section: string): Row => ({ found, what, answer, section });
const TO_CLIENT = "to the client";
const PAGE = "page of ours";

/** Each function with all the ways out of it, but for those of its inner checks. */
const BEFORE: readonly Row[] = [
  row('show("the client is unknown"', "a `client_id` that is missing, repeated or unknown", PAGE, "RFC 6749 §4.1.2.1"),
  row(
    "return openPushed(",
    "a `request_uri` of ours: the pushed request counts, not what stands beside it; refused when it is another client's or expired",
    PAGE,
    "RFC 9126 §4",
  ),
  row(
    'show("the redirect_uri is not registered',
    "a `redirect_uri` that is missing, repeated or not registered, in the request object or without one",
    PAGE,
    "OIDC Core §3.1.2.1, RFC 6749 §3.1.2.4",
  ),
  row(
    "return deliver(objection)",
    "a request object that is broken, forged, for others or not supported; one that is missing where it must be",
    TO_CLIENT,
    "OIDC Core §6, RFC 9101 §6",
  ),
];
const AFTER: readonly Row[] = [
  row("return deliver(audience)", "an audience that does not trust the client", TO_CLIENT, "RFC 6749 §3.3 (TOK-19)"),
  row("return deliver(hint.error)", "an `id_token_hint` that is no ID token of ours", TO_CLIENT, "OIDC Core §3.1.2.1"),
];
const NEXT_STEPS: readonly Row[] = [
  row(
    'authenticate("no session"',
    "nobody is signed in",
    "sign-in; `login_required` at `prompt=none`",
    "OIDC Core §3.1.2.3",
  ),
  row(
    'kind: "refuse", error: answeredBefore(',
    "a request object, or a pushed request, that was answered",
    "to the client; of a pushed request a page of ours",
    "RFC 9101 §10.2, RFC 9126 §4",
  ),
  row(
    'refuse("login_required"',
    "one of those reasons, just after a sign-in",
    "`login_required`",
    "OIDC Core §3.1.2.6",
  ),
  row(
    "return authenticate(reason",
    "one of those reasons",
    "sign-in; `login_required` at `prompt=none`",
    "OIDC Core §3.1.2.3",
  ),
  row(
    'kind: "authenticate"',
    "the upstream was asked for less than this client wants",
    "sign-in through it",
    "connectors",
  ),
  row('kind: "link"', "an identity was proved that may become this person's", "question", "ACC-12"),
  row('kind: "prove identity"', "the person links an identity", "sign-in at an upstream", "ACC-12"),
  row('kind: "approve device"', "the flow lets somebody in elsewhere", "question", "RFC 8628 §3.3, §5.4"),
  row('kind: "finish"', "nothing is missing", "the answer", "OIDC Core §3.1.2.5, §3.2.2.5, §3.3.2.5"),
  row('refuse("consent_required"', "consent is missing at `prompt=none`", "`consent_required`", "OIDC Core §3.1.2.6"),
  row('kind: "consent"', "consent is missing, or `prompt=consent`", "question", "OIDC Core §3.1.2.4, §11"),
];
/** The reasons for which somebody who is signed in signs in again. */
const REASONS: Readonly<Record<string, string>> = {
  "the client does not allow the connector": "SAM-8",
  "the sign-in was for a client that does not share it": "dex v2 ssoSharedWith",
  "a new account is wanted": "prompt=create §4.1",
  "prompt=login": "OIDC Core §3.1.2.1",
  "prompt=select_account": "OIDC Core §3.1.2.1",
  "max_age passed": "OIDC Core §3.1.2.1",
  "another user is signed in": "OIDC Core §3.1.2.1, §5.5.1",
  "the sign-in is not of the kind asked for": "OIDC Core §5.5.1.1",
};

const problems: string[] = [];
const endpoint = readFileSync(join(oidc, "src", "endpoints", "authorization.ts"), "utf8");
const nextStep = readFileSync(join(oidc, "src", "login-state", "next-step.ts"), "utf8");

/** The text of a top-level declaration. */
function declaration(source: string, start: string): string {
  const from = source.indexOf(start);
  if (from === -1) problems.push(`there is no "${start}" any more`);
  return source.slice(from, source.indexOf("\n}", from) + 2);
}

/** Holds that the rows are all the ways out of a function, in their order. */
function holdRows(name: string, body: string, rows: readonly Row[], wayOut: RegExp): void {
  let from = 0;
  for (const { found } of rows) {
    const at = body.indexOf(found, from);
    if (at === -1) problems.push(`${name}: \`${found}\` is gone, or stands elsewhere`);
    else from = at + found.length;
  }
  const ways = [...body.matchAll(wayOut)].length;
  if (ways !== rows.length) problems.push(`${name} has ${ways} ways out, and ${rows.length} have a row`);
}

const decide = declaration(endpoint, "export async function decideAuthorization(");
// One of the ways out is that of CHECKS.
const checkLoop = row("return deliver(error)", "", "", "");
holdRows("decideAuthorization", decide, [...BEFORE, checkLoop, ...AFTER], /return (?:show|deliver|openPushed)\(/g);
holdRows(
  "decideNextStep",
  declaration(nextStep, "export function decideNextStep("),
  NEXT_STEPS,
  /return (?:authenticate|refuse)\(|return \{ ?\n? *kind:/g,
);

const listed = /const CHECKS[\s\S]*?= \[\n([\s\S]*?)\n\];/.exec(endpoint)?.[1] ?? "";
const checks = listed.split("\n").map((line): Row => {
  const [, name = "", section = ""] = /(refuse\w+).*?(?:, \/\/ (.+))?$/.exec(line) ?? [];
  const what = REFUSES[name];
  if (what === undefined) problems.push(`CHECKS: "${line.trim()}" is a check of which nobody says what it refuses`);
  if (section === "") problems.push(`CHECKS: "${line.trim()}" names no section`);
  return row(name, what ?? "", TO_CLIENT, section);
});
const reasons = [...declaration(nextStep, "function reasonToAuthenticate(").matchAll(/(?:return|\?) "([^"]+)"/g)].map(
  ([, reason = ""]): Row => {
    const section = REASONS[reason];
    if (section === undefined) problems.push(`reasonToAuthenticate: "${reason}" has no section`);
    return row(reason, `reason: ${reason}`, "as below", section ?? "");
  },
);

const [nobody, answered, ...others] = NEXT_STEPS;
const stages: readonly (readonly [string, readonly (Row | undefined)[]])[] = [
  ["who asks", BEFORE],
  ["what is asked", checks],
  ["whom it concerns", AFTER],
  ["the person", [nobody, answered, ...reasons, ...others]],
];
const rows = stages.flatMap(([stage, all]) => all.filter((one) => one !== undefined).map((one) => ({ ...one, stage })));
const table = [
  "|  | of | refused or decided | the answer | section |",
  "| --- | --- | --- | --- | --- |",
  ...rows.map(
    ({ stage, what, answer, section }, index) => `| ${[index + 1, stage, what, answer, section].join(" | ")} |`,
  ),
].join("\n");

const before = readFileSync(place, "utf8");
if (!TABLE.test(before)) problems.push("packages/oidc/README.md lacks the comments that enclose the table");
const after = before.replace(TABLE, (_, start: string, end: string) => `${start}${table}\n${end}`);
if (!process.argv.includes("--check")) writeFileSync(place, after);
else if (before !== after)
  problems.push("packages/oidc/README.md is out of date: run node scripts/authorization-table.ts");
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
console.log(`${rows.length} checks and decisions of the authorization endpoint in the table`);
