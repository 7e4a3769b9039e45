import { readFile } from "node:fs/promises";
import { silentLogger, systemClock, systemRandom } from "@dex/runtime";
import { startFakeOAuth2Server } from "@dex/testing";
import { expect, test } from "vitest";
import { exampleKind } from "./example-connector.ts";
import { FAKE, REGISTRATION, signIn } from "./oauth2-login.ts";

test("the README shows the example as it is", async () => {
  const [readme, example] = await Promise.all([
    readFile(new URL("../README.md", import.meta.url), "utf8"),
    readFile(new URL("example-connector.ts", import.meta.url), "utf8"),
  ]);
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``);
});

test("the example signs somebody in", async () => {
  const upstream = await startFakeOAuth2Server(
    { ...FAKE, people: [{ id: 7, login: "ada", name: null, mail: "ada@example.com" }] },
    {
      authorizationPath: "/oauth/authorize",
      tokenPath: "/oauth/token",
      clientAuthentication: "client_secret_basic",
      redirectUri: "sent",
      scopes: ["read:user"],
      authorizationParameters: [],
      tokenFormat: "json",
      errorsAsSuccess: false,
      hintOf: () => undefined,
      isHinted: () => false,
      apiHeaders: { accept: "application/json" },
      api: [{ path: /^\/api\/user$/, scope: "read:user", answer: ({ person }) => ({ status: 200, body: person }) }],
    },
  );
  const opened = exampleKind.open(
    { id: "ex", type: "example", config: { ...REGISTRATION, baseURL: upstream.url } },
    {
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      checkPassword: async () => ({ kind: "unavailable", detail: "not used here" }),
    },
  );
  if (opened.kind === "refused" || opened.connector.login.kind !== "callback") throw new Error("expected a callback");
  const outcome = await signIn(opened.connector.login);
  expect(outcome).toMatchObject({
    identity: { connectorId: "ex", remoteId: "7", displayName: "ada", emailVerified: false },
  });
  expect(upstream.violations).toEqual([]);
  await upstream.close();
});
