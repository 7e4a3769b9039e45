// Lists that may be longer than anybody wants to see, or to hold in memory at the other end.
import type { JsonObject } from "@dex/runtime";
import { InvalidArgumentError, Option } from "commander";
import type { Page } from "../user-management.ts";

const MAX_PAGE = 100;
const DEFAULT_LIMIT = 100;

export interface LimitFlags {
  readonly limit: number;
  readonly all?: true;
}

export function limitOptions(what: string): readonly [Option, Option] {
  const parseLimit = (text: string) => {
    if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError("Expected a number from 1 to 9999999.");
    return Number(text);
  };
  return [
    new Option("--limit <n>", `show at most so many ${what}`).argParser(parseLimit).default(DEFAULT_LIMIT),
    new Option("--all", "show all, however many"),
  ];
}

/** Reads page after page until there is enough. `more`: something was left out. */
export async function readUpTo(
  { limit, all }: LimitFlags,
  readPage: (page: { after: string | undefined; limit: number }) => Promise<Page>,
): Promise<{ readonly items: readonly JsonObject[]; readonly more: boolean }> {
  const wanted = all ? Number.POSITIVE_INFINITY : limit;
  const items: JsonObject[] = [];
  let after: string | undefined;
  do {
    const page = await readPage({ after, limit: Math.min(MAX_PAGE, wanted - items.length) });
    for (const item of page.items) items.push(item);
    // An end that never ends would be a mistake at the other side.
    after = page.next === after ? undefined : page.next;
  } while (after !== undefined && items.length < wanted);
  return { items: items.slice(0, all ? undefined : limit), more: after !== undefined };
}
