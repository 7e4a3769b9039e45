import { expect, test } from "vitest";
import { later, now } from "../../test/fakes.ts";
import { MAX_REQUEST_OBJECT_LENGTH, makeRequestDocuments } from "./request-documents.ts";

const uri = "https://a.example/request#one";

function make() {
  const world = { fetched: [] as string[], status: 200, body: "a.b.c\n" };
  const documents = makeRequestDocuments({
    fetchDocument: async (url) => {
      world.fetched.push(url);
      if (world.status === 0) throw new Error("no connection in time");
      return { status: world.status, contentType: "", cacheControl: undefined, body: Buffer.from(world.body) };
    },
  });
  return { world, documents };
}

test("a document is fetched without its fragment, kept for a minute, and fetched again for another fragment (OIDC Core §6.2)", async () => {
  const { world, documents } = make();
  const found = { kind: "found", text: "a.b.c" };
  expect(await Promise.all([documents.get(uri, now), documents.get(uri, now)])).toEqual([found, found]);
  await documents.get(uri, later(59));
  expect(world.fetched).toEqual(["https://a.example/request"]);
  await documents.get("https://a.example/request#two", later(59));
  expect(world.fetched).toHaveLength(2);
  await documents.get(uri, later(60));
  expect(world.fetched).toHaveLength(3);
});

const broken = [
  { what: "an error status", change: { status: 500 }, problem: "status 500" },
  { what: "a redirect", change: { status: 302 }, problem: "status 302" },
  { what: "no answer", change: { status: 0 }, problem: "no connection" },
  { what: "too much", change: { body: "a".repeat(MAX_REQUEST_OBJECT_LENGTH + 1) }, problem: "too large" },
];
test.each(broken)("$what is a failure that is remembered for five seconds", async ({ change, problem }) => {
  const { world, documents } = make();
  Object.assign(world, change);
  expect(await documents.get(uri, now)).toMatchObject({ kind: "failed", problem: expect.stringContaining(problem) });
  await documents.get(uri, later(4));
  expect(world.fetched).toHaveLength(1);
  Object.assign(world, { status: 200, body: "a.b.c" });
  expect(await documents.get(uri, later(5))).toMatchObject({ kind: "found" });
});

test("two hundred documents are kept at most", async () => {
  const { world, documents } = make();
  for (let one = 0; one <= 200; one += 1) await documents.get(`${uri}${one}`, now);
  await documents.get(`${uri}200`, now);
  expect(world.fetched).toHaveLength(201);
  await documents.get(`${uri}0`, now);
  expect(world.fetched).toHaveLength(202);
});
