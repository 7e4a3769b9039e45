// Programs on people's machines, dex v1 §3.8: nothing registered, localhost or a code carried over by hand.
import { expect, test } from "vitest";
import { decideAuthorization, OUT_OF_BAND } from "../src/index.ts";
import { clientsOf, issuer, later, makeSigner, now, publicClient } from "./fakes.ts";
import { challengeOfVerifier, refusalOf, setUp, verifier } from "./token-endpoint.ts";

// Being public is enough to need PKCE, whatever the row says of it.
const cli = { ...publicClient, id: "cli", name: "CLI", redirectUris: [], requirePkce: false };
const parts = {
  clients: clientsOf(cli),
  issuer,
  idTokens: makeSigner(),
  requirePkce: false,
  responseTypes: ["code"] as const,
  now,
};
const pkce = { code_challenge: challengeOfVerifier, code_challenge_method: "S256" };

function ask(parameters: Readonly<Record<string, string>>) {
  const usual = { client_id: "cli", scope: "openid", response_type: "code", state: "s" };
  return decideAuthorization(new URLSearchParams({ ...usual, ...parameters }), parts);
}

test.each(["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000", OUT_OF_BAND])(
  "a public client with nothing registered gets on with %s and PKCE (v1 A03)",
  async (redirect_uri) => {
    expect(await ask({ redirect_uri, ...pkce })).toMatchObject({
      kind: "login",
      request: { redirectUri: redirect_uri },
    });
  },
);

test("without PKCE it does not: at localhost its program is told, out of band its person (PKC-1)", async () => {
  expect(await ask({ redirect_uri: "http://localhost:8000" })).toMatchObject({
    kind: "deliver",
    target: { redirectUri: "http://localhost:8000", responseMode: "query" },
    error: { code: "invalid_request" },
  });
  expect(await ask({ redirect_uri: OUT_OF_BAND })).toMatchObject({ kind: "show", error: { code: "invalid_request" } });
});

test.each(["", "urn:ietf:wg:oauth:2.0:oob:auto", "http://localhost:8000/cb", "https://a.example/cb"])(
  "nothing is sent anywhere for the redirect_uri %j (RED-1, RED-10, v1 A04, v1 C10)",
  async (redirect_uri) => {
    expect(await ask({ redirect_uri, ...pkce })).toMatchObject({ kind: "show" });
  },
);

const lives = [
  { redirectUri: OUT_OF_BAND, seconds: 300 },
  { redirectUri: "http://localhost:8000", seconds: 60 },
];
test.each(lives)("a code for $redirectUri lives for $seconds seconds (v1 L11)", async ({ redirectUri, seconds }) => {
  const { issueCode, redeem } = setUp({ clients: [cli] });
  const code = () => issueCode({ client: cli, redirectUri, codeChallenge: challengeOfVerifier });
  const fields = { client_id: "cli", client_secret: undefined, redirect_uri: redirectUri, code_verifier: verifier };
  expect(await redeem(code(), fields, later(seconds - 1))).toHaveProperty("id_token");
  expect(await refusalOf(redeem(code(), fields, later(seconds)))).toMatchObject({ code: "invalid_grant" });
  expect(await refusalOf(redeem(code(), { ...fields, redirect_uri: undefined }))).toMatchObject({
    code: "invalid_grant",
  });
});
