// Requests at random: a good one of which something is left out, doubled, spoiled or replaced by what nobody should believe.
import fc from "fast-check";
import { CANARY } from "./canary.ts";
import type { Target } from "./target.ts";
import type { World } from "./world.ts";

/** A request as it goes over the wire. */
export interface RandomRequest {
  readonly method: string;
  /** With the query, percent-encoded or badly so. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string;
}

const MARKUP: readonly string[] = [
  `<${CANARY} x="1">`,
  `"><${CANARY} onload="1">`,
  `' ${CANARY}='1`,
  `</script><${CANARY}>`,
  `<!--<${CANARY}>-->`,
  `javascript:${CANARY}`,
  `\r\nX-${CANARY}: 1`,
  `\r\n\r\n<${CANARY}>`,
];

const ADDRESSES: readonly string[] = [
  "https://evil.example/cb",
  "//evil.example",
  "/\\evil.example",
  "https:evil.example",
  "javascript:alert(1)",
  "data:text/html,x",
  "http://127.0.0.1:7/callback/../evil",
  "http://127.0.0.1:7/callback@evil.example",
  "http://127.0.0.1:7@evil.example/callback",
  "http://127.0.0.1:8/callback",
  "HTTP://127.0.0.1:7/callback",
  "http://127.0.0.1:7/callback#x",
  "http://127.0.0.1:7/callback%00",
  "http://127.0.0.1.evil.example:7/callback",
];

const ODDITIES: readonly string[] = [
  ...["", " ", "0", "-1", "NaN", "1e999", "true", "null", "undefined", "[]", "{}", '{"a":', "__proto__", "constructor"],
  ...["\0", "\u2028", "\u202e", "\ufffd", "a".repeat(300), "é".repeat(100), "🙂", "none login", "openid openid"],
  ...["'; select pg_sleep(9); --", "../../etc/passwd", "%2e%2e%2f", "{{7*7}}", "*)(uid=*", "eyJhbGciOiJub25lIn0.e30."],
  `${'{"userinfo":'.repeat(50)}1${"}".repeat(50)}`,
];

const hostileValue: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...MARKUP) },
  { weight: 4, arbitrary: fc.constantFrom(...ODDITIES) },
  { weight: 3, arbitrary: fc.constantFrom(...ADDRESSES) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
  { weight: 1, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.integer({ min: 500, max: 9_000 }).map((length) => "A".repeat(length)) },
);

/** What becomes of one parameter of a good request. */
type Fate =
  | { readonly kind: "keep" | "drop" | "double" | "empty" }
  | { readonly kind: "replace" | "append" | "beside"; readonly value: string }
  | { readonly kind: "cut"; readonly at: number };

const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 16, arbitrary: fc.constant({ kind: "keep" } as const) },
  {
    weight: 2,
    arbitrary: fc.constantFrom({ kind: "drop" } as const, { kind: "double" } as const, { kind: "empty" } as const),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("replace", "append", "beside"), value: hostileValue }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), at: fc.nat({ max: 200 }) }) },
);

