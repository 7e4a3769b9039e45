/** What a person or a program needs to use a running dex. The same members as `.dex/embedded.json`. */
export interface FleetFacts {
  readonly issuer: string;
  readonly adminApi: string;
  readonly adminApiSecret: string;
  readonly exampleApp: string;
  /** The page that shows what dex sent; a fleet has none. */
  readonly mail: string | null;
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

/** The facts as lines for a person at a terminal. */
export function renderFacts(facts: FleetFacts): string {
  const rows: readonly (readonly [string, string])[] = [
    ["issuer", facts.issuer],
    ["admin API", facts.adminApi],
    ["example app", facts.exampleApp],
    ...(facts.mail === null ? [] : [["mail", facts.mail] as const]),
    ["sign in as", `${facts.user.email}  password ${facts.user.password}`],
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(12)} ${value}`).join("\n");
}
