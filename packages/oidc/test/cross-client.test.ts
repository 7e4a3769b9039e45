// Cross-client audiences from the authorization request to the refreshed token, dex v1 §3.6.
import { describe, expect, test } from "vitest";
import { decideAuthorization } from "../src/index.ts";
import { delivered } from "./authorization-request.ts";
import { client, clientsOf, issuer, later, makeSigner, now, otherClient, readJwtPart } from "./fakes.ts";
import { refusalOf, setUp } from "./token-endpoint.ts";

const scopeFor = (...ids: readonly string[]) => ids.map((id) => `audience:server:client_id:${id}`).join(" ");
const offline = "openid offline_access";

/** Two clients that trust client-a, and a token endpoint that knows them. Their trust can be taken back. */
function peers(settings: { graceSeconds?: number } = {}) {
  const trust = { one: ["client-a"], two: ["client-a"] };
  const one = { ...client, id: "one", trustedPeers: trust.one };
  const two = { ...client, id: "two", trustedPeers: trust.two };
  const parts = setUp({ ...settings, clients: [one, two] });
  const claimsOf = (answer: { id_token?: string }) => readJwtPart(String(answer.id_token).split(".")[1]);
  return { ...parts, claimsOf, distrust: (which: "one" | "two") => void trust[which].splice(0) };
}

describe("the authorization endpoint", () => {
  const a = { ...client, id: "a" };
  const b = { ...client, id: "b", trustedPeers: ["a"] };
  const c = { ...client, id: "c", trustedPeers: ["a", "b"] };
  const limited = { ...client, id: "limited", scopes: ["openid", scopeFor("limited")] };
  const oneMore = { ...client, id: "one-more", trustedPeers: ["limited"] };
  const parts = {
    clients: clientsOf(a, b, c, limited, oneMore),
    issuer,
    idTokens: makeSigner(),
    requirePkce: false,
    responseTypes: ["code"] as const,
    now,
  };

  const ask = (client_id: string, scope: string) =>
    decideAuthorization(
      new URLSearchParams({
        client_id,
        scope,
        redirect_uri: "https://a.example/cb",
        response_type: "code",
        state: "s",
      }),
      parts,
    );

  const granted = [
    { who: "a", scope: `openid ${scopeFor("a")}` },
    { who: "a", scope: `openid ${scopeFor("b")}` },
    { who: "a", scope: `openid ${scopeFor("b", "c")}` },
    { who: "a", scope: `openid ${scopeFor("a", "b", "c")}` },
    { who: "b", scope: `openid offline_access ${scopeFor("c")}` },
    { who: "limited", scope: `openid ${scopeFor("limited")}` },
  ];
  test.each(granted)("lets $who ask for $scope (TOK-19, v1 A10, v1 A13)", async ({ who, scope }) => {
    expect(await ask(who, scope)).toMatchObject({ kind: "login", request: { scope: scope.split(" ") } });
  });

  test("takes a repeated audience and a double blank once (v1 A11)", async () => {
    expect(await ask("a", `openid  ${scopeFor("b", "b")} ${scopeFor("b")}`)).toMatchObject({
      request: { scope: ["openid", scopeFor("b")] },
    });
  });

  const refused = [
    { who: "b", scope: `openid ${scopeFor("a")}` },
    { who: "c", scope: `openid ${scopeFor("b")}` },
    { who: "b", scope: `openid ${scopeFor("c", "a")}` },
    { who: "a", scope: `openid ${scopeFor("nobody")}` },
    { who: "a", scope: `openid ${scopeFor("")}` },
    { who: "a", scope: `openid ${scopeFor("b ").trim()}x` },
    { who: "a", scope: scopeFor("b") },
    { who: "limited", scope: `openid ${scopeFor("one-more")}` },
  ];
  test.each(refused)("tells $who that it cannot ask for $scope (TOK-19, v1 A11, v1 A13)", async ({ who, scope }) => {
    const decision = await ask(who, scope);
    expect(decision).toMatchObject({ kind: "deliver", error: { code: "invalid_scope" } });
    const { to, members } = delivered(decision);
    expect(to).toBe("https://a.example/cb");
    expect(Object.fromEntries(members)).toMatchObject({ error: "invalid_scope", state: "s" });
  });
});