/** Requests to `world`, most of them nearly right, so that they get past the first check. */
export function randomRequest(world: World): fc.Arbitrary<RandomRequest> {
  const path = new URL(world.issuer).pathname;
  return fc.constantFrom(...world.targets).chain((target) => {
    const names = Object.keys(target.parameters);
    return fc
      .record({
        fates: fc.array(fate, { minLength: names.length, maxLength: names.length }),
        extra: fc.array(fc.tuple(extraName, hostileValue), { maxLength: 2 }),
        // No HEAD: the load balancer itself refuses what is too long, and then with a body.
        method: fc.oneof(
          { weight: 30, arbitrary: fc.constant<string>(target.method) },
          { weight: 1, arbitrary: fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS") },
        ),
        encoding: fc.oneof(
          { weight: 12, arbitrary: fc.constant("proper" as const) },
          { weight: 1, arbitrary: fc.constantFrom("broken" as const, "bare" as const) },
        ),
        cookie: fc.oneof(
          { weight: 8, arbitrary: fc.constantFrom(...cookiesFor(target, world)) },
          { weight: 1, arbitrary: headerText },
        ),
        authorization: fc.oneof(
          { weight: 8, arbitrary: fc.constantFrom("", ...(target.authorization ?? [])) },
          { weight: 1, arbitrary: headerText.map((text) => `Bearer ${text}`) },
          { weight: 1, arbitrary: headerText.map((text) => `Basic ${Buffer.from(text, "latin1").toString("base64")}`) },
        ),
        origin: fc.constantFrom(...originsFor(target, world)),
        contentType: fc.oneof(
          { weight: 20, arbitrary: fc.constant("") },
          {
            weight: 1,
            arbitrary: fc.constantFrom("application/json", "text/plain", "multipart/form-data; boundary=x", "x"),
          },
        ),
        proofs: proofsOf(target),
        certificate: certificateHeader(world.certificates),
        beside: fc.oneof({ weight: 6, arbitrary: fc.constant("") }, { weight: 1, arbitrary: headerText }),
      })
      .map((drawn) => render(path, target, drawn));
  });
}

const extraName = fc.oneof(
  fc.constantFrom(
    "__proto__",
    "a[b]",
    "redirect_uri[]",
    "state",
    "client_id",
    "request",
    "constructor",
    "extra",
    "next",
    "back",
  ),
  hostileValue.map((text) => text.slice(0, 30)),
);

/** What a header can carry at all. */
const headerText = fc
  .oneof(hostileValue, fc.string({ maxLength: 60 }))
  .map((text) => text.replace(/[^\x20-\x7e]/g, "").slice(0, 4_000));

/** The form of a page comes from its browser, but for a few that do not. */
const cookiesFor = ({ cookie }: Target, { cookies }: World): readonly string[] =>
  cookie === undefined ? ["", ...cookies] : [cookie, cookie, cookie, ...cookies, ""];

function originsFor({ cookie }: Target, { issuer }: World): readonly string[] {
  const own = new URL(issuer).origin;
  const foreign = ["https://evil.example", "null"];
  return cookie === undefined ? ["", "", "", own, ...foreign] : [own, own, own, own, own, own, "", ...foreign];
}

/** The values of the DPoP headers: those of the target for the most part, one or several of them, spoiled or huge. */
function proofsOf({ proofs = [] }: Target): fc.Arbitrary<readonly string[]> {
  const good = proofs.length === 0 ? headerText : fc.constantFrom(...proofs);
  const spoiled = fc.tuple(good, fc.nat({ max: 600 })).map(([proof, at]) => proof.slice(0, at) + proof.slice(at + 1));
  return fc.oneof(
    { weight: 8, arbitrary: fc.constant([]) },
    { weight: proofs.length === 0 ? 0 : 6, arbitrary: good.map((proof) => [proof]) },
    { weight: 2, arbitrary: fc.oneof(headerText, spoiled).map((proof) => [proof]) },
    { weight: 1, arbitrary: fc.array(fc.oneof(good, headerText), { minLength: 2, maxLength: 4 }) },
    { weight: 1, arbitrary: good.map((proof) => [proof.padEnd(7_000, "A")]) },
  );
}

/** Where the load balancer of the fleet would say what certificate a client has. */
export const CERTIFICATE_HEADER = "x-client-certificate";
const certificateHeader = (certificates: readonly string[]) =>
  fc.oneof(
    { weight: 16, arbitrary: fc.constant("") },
    { weight: 2, arbitrary: fc.constantFrom(...certificates) },
    { weight: 1, arbitrary: headerText },
  );

interface Drawn {
  readonly fates: readonly Fate[];
  readonly extra: readonly (readonly [string, string])[];
  readonly method: string;
  readonly encoding: "proper" | "broken" | "bare";
  readonly cookie: string;
  readonly authorization: string;
  readonly origin: string;
  readonly contentType: string;
  readonly proofs: readonly string[];
  readonly certificate: string;
  readonly beside: string;
}

function render(base: string, target: Target, drawn: Drawn): RandomRequest {
  const pairs = [
    ...Object.entries(target.parameters).flatMap(([name, value], index) => suffer(name, value, drawn.fates[index])),
    ...drawn.extra,
  ];
  const form = encode(pairs, drawn.encoding);
  const inQuery = target.method === "GET" || target.method === "DELETE";
  const body = target.json === true ? JSON.stringify(Object.fromEntries(pairs.map(asJson))) : form;
  const type = target.json === true ? "application/json" : "application/x-www-form-urlencoded";
  const headers = {
    ...(inQuery ? {} : { "content-type": drawn.contentType || type }),
    ...(drawn.cookie === "" ? {} : { cookie: drawn.cookie }),
    ...(drawn.authorization === "" ? {} : { authorization: drawn.authorization }),
    ...(drawn.origin === "" ? {} : { origin: drawn.origin }),
    ...(drawn.beside === "" ? {} : { "x-forwarded-host": drawn.beside, accept: drawn.beside }),
    ...(drawn.proofs.length === 0 ? {} : { dpop: [...drawn.proofs] }),
    ...(drawn.certificate === "" ? {} : { [CERTIFICATE_HEADER]: drawn.certificate }),
  };
  return {
    method: drawn.method,
    path: (target.atOrigin === true ? "" : base) + target.path + (inQuery ? `?${form}` : ""),
    headers,
    body: inQuery || drawn.method === "GET" ? "" : body,
  };
}

function suffer(name: string, value: string, fate: Fate | undefined): readonly (readonly [string, string])[] {
  switch (fate?.kind) {
    case undefined:
    case "keep":
      return [[name, value]];
    case "drop":
      return [];
    case "double":
      return [
        [name, value],
        [name, value],
      ];
    case "empty":
      return [[name, ""]];
    case "replace":
      return [[name, fate.value]];
    case "append":
      return [[name, value + fate.value]];
    case "beside":
      return [
        [name, value],
        [name, fate.value],
      ];
    case "cut":
      return [[name, value.slice(0, fate.at)]];
  }
}

/** Lists where lists are expected, now and then, and otherwise whatever the text reads as. */
function asJson([name, value]: readonly [string, string]): readonly [string, unknown] {
  if (name.endsWith("_uris") || name.endsWith("URIs")) return [name, [value]];
  try {
    return [name, JSON.parse(value)];
  } catch {
    return [name, value];
  }
}

function encode(pairs: readonly (readonly [string, string])[], how: Drawn["encoding"]): string {
  const query = new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value])).toString();
  if (how === "proper") return query;
  if (how === "broken") return `${query.replace("%", "%z")}&%ff=%c3%28&=`;
  return pairs.map(([name, value]) => `${bare(name)}=${bare(value)}`).join("&");
}

/** Only what cannot stand in a request line at all is encoded. */
function bare(text: string): string {
  return text.replace(/[^\x21-\x7e]|[#&]/g, (character) => encodeURIComponent(character.toWellFormed()));
}
