import { expect, test } from "vitest";
import { readSettings } from "./settings.ts";

test("without more than a client id the defaults are those of dex", () => {
  const outcome = readSettings(["-client-id=app"], {});
  if (outcome.kind !== "settings") throw new Error(outcome.message);
  expect(outcome.settings.listen.href).toBe("http://127.0.0.1:5555/");
  expect(outcome.settings.issuer.href).toBe("http://127.0.0.1:5556/dex");
  expect(outcome.settings.redirectUrl.href).toBe("http://127.0.0.1:5555/callback");
});

test("a flag beats the environment, an empty variable counts as unset, and the secret leaves the environment (SEC-1)", () => {
  const env = { EXAMPLE_APP_CLIENT_ID: "env", EXAMPLE_APP_LISTEN: "", EXAMPLE_APP_CLIENT_SECRET: "s" };
  const outcome = readSettings(["--client-id", "flag"], env);
  expect(outcome).toMatchObject({ settings: { clientId: "flag", clientSecret: "s" } });
  expect(env).not.toHaveProperty("EXAMPLE_APP_CLIENT_SECRET");
});

test("the address of the discovery document works as well as the issuer's", () => {
  const discovery = "https://id.example.com/dex/.well-known/openid-configuration";
  expect(readSettings(["--client-id=a", "--discovery", discovery], {})).toMatchObject({
    settings: { issuer: new URL("https://id.example.com/dex") },
  });
});

const mistakes = [
  { given: [], code: 1, says: "--client-id (EXAMPLE_APP_CLIENT_ID) is required" },
  { given: ["--client-id=a", "--listen=ftp://x"], code: 1, says: "--listen" },
  { given: ["--client-id=a", "--redirect-url=http://x/"], code: 1, says: "--redirect-url" },
  { given: ["--client-id=a", "--client-secret-file=/nowhere"], code: 1, says: "/nowhere" },
  { given: ["--colour=red"], code: 2, says: "--colour" },
];
test.each(mistakes)("$given ends with exit code $code and names the mistake", ({ given, code, says }) => {
  const outcome = readSettings(given, {});
  expect(outcome).toMatchObject({ kind: "exit", code });
  expect(outcome.kind === "exit" ? outcome.message : "").toContain(says);
});
