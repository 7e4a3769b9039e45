// What became of everything that an import found.
import type { Json, JsonObject } from "@dex/runtime";
import { toPrintable } from "../printable.ts";

export type ImportKind = "users" | "passwords" | "identities" | "clients" | "connectors";
const KINDS: readonly ImportKind[] = ["users", "passwords", "identities", "clients", "connectors"];

/** A table may have millions of rows with one and the same fault; the first ones tell what it is. */
const MAX_REASONS = 1_000;

/** Why something is not as it was found. */
export interface ImportRemark {
  /** An id, never anything secret. */
  readonly id: string;
  readonly reason: string;
}
export type ImportOutcome = "taken" | "alreadyThere" | "differs" | "notTaken";
/** Each thing that was found counts once. `differs`: it is here already, otherwise, and was left as it is here. */
export interface KindReport extends Readonly<Record<ImportOutcome, number>> {
  /** The first thousand. */
  readonly reasons: readonly ImportRemark[];
  readonly moreReasons: number;
}
export interface ImportReport {
  readonly dryRun: boolean;
  readonly kinds: Readonly<Record<ImportKind, KindReport>>;
  readonly neverTaken: Readonly<Record<string, number>>;
}

/** Collects what becomes of each thing. */
export interface ImportTally {
  count(kind: ImportKind, outcome: ImportOutcome, count?: number): void;
  remark(kind: ImportKind, id: string, reason: string): void;
  report(dryRun: boolean, neverTaken: Readonly<Record<string, number>>): ImportReport;
}

export function makeImportTally(): ImportTally {
  const empty = () => ({
    taken: 0,
    alreadyThere: 0,
    differs: 0,
    notTaken: 0,
    reasons: [] as ImportRemark[],
    moreReasons: 0,
  });
  const kinds = {
    users: empty(),
    passwords: empty(),
    identities: empty(),
    clients: empty(),
    connectors: empty(),
  } satisfies Record<ImportKind, KindReport>;
  return {
    count(kind, outcome, count = 1) {
      kinds[kind][outcome] += count;
    },
    remark(kind, id, reason) {
      if (kinds[kind].reasons.length < MAX_REASONS) kinds[kind].reasons.push({ id, reason });
      else kinds[kind].moreReasons += 1;
    },
    report: (dryRun, neverTaken) => ({ dryRun, kinds, neverTaken }),
  };
}

/** For programs. */
export function toReportJson({ dryRun, kinds, neverTaken }: ImportReport): JsonObject {
  const shown = KINDS.map((kind): [string, Json] => {
    const { reasons, ...counts } = kinds[kind];
    return [kind, { ...counts, reasons: reasons.map(({ id, reason }) => ({ id, reason })) }];
  });
  return { dryRun, ...Object.fromEntries(shown), neverTaken };
}

/** The rows of the table of counts, its head first. */
export function toCountRows({ kinds, dryRun }: ImportReport): readonly (readonly string[])[] {
  return [
    ["", dryRun ? "would take" : "taken", "already there", "differs here", "not taken"],
    ...KINDS.map((kind) => {
      const { taken, alreadyThere, differs, notTaken } = kinds[kind];
      return [kind, ...[taken, alreadyThere, differs, notTaken].map(String)];
    }),
  ];
}

/** A line for each remark, and one for what never is taken. Safe to print. */
export function toReasonLines({ kinds, neverTaken }: ImportReport): readonly string[] {
  const lines = KINDS.flatMap((kind) => {
    const { reasons, moreReasons } = kinds[kind];
    const told = reasons.map(({ id, reason }) => `${kind}: ${toPrintable(id, 200)}: ${toPrintable(reason)}`);
    return moreReasons === 0 ? told : [...told, `${kind}: and ${moreReasons} more`];
  });
  const left = Object.entries(neverTaken).map(([name, count]) => `${count} ${name}`);
  return left.length === 0 ? lines : [...lines, `never taken: ${left.join(", ")}`];
}
