// What an administrator says of a client, and the client itself does not.
import { expect, test } from "vitest";
import { client } from "../../test/fakes.ts";
import { CLIENT_LIFETIME_MEMBERS } from "../tokens/lifetimes.ts";
import type { Client } from "./client.ts";
import { renderClientInformation } from "./client-information.ts";
import { parseClientChanges } from "./client-metadata.ts";
import { decideClientUpdate } from "./client-update.ts";
import { decideRegistration } from "./registration-metadata.ts";
import { SUPPORTED } from "./supported.ts";

const wanted = { redirect_uris: ["https://a.example/cb"], sso_shared_with: ["*"] };
const own = { ...client, dynamic: true, details: { sso_shared_with: ["client-b"] } };

test("a client that registers itself does not choose whom its sign-ins count for (DCR-1)", () => {
  const decision = decideRegistration(wanted, SUPPORTED);
  if (decision.kind !== "register") throw decision.error;
  expect(decision.metadata.details).not.toHaveProperty("sso_shared_with");
});

test.each([wanted, { redirect_uris: wanted.redirect_uris }])(
  "an update leaves that as it was: %j (DCR-1, DCR-2)",
  (sent) => {
    const decision = decideClientUpdate(own, { client_id: own.id, ...sent }, SUPPORTED);
    if (decision.kind !== "update") throw decision.error;
    expect(decision.client.details.sso_shared_with).toEqual(["client-b"]);
  },
);

test("nor is it told (DCR-1)", () => {
  const shown = { secret: undefined, managementUrl: "https://id.example/registration/a", managementToken: "t" };
  expect(renderClientInformation(own, shown)).not.toHaveProperty("sso_shared_with");
});

test("an administrator says it, and takes it back", () => {
  const changed = { sso_shared_with: ["client-b", "*"] };
  expect(parseClientChanges({ details: changed })).toEqual({ kind: "details", changed, removed: [] });
  const removed = ["sso_shared_with"];
  expect(parseClientChanges({ details: { sso_shared_with: null } })).toEqual({ kind: "details", changed: {}, removed });
});

test.each(["*", [""], ["a b"], ["\u0000"], [7], ["x".repeat(256)], Array.from({ length: 101 }, () => "a")])(
  "%j names no clients",
  (sharedWith) => {
    expect(parseClientChanges({ details: { sso_shared_with: sharedWith } }).kind).toBe("refused");
  },
);

const ours = {
  access_token_format: "jwt",
  groups: ["admins"],
  roles: ["admin"],
  trusted_issuers: [{ issuer: "https://ci.example", subject: "job" }],
};
test.each(Object.entries(ours))(
  "a client that registers itself does not choose its %s, nor by an update (DCR-1, DCR-2)",
  (member, value) => {
    const sent = { redirect_uris: wanted.redirect_uris, [member]: value };
    const decision = decideRegistration(sent, SUPPORTED);
    if (decision.kind !== "register") throw decision.error;
    expect(decision.metadata.details).not.toHaveProperty(member);
    for (const details of [{}, { [member]: "an administrator's" }] as Client["details"][]) {
      const update = decideClientUpdate({ ...own, details }, { client_id: own.id, ...sent }, SUPPORTED);
      if (update.kind !== "update") throw update.error;
      expect(update.client.details).toEqual(details);
    }
  },
);

test.each(CLIENT_LIFETIME_MEMBERS)("a client that registers itself does not choose its %s (DCR-1)", (member) => {
  const decision = decideRegistration({ redirect_uris: wanted.redirect_uris, [member]: 60 }, SUPPORTED);
  expect(decision).toMatchObject({ kind: "refused", error: { code: "invalid_client_metadata" } });
});

test("what an administrator said of its tokens stays when it changes itself, and is not told it (DCR-1, DCR-2)", () => {
  const details = { access_token_lifetime: 60, refresh_token_grace: 0 };
  const decision = decideClientUpdate(
    { ...own, details },
    { client_id: own.id, redirect_uris: wanted.redirect_uris },
    SUPPORTED,
  );
  if (decision.kind !== "update") throw decision.error;
  expect(decision.client.details).toMatchObject(details);
  const shown = { secret: undefined, managementUrl: "https://id.example/registration/a", managementToken: "t" };
  expect(renderClientInformation({ ...own, details }, shown)).not.toHaveProperty("access_token_lifetime");
});
