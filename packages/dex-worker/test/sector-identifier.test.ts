// Clients that share a sector: the document that says who belongs to it is fetched over https, and people have one name there.
import { randomBytes } from "node:crypto";
import { openFormBrowser } from "@dex/testing";
import * as openid from "openid-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readJsonAnswer } from "./certification-checks.ts";
import { CALLBACK, type DynamicWorld, openDynamicWorld, type Registered, relyingParty } from "./dynamic-world.ts";

const ELSEWHERE = "https://other.tester.example/callback";

let world: DynamicWorld;
beforeAll(async () => {
  world = await openDynamicWorld();
});
afterAll(() => world.close());

/** Who the person is to the client, through that redirect URI. */
async function subjectAt(client: Registered, redirectUri: string): Promise<string> {
  const party = await relyingParty(world, client, "code", openid.ClientSecretBasic(client.secret));
  const nonce = randomBytes(16).toString("base64url");
  const browser = openFormBrowser({ stopAt: [CALLBACK, ELSEWHERE] });
  const page = await world.authorize(
    { client_id: client.id, response_type: "code", redirect_uri: redirectUri, scope: "openid", nonce },
    browser,
  );
  const tokens = await openid.authorizationCodeGrant(party, page.url, { expectedNonce: nonce });
  const sub = tokens.claims()?.sub ?? expect.fail("no sub");
  expect((await openid.fetchUserInfo(party, tokens.access_token, sub)).sub).toBe(sub);
  return sub;
}

test("redirect URIs of two hosts are one sector where its document lists them, and a person has one name there, of no use elsewhere (cert 8 oidcc-registration-sector-uri)", async () => {
  const document = world.address.publish(JSON.stringify([CALLBACK, ELSEWHERE]));
  const sector = { subject_type: "pairwise", sector_identifier_uri: document.url };
  const client = await world.register("code", { ...sector, redirect_uris: [CALLBACK, ELSEWHERE] });
  expect(client.body).toMatchObject(sector);
  expect(document.visits()).toBe(1);
  const [here, there] = [await subjectAt(client, CALLBACK), await subjectAt(client, ELSEWHERE)];
  expect(there).toBe(here);
  const other = await world.register("code", { ...sector, redirect_uris: [CALLBACK] });
  expect(await subjectAt(other, CALLBACK)).toBe(here);
  const alone = await world.register("code", { subject_type: "pairwise" });
  expect(await subjectAt(alone, CALLBACK)).not.toBe(here);
  const open = await world.register("code");
  expect(await subjectAt(open, CALLBACK)).not.toBe(here);
});

const documents = [
  { what: "lists another redirect URI", body: JSON.stringify([ELSEWHERE]) },
  { what: "lists one of two", body: JSON.stringify([CALLBACK]), redirectUris: [CALLBACK, ELSEWHERE] },
  { what: "lists none", body: "[]" },
  { what: "is an object", body: JSON.stringify({ redirect_uris: [CALLBACK] }) },
  { what: "is no JSON", body: CALLBACK },
];
test.each(documents)(
  "400 invalid_client_metadata where the sector's document $what (cert 8 oidcc-registration-sector-bad)",
  async ({ body, redirectUris = [CALLBACK] }) => {
    const document = world.address.publish(body);
    const metadata = { subject_type: "pairwise", sector_identifier_uri: document.url, redirect_uris: redirectUris };
    const answer = await readJsonAnswer(await world.post(metadata));
    expect(answer).toMatchObject({ status: 400, body: { error: "invalid_client_metadata" } });
    expect(String(answer.body.error_description)).toContain("sector_identifier_uri");
    expect(document.visits()).toBe(1);
  },
);
