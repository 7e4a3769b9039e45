// The command line as a whole: global flags, the table of commands, and what a wrong one is answered with.
import { type Clock, type Logger, makeLogger, type Random, silentLogger, VERSION } from "@dex/runtime";
import { Command, CommanderError } from "commander";
import { adminCommand } from "./commands/admin.ts";
import { backchannelRequestsCommand } from "./commands/backchannel-requests.ts";
import { clientsCommand } from "./commands/clients.ts";
import type { CommandContext } from "./commands/command-context.ts";
import { connectorsCommand } from "./commands/connectors.ts";
import { getConnectorConfigsCommand } from "./commands/get-connector-configs.ts";
import { importCommand } from "./commands/import.ts";
import { keysCommand } from "./commands/keys.ts";
import { mailCommand } from "./commands/mail.ts";
import { migrateCommand } from "./commands/migrate.ts";
import { newClientCommand } from "./commands/new-client.ts";
import { refreshTokensCommand } from "./commands/refresh-tokens.ts";
import { resourcesCommand } from "./commands/resources.ts";
import { setConnectorConfigsCommand } from "./commands/set-connector-configs.ts";
import { usersCommand } from "./commands/users.ts";
import { versionCommand } from "./commands/version.ts";
import { type Config, type GlobalFlags, readConfig } from "./config.ts";
import { makeHttpManagement } from "./drivers/http.ts";
import { withDatabaseManagement } from "./drivers/open-database.ts";
import { Failure } from "./failure.ts";
import { toPrintable } from "./printable.ts";
import { readInput } from "./read-input.ts";

/** What the program takes from the machine it runs on. */
export interface Outside {
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: AsyncIterable<Buffer>;
  readonly print: (text: string) => void;
  readonly complain: (text: string) => void;
  readonly clock: Clock;
  readonly random: Random;
}

const COMMANDS = [
  newClientCommand,
  clientsCommand,
  usersCommand,
  refreshTokensCommand,
  backchannelRequestsCommand,
  mailCommand,
  adminCommand,
  connectorsCommand,
  resourcesCommand,
  setConnectorConfigsCommand,
  getConnectorConfigsCommand,
  keysCommand,
  migrateCommand,
  importCommand,
  versionCommand,
];

const SETTINGS_HELP = `
Each global flag may also be given in the environment: DEXCTL_DB_URL, DEXCTL_ISSUER, DEXCTL_CLIENT_ID,
DEXCTL_CLIENT_SECRET, DEXCTL_LOG_DEBUG; DEXCTL_DB_URL_FILE and DEXCTL_CLIENT_SECRET_FILE name files. A flag wins over the
environment. Other people on this machine can read command lines: keep secrets in files or in the environment.

Exit codes: 0 done, 1 not done, 2 the command line or the environment is wrong.

Examples:
  dexctl --db-url-file /run/secrets/db-url new-client https://app.example.com/callback
  dexctl --issuer https://dex.example.com --client-id admin --client-secret-file secret.txt clients list
  dexctl help new-client`;

/** Runs one command line, without the interpreter and script in front. Returns the exit code and never throws. */
export async function runProgram(argv: readonly string[], outside: Outside): Promise<0 | 1 | 2> {
  const program = makeProgram(outside);
  try {
    await program.parseAsync(argv, { from: "user" });
    return 0;
  } catch (error) {
    return report(error, outside);
  }
}

function makeProgram(outside: Outside): Command {
  const program = new Command("dexctl")
    .description("The operator's command line of dex: users, clients, connectors, mail, signing keys.")
    .option("--db-url <url>", "work on this database directly")
    .option("--db-url-file <file>", "the same, read from a file")
    .option("--issuer <url>", "or work through the HTTP API of this issuer")
    .option("--client-id <id>", "the admin client to sign in as there")
    .option("--client-secret <secret>", "its secret")
    .option("--client-secret-file <file>", "the same, read from a file")
    .option("--log-debug", "say on standard error what is being done")
    .version(VERSION, "--version", "print the version")
    .addHelpText("after", SETTINGS_HELP);
  const context = makeContext(program, outside);
  for (const makeCommand of COMMANDS) program.addCommand(makeCommand(context));
  for (const command of withSubcommands(program)) {
    command.exitOverride().allowExcessArguments(false).helpOption("-h, --help", "print this text");
    command.configureOutput({
      writeOut: (text) => outside.print(text.trimEnd()),
      // The help that a command line without a command gets.
      writeErr: (text) => outside.print(text.trimEnd()),
      // The parser's messages repeat what was typed, so `report` decides what of them is shown.
      outputError: () => {},
    });
    command.configureHelp({ showGlobalOptions: true });
  }
  return program;
}

