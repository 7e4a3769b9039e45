// The day on which each key of a client was used last: of a client that is not ours, at a worker.
import { idOfKey } from "@dex/oidc";
import { exportJWK, generateKeyPair } from "jose";
import * as openid from "openid-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestWorker, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
beforeAll(async () => {
  worker = await openTestWorker();
});
afterAll(() => worker.close());

test("the key that a client signed with was used today, its other one never, and no request waited for that", async () => {
  const pairs = await Promise.all(["old", "new"].map(() => generateKeyPair("ES256", { extractable: true })));
  const keys = await Promise.all(pairs.map(async ({ publicKey }) => await exportJWK(publicKey)));
  const { id } = await worker.addClient({
    grantTypes: ["client_credentials"],
    redirectURIs: [],
    details: { token_endpoint_auth_method: "private_key_jwt", jwks: { keys } },
  });
  const [, used] = pairs;
  const strange = await generateKeyPair("ES256");
  const ask = async (key = used?.privateKey ?? expect.fail()) => {
    const execute = [openid.allowInsecureRequests];
    const proof = openid.PrivateKeyJwt(key);
    return await openid.clientCredentialsGrant(
      await openid.discovery(new URL(worker.issuer), id, undefined, proof, { execute }),
    );
  };
  await ask();
  worker.takeStatements();
  await ask();
  await expect(ask(strange.privateKey)).rejects.toThrow();
  expect(worker.takeStatements().filter((name) => name.startsWith("clientKey."))).toEqual([]);
  expect(await worker.storage.clientKeys.lastUses(id)).toEqual(new Map());
  await worker.writeKeyUses();
  expect(worker.takeStatements()).toEqual(["clientKey.lastUses", "clientKey.recordUses"]);
  const today = new Date().toISOString().slice(0, 10);
  const uses = await worker.storage.clientKeys.lastUses(id);
  expect(uses).toEqual(new Map([[idOfKey(keys[1] as never), today]]));
  await ask();
  await worker.writeKeyUses();
  expect(worker.takeStatements()).not.toContain("clientKey.recordUses");
});
