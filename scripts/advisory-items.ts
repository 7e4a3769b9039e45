// The published advisories of servers like dex, and the tests that would find the same mistake here.
import type { Advisory } from "./advisories/advisory.ts";
import { dexAndHydra } from "./advisories/dex-and-hydra.ts";
import { keycloak } from "./advisories/keycloak.ts";
import { others } from "./advisories/others.ts";
import type { Checklist } from "./checklists.ts";

const GROUPS = [...dexAndHydra, ...keycloak, ...others];

const nameOf = ([ids, wrong]: Advisory): string => `${ids}: ${wrong}`;
const all = GROUPS.flatMap(({ advisories }) => advisories);
const textsOf = ([, , heldBy]: Advisory): readonly string[] => (typeof heldBy === "string" ? [] : heldBy);
const unheld = all.filter(([, , heldBy]) => typeof heldBy === "string");

/** Longest first, so that of two texts that begin alike the whole one is found. */
const texts = [...new Set(all.flatMap(textsOf))].sort((one, other) => other.length - one.length);
const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

export const advisoryItems: Checklist = {
  file: "advisories-checklist.md",
  title: "Published advisories, and the tests that would find the same mistake here",
  of: "the published advisories",
  pattern: new RegExp(`(${texts.map(escapeRegExp).join("|")})`, "g"),
  itemsOf: (text) => all.filter((advisory) => textsOf(advisory).includes(text)).map(nameOf),
  mention: /(?!)/,
  groups: GROUPS.map(({ title, advisories }) => ({ title, items: advisories.map(nameOf) })),
  changed: Object.fromEntries(unheld.map((advisory) => [nameOf(advisory), String(advisory[2])])),
  nothingToHold: new Set(unheld.map(nameOf)),
};
