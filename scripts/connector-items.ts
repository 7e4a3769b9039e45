// The checklist of the connectors, item by item, and which of them dex does otherwise than dex v2 on purpose.
import type { Checklist } from "./checklists.ts";

/** Where each group ends; the items are numbered through. */
const GROUPS: readonly (readonly [title: string, last: number])[] = [
  ["What all connectors have in common", 24],
  ["OAuth 2.0 and TLS", 34],
  ["LDAP", 66],
  ["Kerberos on LDAP", 81],
  ["GitHub", 104],
  ["SAML 2.0", 128],
  ["GitLab", 140],
  ["OpenID Connect", 166],
  ["Google, LinkedIn, Microsoft", 185],
  ["AuthProxy, Bitbucket, OpenShift, Crowd, Gitea", 205],
  ["Keystone, generic OAuth 2.0, local, mock, UAA", 225],
];

const CHANGED: Readonly<Record<string, string>> = {};

export const connectorItems: Checklist = {
  file: "connectors-checklist.md",
  title: "What connectors do, and the tests that hold it",
  of: "dex v2's connectors",
  pattern: /\bC (\d{1,3})\b/g,
  mention: /\s*\((?:C \d{1,3}(?:, )?)+\)/g,
  groups: GROUPS.map(([title, last], index) => {
    const first = (GROUPS[index - 1]?.[1] ?? 0) + 1;
    return { title, items: Array.from({ length: last - first + 1 }, (_, offset) => String(first + offset)) };
  }),
  changed: CHANGED,
  nothingToHold: new Set(),
};
