// What discovery says of resources: those of our own, and what can be asked for with authorization_details.
import { parseResource } from "@dex/oidc";
import * as oauth from "oauth4webapi";
import { expect } from "vitest";
import { CALLBACK, type Registered } from "../dynamic-world.ts";
import { type CallWorld, type MemberCalls, VERIFIER } from "./call-world.ts";

const ACTOR = { kind: "dexctl", id: undefined, address: undefined } as const;
const PAYMENT = { type: "payment", name: "Pay somebody", members: ["amount"] };

/** A resource that knows the one type of authorization details that there is. */
export async function registerPayments({ worker }: Pick<CallWorld, "worker">): Promise<void> {
  const wanted = { identifier: "https://bank.example/", name: "The bank", authorizationDetailsTypes: [PAYMENT] };
  const parsed = parseResource(wanted);
  if (parsed.kind === "refused") throw new Error(parsed.reason);
  await worker.storage.resources.add(parsed.resource, ACTOR);
  await worker.refresh();
}

/** Finds the metadata of this resource, and has a token for it that the resource takes. */
async function useResource(world: CallWorld, identifier: string, path: string, client?: Registered): Promise<void> {
  const resource = new URL(identifier);
  const metadata = await oauth.processResourceDiscoveryResponse(
    resource,
    await oauth.resourceDiscoveryRequest(resource),
  );
  expect(metadata.authorization_servers).toEqual([world.issuer]);
  const tokens = await obtain(world, { resource: metadata.resource }, client);
  const headers = { Authorization: `Bearer ${tokens.access_token}` };
  expect((await fetch(identifier + path, { headers })).status).toBe(200);
  expect((await fetch(identifier + path)).headers.get("www-authenticate")).toContain("resource_metadata=");
}

async function obtain(world: CallWorld, asked: Readonly<Record<string, string>>, given?: Registered) {
  const client = given ?? (await world.register("code"));
  const page = await world.authorize(world.request(client, asked), world.signedIn);
  const code = page.url.searchParams.get("code") ?? expect.fail(`no code in ${page.url}`);
  const grant = { grant_type: "authorization_code", code, redirect_uri: CALLBACK, code_verifier: VERIFIER };
  const { status, body } = await world.worker.token(grant, client);
  expect(status).toBe(200);
  return body as typeof body & { readonly authorization_details?: unknown };
}

export const RESOURCE_CALLS: Readonly<Record<string, MemberCalls>> = {
  protected_resources: {
    "{issuer}/userinfo": (world) => useResource(world, `${world.issuer}/userinfo`, ""),
    // Not for clients that register themselves.
    async "{issuer}/api/v1"(world) {
      const client = { ...(await world.worker.addClient({ redirectURIs: [CALLBACK] })), body: {} };
      const path = `/account/${encodeURIComponent(world.userId)}/refresh`;
      await useResource(world, `${world.issuer}/api/v1`, path, client);
    },
  },
  authorization_details_types_supported: {
    async payment(world) {
      const details = [{ type: "payment", amount: "10" }];
      const asked = { authorization_details: JSON.stringify(details), resource: "https://bank.example/" };
      expect((await obtain(world, asked)).authorization_details).toEqual(details);
    },
  },
};
