import { expect, test } from "vitest";
import { later, now } from "../../test/fakes.ts";
import { DEFAULT_SESSION_LIMITS } from "./limits.ts";
import { newSession } from "./new-session.ts";

const identity = {
  connectorId: "local",
  preferredUsername: "jane",
  groups: ["staff"],
  authTime: undefined,
  amr: ["pwd"],
  asked: ["groups"] as const,
};
const input = {
  hash: Buffer.alloc(32),
  user: { id: "u" },
  identity,
  clientId: "client-a",
  userAgent: "Firefox/140.0",
  limits: DEFAULT_SESSION_LIMITS,
  now,
};

test("a session ends after an hour without use and after twelve in any case", () => {
  expect(newSession(input)).toEqual({
    hash: input.hash,
    userId: "u",
    connectorId: "local",
    authTime: now,
    amr: ["pwd"],
    groups: ["staff"],
    preferredUsername: "jane",
    asked: ["groups"],
    provedFor: "client-a",
    userAgent: "Firefox/140.0",
    createdAt: now,
    idleExpiresAt: later(3600),
    expiresAt: later(43_200),
  });
  expect(newSession({ ...input, limits: { idleSeconds: 60, absoluteSeconds: 30 } }).idleExpiresAt).toEqual(later(30));
});

const authTimes = [
  { when: "the upstream does not say", said: undefined, expected: now },
  { when: "the upstream had a session of its own", said: later(-3600), expected: later(-3600) },
  { when: "the upstream's clock runs ahead", said: later(30), expected: now },
];
test.each(authTimes)("auth_time when $when (AUT-5, OIDC Core §2)", ({ said, expected }) => {
  expect(newSession({ ...input, identity: { ...identity, authTime: said } }).authTime).toEqual(expected);
});

const userAgents = [
  { what: "nothing", header: undefined, kept: undefined },
  { what: "an empty name", header: "", kept: undefined },
  { what: "a name without end", header: "x".repeat(5000), kept: "x".repeat(200) },
  { what: "what cannot be printed", header: "Fire\tfox\u00ff\u0007", kept: "Firefox" },
];
test.each(userAgents)("of a browser that calls itself $what only so much is kept (BRO-11)", ({ header, kept }) => {
  expect(newSession({ ...input, userAgent: header }).userAgent).toBe(kept);
});