function* withSubcommands(command: Command): Generator<Command> {
  yield command;
  for (const below of command.commands) yield* withSubcommands(below);
}

function makeContext(program: Command, outside: Outside): CommandContext {
  const loadConfig = (): Config => {
    const config = readConfig(globalFlags(program), outside.env);
    if (config instanceof Failure) throw config;
    return config;
  };
  const targetOf = ({ target }: Config) => {
    if (target instanceof Failure) throw target;
    return target;
  };
  return {
    async withManagement(work) {
      const config = loadConfig();
      const target = targetOf(config);
      const logger = loggerOf(config);
      if (target.kind === "http") return await work(makeHttpManagement({ ...target, logger }));
      return await withDatabaseManagement({ url: target.url, logger, ...outside }, work);
    },
    async withDatabase(work) {
      const config = loadConfig();
      const target = targetOf(config);
      if (target.kind === "http") {
        throw new Failure("refused", "the HTTP API does not offer this: give --db-url instead of --issuer");
      }
      const logger = loggerOf(config);
      return await withDatabaseManagement({ url: target.url, logger, ...outside }, work);
    },
    print: outside.print,
    warn: (text) => outside.complain(`dexctl: ${text}`),
    env: outside.env,
    clock: outside.clock,
    random: outside.random,
    readInput: (file) => readInput(file, outside.stdin),
  };
}

// The result of a command is its output; what happens on the way is only for those who ask.
function loggerOf({ logDebug }: Config): Logger {
  return logDebug ? makeLogger({ debug: true, timestamps: false }) : silentLogger;
}

function globalFlags(program: Command): GlobalFlags {
  const flags = new Map<string, string | true>();
  for (const option of program.options) {
    const value: unknown = program.getOptionValue(option.attributeName());
    const name = option.long?.slice(2);
    if (name !== undefined && (typeof value === "string" || value === true)) flags.set(name, value);
  }
  return flags;
}

function report(error: unknown, outside: Outside): 0 | 1 | 2 {
  if (error instanceof Failure) {
    outside.complain(`dexctl: ${error.message}`);
    return error.exitCode;
  }
  if (error instanceof CommanderError) return reportUsage(error, outside);
  // A mistake of ours. Its message may hold anything, such as a statement with its values.
  outside.complain(
    `dexctl: something went wrong inside dexctl (${error instanceof Error ? error.name : typeof error})`,
  );
  return 1;
}

function reportUsage(error: CommanderError, outside: Outside): 0 | 2 {
  if (error.code === "commander.helpDisplayed" || error.code === "commander.version") return 0;
  if (error.code === "commander.help") return error.exitCode === 0 ? 0 : 2;
  outside.complain(`dexctl: ${describeUsageError(error)}\nsee dexctl --help`);
  return 2;
}

/** What the parser found wrong, without repeating arguments: a password may stand in any of them. */
export function describeUsageError(error: { readonly code: string; readonly message: string }): string {
  const message = toPrintable(error.message.replace(/^error: /, ""));
  const advice = /\(Did you mean [^)]*\)/.exec(message)?.[0];
  const hint = advice === undefined ? "" : ` ${advice}`;
  switch (error.code) {
    case "commander.unknownOption":
      return `unknown flag ${/'(--?[\w-]{1,40})/.exec(message)?.[1] ?? ""}${hint}`;
    case "commander.unknownCommand":
      return `unknown command${/ '[a-z][a-z-]{0,30}'/.exec(message)?.[0] ?? ""}${hint}`;
    case "commander.excessArguments":
      return message.replace(/ but got (\d+).*$/s, " but got $1");
    case "commander.invalidArgument":
      return message.replace(/argument '.*' is invalid\./s, "argument is invalid.");
    default:
      return message;
  }
}
