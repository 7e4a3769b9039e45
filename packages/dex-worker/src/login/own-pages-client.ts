// What stands for our own pages in a login state: a client that nobody registered and nobody else can use. It gets a
// session and no code.
import { type Client, type Clients, type LoginState, OWN_PAGES_CLIENT_ID } from "@dex/oidc";

/** Whether the flow ends at a page of ours. */
export function isForOwnPages(state: LoginState): boolean {
  return state.request.clientId === OWN_PAGES_CLIENT_ID;
}

/**
 * The clients, and what stands for our own pages among them: for the steps of a flow. The endpoints that clients speak to
 * are given the clients alone.
 */
export function withOwnPages(clients: Clients, issuerName: string): Clients {
  const own: Client = {
    id: OWN_PAGES_CLIENT_ID,
    name: issuerName,
    logoUri: undefined,
    clientUri: undefined,
    redirectUris: [],
    public: false,
    admin: false,
    trusted: true,
    requirePkce: false,
    grantTypes: [],
    scopes: undefined,
    trustedPeers: [],
    allowedConnectors: undefined,
    idTokenSigningAlgorithm: "RS256",
    secret: undefined,
    dynamic: false,
    details: {},
    createdAt: new Date(0),
  };
  return { find: async (clientId) => (clientId === OWN_PAGES_CLIENT_ID ? own : clients.find(clientId)) };
}
