import { type ConnectorFileEntry, expandEnvironment, parseDataFile, toConnector } from "../connector-files.ts";
import { Failure } from "../failure.ts";
import { toPrintable } from "../printable.ts";
import type { CommandContext } from "./command-context.ts";

/** Where a member of a connector is taken from: a file, or a name in the environment. */
export type SecretSource = { readonly member: string; readonly from: string };
export interface AddOptions {
  readonly secretFile: readonly SecretSource[];
  readonly secretEnv: readonly SecretSource[];
}

/** The connector of a file, with `$NAME` replaced and the secrets that are taken from elsewhere. */
export async function readConnectorFile(
  context: CommandContext,
  file: string,
  { secretFile, secretEnv }: AddOptions = { secretFile: [], secretEnv: [] },
): Promise<ConnectorFileEntry> {
  const name = file === "-" ? "standard input" : file;
  const { value, unknown } = expandEnvironment(parseDataFile(await context.readInput(file), name), context.env);
  for (const missing of unknown) context.warn(`${missing} is not in the environment: it is taken as empty`);
  const secrets: Record<string, string> = {};
  for (const { member, from } of secretFile) secrets[member] = (await context.readInput(from)).replace(/\r?\n$/, "");
  for (const { member, from } of secretEnv) {
    const secret = context.env[from];
    if (secret === undefined) throw new Failure("refused", `--secret-env: ${toPrintable(from)} is not set`);
    secrets[member] = secret;
  }
  return { ...toConnector(value, name), ...secrets };
}

/** The refusal that says where to look. */
export function unknownConnector(id: string): Failure {
  return new Failure("refused", `there is no connector ${toPrintable(id)}: see dexctl connectors list`);
}
