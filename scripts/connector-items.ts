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

const CHANGED: Readonly<Record<string, string>> = {
  1: "connectors come by dexctl, so it is dexctl that refuses, and the keys are named there",
  5: "a worker starts and serves all else; health and log say that nobody can sign in",
  6: "a worker always goes on: one broken connector must not stop a fleet",
  10: "also `<issuer>/callback`, the address of dex v2; and our own is one per connector (MIX-1)",
  37: "403 on the form, as for every refusal here",
  38: "403 on the form, as for every refusal here",
  39: "403 on the form, as for every refusal here",
  40: "403 on the form, as for every refusal here",
  44: "the answer is refused (403), not an error of ours: trying again does not help",
  46: "an empty text is refused by name, since `username` is needed",
  55: "the answer is refused (403), not an error of ours: trying again does not help",
  57: "without a word of the operator's the label is ours: user name",
  58: "403 on the form, as for every refusal here",
  59: "503, as for every upstream that cannot be used",
  67: "where a client wants the person themselves (prompt, max_age), or somebody links, the form is shown: a ticket proves no presence",
  68: "the 401 holds the form itself, so that a browser without a ticket needs no second request",
  71: "where a client wants the person themselves (prompt, max_age), or somebody links, the form is shown: a ticket proves no presence",
  72: "without `expectedRealm` the ticket must be of a realm of the keytab: else a trusted realm could be anybody",
  75: "a directory that is down is 503; there is still no form",
  76: "without `expectedRealm` the ticket must be of a realm of the keytab: else a trusted realm could be anybody",
  84: "`useLoginAsID` alone is refused, since a login that is given up is free for somebody else; `insecureUseLoginAsID` accepts that",
  94: "the verified primary address wins over the profile's; without one another one is taken, which counts as unverified if it is",
  97: "without a primary one another address is taken, which counts as unverified if it is: a missing address keeps nobody out",
  167: "administrators without a key file are refused: a directory that is silently not read would restrict nobody",
  172: "an empty `promptType` sends no prompt, instead of an empty one",
  181: "batches by default; `batchGroupLookups: false` asks once, as dex v2 did",
  189: "with `userIDHeader` configured a missing id is refused: a name must not stand in for it (ACC-14)",
  190: "a header that comes twice counts as missing",
  193: "without a confirmed primary address another one is taken, which counts as unverified if it is",
  210: "groups inside an access token need `groupsFromAccessToken`: nobody checked that signature",
  212: "members that change hands, such as an address, are refused as `userIDKey`",
  213: "an address is verified only where `trustedEmailProvider` says that this upstream verifies",
  216: "people are no setting: those of a file are told and not taken over; dexctl makes users, with hashes of its own making",
  217: "people of a file are told and not taken over, with or without a password database",
  218: "users of ours have no groups: those come from a directory",
  219: "the row decides: a deleted user's tokens went with it, and ids are never used again",
  220: "bcrypt of cost 4 to 16 is checked and upgraded; any other is refused as a wrong password, and by the APIs",
  225: "a mock is unavailable unless the worker runs with --insecure-mock-connectors; everything else goes on",
};

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
