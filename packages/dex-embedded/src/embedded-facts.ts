/** What a person or a program needs to use this dex: the content of `embedded.json`. */
export interface EmbeddedFacts {
  readonly issuer: string;
  readonly adminApi: string;
  readonly adminApiSecret: string;
  readonly exampleApp: string;
  readonly mail: string;
  readonly databaseUrl: string;
  readonly keySecrets: string;
  readonly user: { readonly email: string; readonly password: string };
  readonly client: { readonly id: string; readonly secret: string; readonly redirectUris: readonly string[] };
  readonly pids: {
    readonly postgres: number;
    readonly overlord: number;
    readonly workers: readonly number[];
    readonly exampleApp: number;
  };
}

/** The facts for a person at a terminal. */
export function renderFacts(facts: EmbeddedFacts, file: string): string {
  const rows = [
    ["issuer", facts.issuer],
    ["admin API", facts.adminApi],
    ["example app", `${facts.exampleApp}   <- open this in a browser`],
    ["mail", facts.mail],
    ["sign in as", facts.user.email],
    ["password", facts.user.password],
    ["the same, for programs", file],
  ];
  const lines = rows.map(([name = "", value = ""]) => `  ${name.padEnd(24)}${value}`);
  return ["", "dex runs.", "", ...lines, "", "Press Ctrl-C to stop. The data is kept; --reset deletes it.", ""].join(
    "\n",
  );
}
