// A deployment that does not serve tokens from the authorization endpoint, which is what it is unless it is told to.
import { afterAll, beforeAll, expect, test } from "vitest";
import { openAnswerReceiver, RESPONSE_TYPES } from "./answer-receiver.ts";
import { openTestWorker, type TestWorker } from "./worker-server.ts";

let worker: TestWorker;
let receiver: Awaited<ReturnType<typeof openAnswerReceiver>>;
beforeAll(async () => {
  worker = await openTestWorker();
  receiver = await openAnswerReceiver(worker);
});
afterAll(async () => {
  await receiver?.close();
  await worker?.close();
});

async function discovery(of: TestWorker): Promise<Record<string, unknown>> {
  return (await (await fetch(`${of.issuer}/.well-known/openid-configuration`)).json()) as Record<string, unknown>;
}

const MODES = ["query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"];

test("discovery tells what the deployment serves, and neither less nor more (TOK-14, AUT-3)", async () => {
  expect(await discovery(worker)).toMatchObject({
    response_types_supported: ["code"],
    response_modes_supported: MODES,
    grant_types_supported: expect.not.arrayContaining(["implicit"]),
  });
  const serving = await openTestWorker(["--enable-front-channel-tokens"]);
  expect(await discovery(serving)).toMatchObject({
    response_types_supported: RESPONSE_TYPES,
    response_modes_supported: MODES,
    grant_types_supported: expect.arrayContaining(["authorization_code", "implicit"]),
  });
  await serving.close();
});

test.each(RESPONSE_TYPES.slice(1))(
  "%s is not there, also for a client that is registered for it (TOK-14)",
  async (response_type) => {
    const { members, as } = await receiver.answer(receiver.browser(), { response_type, nonce: "n", state: "s" });
    expect(as).toBe("fragment");
    expect(members).toMatchObject({ error: "unsupported_response_type", state: "s", iss: worker.issuer });
  },
);

test.each(["query", "fragment", "form_post"])("a code comes by %s all the same", async (response_mode) => {
  const { members, as } = await receiver.answer(receiver.browser(), { response_mode });
  expect(as).toBe(response_mode);
  expect(members.code).toMatch(/^dxc_/);
});
