// A sign-in through a connector that ends here: what came from the upstream, what the configuration made of it, and the
// identity that dex would see. Nothing of it is stored.
import {
  type Connector,
  type ConnectorParts,
  type LoginOutcome,
  type MappingTrace,
  openConnector,
  parseConnectorConfigs,
} from "@dex/connectors";
import { type Clock, type Logger, type Random, silentLogger } from "@dex/runtime";
import type { CommandContext } from "../commands/command-context.ts";
import type { ConnectorFileEntry } from "../connector-files.ts";
import { Failure } from "../failure.ts";
import { toPrintable } from "../printable.ts";
import { renderData } from "../render-data.ts";
import { awaitCallback, listenForCallback } from "./callback-listener.ts";
import { openInBrowser } from "./open-in-browser.ts";

export interface DryLoginOptions {
  readonly callback: string;
  readonly browser: boolean;
  readonly username?: string;
  readonly passwordFile?: string;
}

/** Everything the upstream can give is asked for, so that all of it is seen. */
const ASKED = { groups: true, offlineAccess: true } as const;
const WISH = {
  reauthenticate: false,
  selectAccount: false,
  maxAgeSeconds: undefined,
  loginHint: undefined,
  asked: ASKED,
} as const;
const STATE_BYTES = 24;

/** The connector of a file, opened with what a dry run has. Throws a Failure that names what is wrong with it. */
export function openForDryRun(
  open: typeof openConnector,
  described: ConnectorFileEntry,
  parts: { clock: Clock; random: Random; logger: Logger; trace?: (event: MappingTrace) => void },
): Connector {
  const parsed = parseConnectorConfigs([described]);
  const [stored] = parsed.kind === "connectors" ? parsed.connectors : [];
  if (parsed.kind === "refused" || stored === undefined) {
    throw new Failure("refused", toPrintable(parsed.kind === "refused" ? parsed.reason : "no connector"));
  }
  const checkPassword: ConnectorParts["checkPassword"] = async () => ({
    kind: "unavailable",
    detail: "our own passwords are not tried here: sign in at dex",
  });
  const opened = open(stored, { ...parts, checkPassword });
  if (opened.kind === "refused") throw new Failure("refused", `connector ${opened.id}: ${toPrintable(opened.reason)}`);
  return opened.connector;
}

/** Signs in and prints. Throws a Failure when it does not end with an identity. */
export async function runDryLogin(
  context: CommandContext,
  described: ConnectorFileEntry,
  options: DryLoginOptions,
): Promise<void> {
  const { clock, random } = context;
  const trace = (event: MappingTrace) => printTrace(context, event);
  const connector = openForDryRun(openConnector, described, { clock, random, logger: silentLogger, trace });
  try {
    const outcome =
      connector.login.kind === "password"
        ? await passwordLogin(context, connector.login, options)
        : await browserLogin(context, connector.login, options);
    await printOutcome(context, connector, outcome);
  } finally {
    connector.close?.();
  }
}

async function passwordLogin(
  context: CommandContext,
  login: Extract<Connector["login"], { kind: "password" }>,
  { username, passwordFile }: DryLoginOptions,
): Promise<LoginOutcome> {
  if (username === undefined || passwordFile === undefined) {
    throw new Failure(
      "usage",
      `this connector asks for a ${login.loginLabel} and a password: give --username and --password-file`,
    );
  }
  const password = (await context.readInput(passwordFile)).replace(/\r?\n$/, "");
  return login.verify({ login: username, password, source: "dexctl", asked: ASKED, now: context.clock() });
}

async function browserLogin(
  context: CommandContext,
  login: Extract<Connector["login"], { kind: "callback" }>,
  { callback, browser }: DryLoginOptions,
): Promise<LoginOutcome> {
  const listener = await listenForCallback(callback);
  try {
    const state = context.random(STATE_BYTES).toString("base64url");
    const begun = await login.begin({ callbackUrl: callback, state, wish: WISH });
    if (begun.kind !== "redirect" && begun.kind !== "form") return begun;
    const address = listener.lead(begun);
    context.print(`sign in at:\n\n  ${address}\n\nwaiting for the answer at ${callback}`);
    if (browser) openInBrowser(address);
    const answer = await awaitCallback(listener, {
      form: login.answersBy === "form",
      state: login.stateParameter ?? "state",
    });
    if (answer.state !== state)
      throw new Failure("refused", "the answer belongs to another sign-in: its state is another one");
    const { query, request } = answer;
    const { data } = begun;
    return await login.finish({
      callbackUrl: callback,
      query,
      state,
      data,
      asked: ASKED,
      request,
      now: context.clock(),
    });
  } finally {
    await listener.close();
  }
}

async function printOutcome(context: CommandContext, connector: Connector, outcome: LoginOutcome): Promise<void> {
  if (outcome.kind !== "identity") throw refusal(outcome);
  const { identity, grant } = outcome;
  context.print(`\nidentity:\n${indent(renderData(identity, "yaml"))}`);
  if (connector.refresh === undefined) return context.print("refresh: this connector cannot ask the upstream again");
  if (grant === undefined) return context.print("refresh: the upstream gave nothing to ask it again with");
  const again = await connector.refresh({
    grant,
    remoteId: identity.remoteId,
    asked: ASKED,
    now: context.clock(),
    keep: async () => undefined, // nothing of a dry run is kept
  });
  if (again.kind !== "identity") throw refusal(again);
  context.print(`refresh: the upstream was asked again and answered\n${indent(renderData(again.identity, "yaml"))}`);
}

function refusal(outcome: Exclude<LoginOutcome, { kind: "identity" }>): Failure {
  const detail = "detail" in outcome ? `: ${toPrintable(outcome.detail)}` : "";
  const reason = outcome.kind === "refused" ? outcome.reason : outcome.kind;
  return new Failure("refused", `no identity (${reason})${detail}`);
}

function printTrace(context: CommandContext, event: MappingTrace): void {
  if (event.kind === "claims") {
    context.print(`\nclaims of ${toPrintable(event.source)}:\n${indent(renderData(event.claims, "yaml"))}`);
  } else {
    const [before, after] = [event.before, event.after].map((value) => toPrintable(JSON.stringify(value) ?? "nothing"));
    context.print(`rule ${toPrintable(event.rule)}: ${before} -> ${after}`);
  }
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
