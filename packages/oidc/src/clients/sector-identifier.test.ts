import { OutboundFailure } from "@dex/runtime";
import { expect, test } from "vitest";
import { client } from "../../test/fakes.ts";
import { checkSectorIdentifier } from "./sector-identifier.ts";

const uri = "https://sector.example/list.json";
const registered = {
  ...client,
  redirectUris: ["https://a.example/cb", "https://b.example/cb"],
  details: { subject_type: "pairwise" as const, sector_identifier_uri: uri },
};

const answering = (body: string, status = 200) => {
  const asked: string[] = [];
  const fetchDocument = async (url: string) => {
    asked.push(url);
    return { status, contentType: "application/json", cacheControl: undefined, body: Buffer.from(body) };
  };
  return { asked, fetchDocument };
};

test("all redirect URIs stand in the document (oidcc-registration-sector-uri)", async () => {
  const { asked, fetchDocument } = answering('["https://b.example/cb", "https://c.example/", "https://a.example/cb"]');
  await checkSectorIdentifier(registered, fetchDocument);
  expect(asked).toEqual([uri]);
});

test("without sector_identifier_uri nothing is fetched (SSR-1)", async () => {
  const { asked, fetchDocument } = answering("[]");
  await checkSectorIdentifier(client, fetchDocument);
  expect(asked).toEqual([]);
});

test.each([
  ["[]"],
  ['["https://a.example/cb"]'],
  ['["https://a.example/cb", "https://b.example/cb/"]'],
  ['["https://a.example/cb", "https://b.example/cb", 7]'],
  ['{"redirect_uris": ["https://a.example/cb", "https://b.example/cb"]}'],
  ["not JSON"],
  ['["https://a.example/cb", "https://b.example/cb"]', 404],
  ['["https://a.example/cb", "https://b.example/cb"]', 302],
])("%s is refused (oidcc-registration-sector-bad)", async (body, status = 200) => {
  const { fetchDocument } = answering(body, status);
  await expect(checkSectorIdentifier(registered, fetchDocument)).rejects.toMatchObject({
    code: "invalid_client_metadata",
    status: 400,
    message: expect.stringContaining("sector_identifier_uri: "),
  });
});

const jwks_uri = "https://a.example/keys";
const nowhere = { ...registered, redirectUris: [], details: { ...registered.details, jwks_uri } };
const asking = {
  ...nowhere,
  redirectUris: ["https://a.example/cb"],
  grantTypes: ["urn:openid:params:grant-type:ciba"],
};

test.each([
  ["that people are not sent back to", nowhere, [jwks_uri]],
  ["that asks for people by name", asking, ["https://a.example/cb", jwks_uri]],
] as const)("a client %s belongs to a sector by the address of its keys (CIBA Core §4)", async (_what, one, listed) => {
  const check = (list: readonly string[]) =>
    checkSectorIdentifier(
      { ...one, grantTypes: [...one.grantTypes] as never },
      answering(JSON.stringify(list)).fetchDocument,
    );
  await check(listed);
  for (const missing of listed) {
    const others = listed.filter((uri) => uri !== missing);
    await expect(check(others)).rejects.toMatchObject({ code: "invalid_client_metadata" });
  }
});

test("a client without redirect URIs and keys belongs to nobody's sector (CIBA Core §4, OIDC Core §8.1)", async () => {
  const { asked, fetchDocument } = answering("[]");
  const strange = { ...nowhere, details: registered.details };
  await expect(checkSectorIdentifier(strange, fetchDocument)).rejects.toMatchObject({
    code: "invalid_client_metadata",
  });
  expect(asked).toEqual([]);
});

test("what cannot be reached is told like what is no list: nobody learns where we can go (SSR-1)", async () => {
  const unreachable = async () => {
    throw new OutboundFailure("10.0.0.1 is not a public address");
  };
  const refusals = [unreachable, answering("no list").fetchDocument].map(async (fetchDocument) =>
    checkSectorIdentifier(registered, fetchDocument).catch((error: Error) => error.message),
  );
  const [first, second] = await Promise.all(refusals);
  expect(first).toBe(second);
});
