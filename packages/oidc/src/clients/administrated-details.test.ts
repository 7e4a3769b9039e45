// What an administrator says of a client, and the client itself does not.
import { expect, test } from "vitest";
import { client } from "../../test/fakes.ts";
import { renderClientInformation } from "./client-information.ts";
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
