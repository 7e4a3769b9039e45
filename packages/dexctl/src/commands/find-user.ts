import type { JsonObject } from "@dex/runtime";
import { Failure } from "../failure.ts";
import { toPrintable } from "../printable.ts";
import type { UserManagement } from "../user-management.ts";

/** The user with this id or email address; a Failure when there is none. */
export async function findUser(management: UserManagement, idOrEmail: string): Promise<JsonObject> {
  const found = (await findByEmail(management, idOrEmail)) ?? (await management.findUser(idOrEmail));
  if (found === undefined) throw noSuchUser(idOrEmail);
  return found;
}

/** The id of that user. */
export async function findUserId(management: UserManagement, idOrEmail: string): Promise<string> {
  return String((await findUser(management, idOrEmail)).id);
}

export function noSuchUser(idOrEmail: string): Failure {
  return new Failure("refused", `there is no user ${toPrintable(idOrEmail, 254)}: see dexctl users list`);
}

/** Of the addresses that begin with one, that one itself comes first. */
async function findByEmail(management: UserManagement, text: string): Promise<JsonObject | undefined> {
  const email = text.trim().toLowerCase();
  if (!/^[\x21-\x7e]{3,254}$/.test(email) || !email.includes("@")) return undefined;
  const { items } = await management.listUsers({ emailPrefix: email }, { after: undefined, limit: 1 });
  return items.find((user) => user.email === email);
}
