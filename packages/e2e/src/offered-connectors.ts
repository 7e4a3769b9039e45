import { openFormBrowser } from "@dex/testing";
import { makeRelyingParty } from "./relying-party.ts";
import type { SharedFleet } from "./shared-fleet.ts";

/**
 * Whether each worker, asked past the load balancer, offers the connector on its chooser. A test that clicks must see
 * true of all first: any worker may get any of its requests, and each learns of a change within two seconds by itself.
 */
export async function offeredByWorkers(
  { facts, workerOrigins }: Pick<SharedFleet, "facts" | "workerOrigins">,
  connectorId: string,
): Promise<readonly boolean[]> {
  const party = await makeRelyingParty(facts);
  const { url } = await party.begin();
  return Promise.all(
    workerOrigins.map(async (origin) => {
      const browser = openFormBrowser({ route: (one) => new URL(one.pathname + one.search, origin) });
      return (await browser.open(url)).text.includes(`id="connector-${connectorId}"`);
    }),
  );
}
