import { dirname } from "node:path";
import { closeOnSignal, describeError, makeLogger } from "@dex/runtime";
import { describeEnd } from "./child-program.ts";
import { readConfig } from "./config.ts";
import { makeEmbedded } from "./embedded.ts";
import { renderFacts } from "./embedded-facts.ts";
import { Problem } from "./problem.ts";

const DEADLINE_SECONDS = 30;
const root = dirname(dirname(dirname(import.meta.dirname)));
const say = (line: string) => void process.stdout.write(`${line}\n`);
// The terminal may be gone before we are.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const outcome = readConfig(process.argv.slice(2), process.env, root);
if (outcome.kind === "exit") {
  (outcome.code === 0 ? process.stdout : process.stderr).write(`${outcome.message}\n`);
  process.exit(outcome.code);
}
const logger = makeLogger({ debug: false, timestamps: false });
let failed = false;
const fail = (message: string) => {
  if (failed) return;
  failed = true;
  process.stderr.write(`${message}\n`);
  close(1);
};

const embedded = makeEmbedded({
  config: outcome.values,
  root,
  say,
  onChildEnd: (child, how) => fail(describeEnd(child, how)),
});
const close = closeOnSignal({
  // Once stopping has begun, a start that is still under way has nothing more to report.
  steps: () => {
    if (!failed) say("stopping");
    failed = true;
    return [...embedded.steps()];
  },
  logger: { ...logger, info() {} }, // a person reads this, who has just been told
  deadlineSeconds: DEADLINE_SECONDS,
});
process.on("exit", () => embedded.kill()); // after a second Ctrl-C, or when a part would not stop
process.once("disconnect", () => close(0)); // whoever started us is gone
process.channel?.unref();

try {
  const facts = await embedded.start();
  if (!failed) say(renderFacts(facts, `${outcome.values.dataDirectory}/embedded.json`));
} catch (error) {
  if (error instanceof Problem) fail(`FATAL: ${error.message}`);
  else if (!failed) {
    logger.error("starting failed", describeError(error));
    fail("FATAL: dex could not be started, for a reason it did not expect; the line above says more");
  }
}
