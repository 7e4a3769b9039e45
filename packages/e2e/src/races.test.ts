import * as openid from "openid-client";
import { beforeAll, expect, inject, test } from "vitest";
import { makeRelyingParty, obtainTokens, postToken, type RelyingParty } from "./relying-party.ts";

const { facts } = inject("sharedFleet");
let party: RelyingParty;
let tokenEndpoint = "";
beforeAll(async () => {
  party = await makeRelyingParty(facts);
  tokenEndpoint = party.configuration.serverMetadata().token_endpoint ?? "";
});

interface TokenBody {
  readonly error?: string;
  readonly access_token?: string;
  readonly refresh_token?: string;
}

interface Answer {
  readonly status: number;
  readonly body: TokenBody;
}

async function post(parameters: Readonly<Record<string, string>>): Promise<Answer> {
  const response = await postToken(facts, tokenEndpoint, parameters);
  // Members are compared below; one of another type would fail there.
  const body = (await response.json()) as TokenBody;
  return { status: response.status, body };
}

async function beginCode() {
  const { url, checks } = await party.begin();
  const answer = await party.signIn(url);
  return {
    grant_type: "authorization_code",
    code: answer.searchParams.get("code") ?? "",
    redirect_uri: party.redirectUri,
    code_verifier: checks.pkceCodeVerifier,
  };
}

async function userinfoStatus(accessToken: string): Promise<number> {
  const endpoint = party.configuration.serverMetadata().userinfo_endpoint ?? "";
  const response = await fetch(endpoint, { headers: { authorization: `Bearer ${accessToken}` } });
  await response.body?.cancel();
  return response.status;
}

test.each([2, 12, 100])(
  "of %i parallel redemptions of one code over the workers one wins, and the others end its tokens (TOK-1, TOK-2)",
  async (count) => {
    const redemption = await beginCode();
    const answers = await Promise.all(Array.from({ length: count }, () => post(redemption)));
    const winners = answers.filter(({ status }) => status === 200);
    const losers = answers.filter(({ status }) => status !== 200);
    expect(winners).toHaveLength(1);
    expect(losers.map(({ body }) => body.error)).toEqual(losers.map(() => "invalid_grant"));
    const { access_token = "", refresh_token = "" } = winners[0]?.body ?? {};
    expect(await userinfoStatus(access_token)).toBe(401);
    expect((await post({ grant_type: "refresh_token", refresh_token })).body.error).toBe("invalid_grant");
  },
);

test("20 parallel refreshes with one token leave one family with one living lineage (REF-3, REF-4)", async () => {
  const tokens = await obtainTokens(party);
  const refresh = { grant_type: "refresh_token", refresh_token: tokens.refresh_token ?? "" };
  const answers = await Promise.all(Array.from({ length: 20 }, () => post(refresh)));
  expect(answers.map(({ status }) => status).filter((status) => status !== 200 && status !== 400)).toEqual([]);
  const successors = new Set(answers.flatMap(({ body }) => body.refresh_token ?? []));
  // Inside the grace interval everybody is told of the same successor.
  expect(successors.size).toBe(1);
  const [successor = ""] = successors;
  expect((await post({ grant_type: "refresh_token", refresh_token: successor })).status).toBe(200);
});

test("two tabs of one application that refresh at once both go on", async () => {
  const tokens = await obtainTokens(party);
  const both = await Promise.all(
    [0, 1].map(() => openid.refreshTokenGrant(party.configuration, tokens.refresh_token ?? "")),
  );
  for (const one of both) expect(await userinfoStatus(one.access_token)).toBe(200);
});
