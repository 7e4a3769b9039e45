import type { Secret } from "@dex/runtime";
import { type DexV1Source, NotDexV1, openDexV1 } from "@dex/storage";
import { Failure } from "../failure.ts";
import { explain, placeOf } from "./open-database.ts";

/** Opens a dex v1's database to read from, runs `work` on it and lets go of it. Failures name host and port only. */
export async function withDexV1<T>(url: Secret<string>, work: (dex: DexV1Source) => Promise<T>): Promise<T> {
  await using dex = await open(url);
  return await work(dex);
}

async function open(url: Secret<string>): Promise<DexV1Source> {
  try {
    return await openDexV1({ url });
  } catch (error) {
    const place = placeOf(url);
    if (error instanceof NotDexV1) {
      throw new Failure("refused", `the database at ${place} is not that of a dex v1: ${error.message}`, {
        cause: error,
      });
    }
    throw explain(error, place);
  }
}
