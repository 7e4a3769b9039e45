// What the pages share on which a person who is signed in says whether a client may.
import { audiencesOf, type Clients, isClientIdUrl, type LoginState, type Session } from "@dex/oidc";
import { InvalidInput } from "../middleware/invalid-input.ts";

/** The answer counts for the person who was asked: after somebody else signed in, in another tab, the form is dead. */
export function questionToken(state: LoginState, session: Session): string {
  return `${state.formToken}.${session.hash.toString("base64url")}`;
}

/** What the person said. Throws InvalidInput where it is neither. */
export function readDecision(form: URLSearchParams): "approve" | "deny" {
  const decision = form.get("decision");
  if (decision === "approve" || decision === "deny") return decision;
  throw new InvalidInput(400, "the form says neither yes nor no");
}

/** What a client is called; its id where it is known no longer. */
export async function nameOfClient(clients: Clients, id: string): Promise<string> {
  return (await clients.find(id))?.name ?? id;
}

/** The host whose document describes the client: all that is known of who it is. Undefined where there is no document. */
export function hostOfClient(clientId: string): string | undefined {
  return isClientIdUrl(clientId) ? URL.parse(clientId)?.host : undefined;
}

/** Who else is to be told who the person is, by the tokens of this client. */
export async function namesOfOtherClients(
  clients: Clients,
  clientId: string,
  scope: readonly string[],
): Promise<readonly string[]> {
  const others = audiencesOf(scope).filter((id) => id !== clientId);
  return Promise.all(others.map((id) => nameOfClient(clients, id)));
}
