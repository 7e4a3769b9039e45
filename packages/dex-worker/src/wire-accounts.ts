// The pages around accounts. Each group of pages is made by one function; this is the list of them.
import { accountPages } from "./accounts/account-pages.ts";
import { oobPages } from "./accounts/oob.ts";
import { registrationPages } from "./accounts/registration-pages.ts";
import type { WorkerConfig } from "./config.ts";
import type { PageRoute } from "./visit.ts";
import type { LoginWiring } from "./wiring.ts";

/** Every page route beside the sign-in steps themselves. */
export function wireAccountPages(config: WorkerConfig, wiring: LoginWiring): readonly PageRoute[] {
  return [...accountPages(config, wiring), ...registrationPages(config, wiring), ...oobPages(wiring)];
}