describe("the code exchange", () => {
  const asked = [
    { scope: "openid", aud: "client-a", azp: undefined },
    { scope: `openid ${scopeFor("one")}`, aud: ["one", "client-a"], azp: "client-a" },
    { scope: `openid ${scopeFor("one", "client-a")}`, aud: ["one", "client-a"], azp: "client-a" },
    { scope: `openid ${scopeFor("one", "two")}`, aud: ["one", "two", "client-a"], azp: "client-a" },
    { scope: `openid ${scopeFor("client-a")}`, aud: "client-a", azp: "client-a" },
  ];
  test.each(asked)("for $scope gives aud $aud and azp $azp (OIDC Core §2, v1 T09, v1 T10)", async (row) => {
    const { issueCode, redeem, claimsOf, store } = peers();
    const answer = await redeem(issueCode({ scope: row.scope }));
    const { aud, azp } = claimsOf(answer);
    expect({ aud, azp, scope: answer.scope }).toEqual({ aud: row.aud, azp: row.azp, scope: row.scope });
    expect(store.takeRoundTrips()).toBe(1);
  });

  test("is refused when trust was taken back since, and what it opened has ended (TOK-19)", async () => {
    const { issueCode, redeem, distrust, store, signer } = peers();
    const code = issueCode({ scope: `${offline} ${scopeFor("one", "two")}` });
    distrust("two");
    expect(await refusalOf(redeem(code))).toMatchObject({ code: "invalid_grant" });
    expect(signer.signatures).toBe(0);
    expect(store.revocations).toEqual([{ familyId: expect.any(String), reason: "audience no longer trusted" }]);
  });
});

describe("a refresh", () => {
  async function signedIn(scope = `${offline} ${scopeFor("one", "two")}`, settings: { graceSeconds?: number } = {}) {
    const parts = peers(settings);
    const { refresh_token } = await parts.redeem(parts.issueCode({ scope }));
    return { ...parts, token: String(refresh_token) };
  }

  const wanted = [
    { when: "no scope", scope: undefined, aud: ["one", "two", "client-a"] },
    { when: "an empty scope", scope: "", aud: ["one", "two", "client-a"] },
    { when: "the same scope", scope: `${offline} ${scopeFor("one", "two")}`, aud: ["one", "two", "client-a"] },
    { when: "one audience", scope: `openid ${scopeFor("two")}`, aud: ["two", "client-a"] },
    { when: "no audience", scope: "openid", aud: "client-a" },
  ];
  test.each(wanted)("with $when has the audience $aud (v1 T19, v1 T20)", async ({ scope, aud }) => {
    const { refresh, token, claimsOf } = await signedIn();
    const answer = await refresh(token, { scope });
    expect(claimsOf(answer).aud).toEqual(aud);
    expect(claimsOf(await refresh(answer.refresh_token, {}, later(60))).aud).toEqual(["one", "two", "client-a"]);
  });

  test("cannot ask for an audience that was not granted, and keeps its token (REF-9, v1 T15)", async () => {
    const { refresh, token } = await signedIn(`${offline} ${scopeFor("one")}`);
    for (const id of ["two", "nobody", otherClient.id, "client-a"]) {
      const refusal = await refusalOf(refresh(token, { scope: `openid ${scopeFor(id)}` }));
      expect(refusal).toMatchObject({ code: "invalid_scope", status: 400 });
    }
    expect(await refresh(token)).toHaveProperty("id_token");
  });

  test("that names an audience without trust is invalid_scope and consumes nothing (TOK-19)", async () => {
    const { refresh, token, distrust, claimsOf, store } = await signedIn();
    distrust("two");
    const refusal = await refusalOf(refresh(token, { scope: `openid ${scopeFor("two")}` }));
    expect(refusal).toMatchObject({ code: "invalid_scope" });
    expect(claimsOf(await refresh(token, { scope: `openid ${scopeFor("one")}` })).aud).toEqual(["one", "client-a"]);
    expect(store.revocations).toEqual([]);
  });

  test.each([0, 10])(
    "for all that was granted is invalid_grant once trust is gone, and the family ends, with a grace of %i s (TOK-19)",
    async (graceSeconds) => {
      const { refresh, token, distrust, store } = await signedIn(undefined, { graceSeconds });
      const next = await refresh(token);
      distrust("one");
      // Within the grace interval the old token would be answered again: that answer is held to the same rule.
      const presented = graceSeconds === 0 ? next.refresh_token : token;
      expect(await refusalOf(refresh(presented))).toMatchObject({ code: "invalid_grant" });
      expect(store.revocations).toMatchObject([{ reason: "audience no longer trusted" }]);
      expect(await refusalOf(refresh(next.refresh_token, { scope: "openid" }))).toMatchObject({
        code: "invalid_grant",
      });
    },
  );
});

test("client_credentials cannot ask for an audience, whatever is on its list (TOK-19)", async () => {
  const machine = { ...client, id: "machine", scopes: [scopeFor("one")] };
  const { post } = setUp({ clients: [machine] });
  const attempt = post({ client_id: "machine", grant_type: "client_credentials", scope: scopeFor("one") });
  expect(await refusalOf(attempt)).toMatchObject({ code: "invalid_scope" });
});
