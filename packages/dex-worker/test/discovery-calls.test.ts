// Everything that discovery advertises works: a call for each value of each member, and no value without one.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ANSWER_CALLS } from "./discovery-calls/answers.ts";
import { AUTHENTICATION_CALLS } from "./discovery-calls/authentication.ts";
import { BACKCHANNEL_CALLS } from "./discovery-calls/backchannel.ts";
import { type CallWorld, type MemberCalls, openCallWorld } from "./discovery-calls/call-world.ts";
import { CERTIFICATE_CALLS, CLIENT_AUTHORITY } from "./discovery-calls/certificates.ts";
import { ENDPOINT_CALLS } from "./discovery-calls/endpoints.ts";
import { JWT_ANSWER_CALLS } from "./discovery-calls/jwt-answers.ts";
import { DEVICE_CALLS, PUSHED_REQUEST_CALLS } from "./discovery-calls/other-ways.ts";
import { RESOURCE_CALLS, registerPayments } from "./discovery-calls/resources.ts";
import { SENDER_CONSTRAINT_CALLS } from "./discovery-calls/sender-constraint.ts";
import { TOKEN_CALLS } from "./discovery-calls/tokens.ts";

/** By member. What is advertised anew gets its calls in one of these tables, or in one of its own here. */
const CALLS: Readonly<Record<string, MemberCalls>> = {
  ...ENDPOINT_CALLS,
  ...ANSWER_CALLS,
  ...TOKEN_CALLS,
  ...AUTHENTICATION_CALLS,
  ...CERTIFICATE_CALLS,
  ...SENDER_CONSTRAINT_CALLS,
  ...RESOURCE_CALLS,
  ...DEVICE_CALLS,
  ...BACKCHANNEL_CALLS,
  ...PUSHED_REQUEST_CALLS,
  ...JWT_ANSWER_CALLS,
};

/** All that can be advertised. */
const EVERYTHING_ON = [
  ...["--request-client-certificates", `--client-certificate-ca=${CLIENT_AUTHORITY.caFile}`],
  "--enable-registration",
  "--password-grant-connectors=local",
];

let world: CallWorld;
beforeAll(async () => {
  world = await openCallWorld(EVERYTHING_ON);
  await registerPayments(world);
});
afterAll(async () => {
  await world?.close();
  CLIENT_AUTHORITY.remove();
});

test("every value of every member has a call, and every call a value (OIDC Discovery §3, RFC 8414 §2)", async () => {
  const valuesOf = (value: unknown) => [value].flat().map((one) => String(one).replace(world.issuer, "{issuer}"));
  const advertised = Object.entries(await world.document()).map(([member, value]) => [member, valuesOf(value).sort()]);
  const called = Object.entries(CALLS).map(([member, calls]) => [member, Object.keys(calls).sort()]);
  expect(Object.fromEntries(advertised)).toEqual(Object.fromEntries(called));
});

describe.each(Object.keys(CALLS))("%s", (member) => {
  test.each(Object.keys(CALLS[member] ?? {}))("%s works", async (value) => {
    await CALLS[member]?.[value]?.(world);
  });
});
