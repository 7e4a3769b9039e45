import { expect, test } from "vitest";
import { client, issuer, jane, makeSigner, now, readJwtPart, subjects } from "../../test/fakes.ts";
import { type IdTokenOrder, makeIssueIdToken } from "./issue-id-token.ts";
import { DEFAULT_TOKEN_LIFETIMES, makeTokenLifetimes } from "./lifetimes.ts";

const scope = ["openid", "email"];
const session = { connectorId: "local", sessionHash: Buffer.alloc(32), authTime: now, amr: ["pwd"], nonce: undefined };
const asked = { idToken: ["phone_number"], userinfo: [] };
const user = { ...jane, profile: { phone_number: "+44 20 7946 0000" } };
const grant = { ...session, clientId: client.id, user, scope, claims: asked };

const issueIdToken = makeIssueIdToken({
  issuer,
  signer: makeSigner(),
  lifetimes: makeTokenLifetimes(DEFAULT_TOKEN_LIFETIMES),
  encryptToClient: () => expect.fail("nothing is encrypted here"),
  subjects,
});

async function toldTo(id_token_claims: "by_scope" | "requested" | undefined, more: Partial<IdTokenOrder> = {}) {
  const details = { ...client.details, ...(id_token_claims === undefined ? {} : { id_token_claims }) };
  const order = { grant, client: { ...client, details }, scope, nonce: undefined, userClaims: "by scope" as const };
  const jwt = await issueIdToken({ ...order, beside: { accessToken: "access" }, ...more }, now);
  const { email, phone_number } = readJwtPart(jwt.split(".")[1]);
  return { email, phone_number };
}

const everything = { email: jane.email, phone_number: user.profile.phone_number };
const rows = [
  { registered: undefined, told: everything },
  { registered: "by_scope", told: everything },
  { registered: "requested", told: { ...everything, email: undefined } },
] as const;
test.each(rows)(
  "beside an access token a client that registered id_token_claims $registered is told $told (OIDC Core §5.4, cert 2.6.8)",
  async ({ registered, told }) => {
    expect(await toldTo(registered)).toEqual(told);
  },
);

test("where nothing leads to userinfo the ID token tells it all, whatever was registered (OIDC Core §5.4)", async () => {
  expect(await toldTo("requested", { beside: {} })).toEqual(everything);
});
