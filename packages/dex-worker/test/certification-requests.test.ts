// The Basic, Implicit, Hybrid and Form Post plans of certification: unsigned request objects, by value and by reference.
import type { FormBrowser } from "@dex/testing";
import { UnsecuredJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, errorOf, type Parameters, redeem, requestOf } from "./certification-flow.ts";
import {
  type CertificationWorld,
  EVERY,
  openCertificationWorld,
  type Party,
  type Variant,
} from "./certification-world.ts";

const UNSIGNED = { request_object_signing_alg: "none" } as const;

let world: CertificationWorld;
let browser: FormBrowser;
/** Who registered for unsigned objects, and who never spoke of any. */
const willing = new Map<Variant, Party>();
const silent = new Map<Variant, Party>();
beforeAll(async () => {
  world = await openCertificationWorld();
  browser = world.browser();
  for (const variant of EVERY) {
    willing.set(variant, await world.register(variant, UNSIGNED));
    silent.set(variant, await world.register(variant));
  }
}, 60_000);
afterAll(() => world.close());

const partyOf = (clients: ReadonlyMap<Variant, Party>, variant: Variant) =>
  clients.get(variant) ?? expect.fail(`nobody for ${variant.variant}`);
const objectOf = (request: Parameters) => new UnsecuredJWT({ ...request }).encode();

/** What goes around the object: as RFC 6749 wants it, and with values of its own, which must not count. */
const around = (party: Party, more: Parameters) =>
  requestOf(party, { response_mode: undefined, state: "outside", nonce: "outside", ...more });

/** What the browser comes to with the outer parameters is to be the answer to the inner ones. */
async function expectObeyed(party: Party, inside: Parameters, outside: Parameters): Promise<void> {
  const ended = await ask(world, { request: outside, answersTo: inside, browser });
  await redeem(world, { party, request: inside }, ended);
}

test("discovery says so (cert 3,4,5,6 oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported)", () => {
  const { metadata } = world;
  expect(metadata.request_object_signing_alg_values_supported).toContain("none");
  expect(metadata).toMatchObject({ request_parameter_supported: true, request_uri_parameter_supported: true });
});

describe("by value", () => {
  test.each(EVERY)(
    "$variant: what is inside counts, or the object is refused as such (cert 3,4,5,6 oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported)",
    async (variant) => {
      for (const party of [partyOf(willing, variant), await world.addStatic(variant, UNSIGNED)]) {
        const inside = requestOf(party);
        await expectObeyed(party, inside, around(party, { request: objectOf(inside) }));
      }
      for (const party of [partyOf(silent, variant), await world.addStatic(variant)]) {
        const request = requestOf(party, { request: objectOf(requestOf(party)) });
        const ended = await ask(world, { request, browser });
        expect(ended.pages).toEqual([]);
        expect(errorOf(ended)).toMatchObject({ error: "request_not_supported", state: request.state });
      }
    },
  );

  test.each(EVERY)(
    "$variant: the good redirect_uri inside is used, and the bad one outside never (cert 3,4,5,6 oidcc-ensure-request-object-with-redirect-uri)",
    async (variant) => {
      const obeyed = partyOf(willing, variant);
      const inside = requestOf(obeyed);
      const bad = { redirect_uri: `${obeyed.redirectUri}/bad` };
      await expectObeyed(obeyed, inside, around(obeyed, { ...bad, request: objectOf(inside) }));
      const refused = partyOf(silent, variant);
      const request = requestOf(refused, { ...bad, request: objectOf(requestOf(refused)) });
      const { answer, page, pages } = await ask(world, { request, browser });
      expect({ answer, pages, status: page.status }).toEqual({ answer: undefined, pages: [], status: 400 });
    },
  );
});

describe("by reference", () => {
  test.each(EVERY)(
    "$variant: what is at a registered address counts, its fragment is no hash; elsewhere it is refused as such (cert 3,4,5,6 oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported)",
    async (variant) => {
      const address = world.publish();
      const request_uri = `${address.url}#GkurKxf5T0YmnPFCHqWOMiZi4VS138cQOV7PZHAdMxy`;
      const party = await world.register(variant, { request_uris: [request_uri] });
      const inside = requestOf(party);
      address.put(objectOf(inside));
      await expectObeyed(party, inside, around(party, { request_uri }));
      const request = requestOf(partyOf(silent, variant), { request_uri });
      const ended = await ask(world, { request, browser });
      expect(ended.pages).toEqual([]);
      expect(errorOf(ended)).toMatchObject({ error: "request_uri_not_supported", state: request.state });
    },
  );
});
