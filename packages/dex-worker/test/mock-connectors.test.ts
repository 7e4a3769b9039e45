import { afterEach, describe, expect, test } from "vitest";
import { openTestWorker, type TestWorker } from "./worker-server.ts";

let worker: TestWorker | undefined;
afterEach(() => worker?.close());

async function openWithMock(...flags: string[]): Promise<TestWorker> {
  worker = await openTestWorker(["--enable-automatic-registration", ...flags]);
  await worker.setConnectors([
    { id: "local", type: "local", config: {} },
    { id: "mock", type: "mockCallback", config: { name: "Anybody" } },
  ]);
  return worker;
}

describe("a connector that lets anybody in", () => {
  test("is unavailable in a worker that was not told to have it, and disturbs no other (C 225)", async () => {
    const { browser, authorizationUrl, log } = await openWithMock();
    const chooser = await browser().open(authorizationUrl());
    expect(chooser.text).toContain("connector-local");
    expect(chooser.text).not.toContain('href="/dex/auth/mock/login');
    expect(log.join("\n")).toMatch(/connector cannot be opened.*mock/);
  });

  test("signs in where --insecure-mock-connectors is set (C 222)", async () => {
    const { browser, authorizationUrl } = await openWithMock("--insecure-mock-connectors");
    const { url } = await browser().open(authorizationUrl({ connector_id: "mock" }));
    expect(url.searchParams.get("code")).toMatch(/^dxc_/);
  });
});
