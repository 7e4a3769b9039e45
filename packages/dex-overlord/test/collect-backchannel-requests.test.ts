// What clients asked of people by name goes with the other garbage, in a real database.
import {
  approvalHashOf,
  BACKCHANNEL_REQUEST_LIMITS,
  CIBA_GRANT,
  hashOfAuthReqId,
  makeClient,
  type NewBackchannelRequest,
  newAuthReqId,
  newUuid,
  parseNewClient,
} from "@dex/oidc";
import { addSeconds, Secret, silentLogger, systemRandom } from "@dex/runtime";
import { migrate, openLeadership, openStorage, type Storage } from "@dex/storage";
import { makeHandSetClock, openTestDatabase, queryDatabase } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCollectGarbage } from "../src/jobs/collect-garbage.ts";
import type { Garbage } from "../src/ports.ts";

const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
let database: Awaited<ReturnType<typeof openTestDatabase>>;
let storage: Storage;
let url: Secret<string>;
beforeAll(async () => {
  database = await openTestDatabase((text) => migrate({ url: new Secret(text), logger: silentLogger }).then(() => {}));
  url = new Secret(database.url);
  storage = openStorage({ url, applicationName: "dex test", namedStatements: true, logger: silentLogger });
});
afterAll(async () => {
  await storage?.close();
  await database?.close();
});

test("a request of a client for a person is kept for who polls late, and is then collected (cert 13 ciba collected)", async () => {
  const clock = makeHandSetClock();
  const begun = clock.now();
  const parsed = parseNewClient({ redirectURIs: [], grantTypes: [CIBA_GRANT] });
  if (parsed.kind === "refused") return expect.fail(parsed.reason);
  const { client } = await makeClient(parsed.metadata, {
    random: systemRandom,
    now: begun,
    hashChosenSecret: async () => expect.fail("no secret was chosen"),
  });
  await storage.clients.create(client, ACTOR);
  const [authReqId, id] = [newAuthReqId(systemRandom), newUuid(systemRandom, begun)];
  const request: NewBackchannelRequest = {
    ...{ id, authReqIdHash: authReqId.hash, approvalHash: approvalHashOf(id), clientId: client.id },
    ...{ person: { kind: "email", email: "jane@example.com" }, unknownPerson: "kept", scope: ["openid"] },
    ...{ bindingMessage: "42", sealedNotification: undefined, targets: {}, expiresAt: addSeconds(begun, 600) },
  };
  expect(await storage.backchannelRequests.create(request, BACKCHANNEL_REQUEST_LIMITS, begun)).toEqual({
    kind: "stored",
  });

  const leader = await openLeadership({ url, logger: silentLogger }).tryAcquire();
  if (leader === undefined) return expect.fail("somebody else leads");
  const garbage: Garbage = {
    collect: async (now, batchSize, fence) => ({ ...(await storage.garbage.collect(now, batchSize, fence)) }),
  };
  const collect = makeCollectGarbage({ garbage, clock: clock.now, logger: silentLogger });
  const rows = () => queryDatabase(database.url, "SELECT request_id FROM device_request");
  try {
    for (const seconds of [0, 599, 600, 1_199]) {
      clock.set(addSeconds(begun, seconds));
      expect(await collect(leader.fence, new AbortController().signal)).toBe("collected");
      expect(await rows()).toEqual([{ request_id: id }]);
    }
    const late = await storage.devices.poll(hashOfAuthReqId(authReqId.value) ?? expect.fail(), client.id, clock.now());
    expect(late).toMatchObject({ expiresAt: request.expiresAt });
    clock.set(addSeconds(begun, 1_200));
    expect(await collect(leader.fence, new AbortController().signal)).toBe("collected");
    expect(await rows()).toEqual([]);
  } finally {
    await leader.release();
  }
});
