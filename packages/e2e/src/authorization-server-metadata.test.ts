// RFC 8414 behind the load balancer: half of the addresses lie outside of the issuer's path.
import * as oauth from "oauth4webapi";
import { expect, inject, test } from "vitest";

const { facts } = inject("sharedFleet");

test.each(["oauth2", "oidc"] as const)("a client that looks for the metadata as %s finds it", async (algorithm) => {
  const issuer = new URL(facts.issuer);
  const response = await oauth.discoveryRequest(issuer, { algorithm, [oauth.allowInsecureRequests]: true });
  expect(await oauth.processDiscoveryResponse(issuer, response)).toMatchObject({ issuer: facts.issuer });
});
