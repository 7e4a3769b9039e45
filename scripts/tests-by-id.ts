// Which tests name which identifiers. A title names them, or a table whose rows carry them: any string of a test file may.
import { readPackages } from "./repository.ts";

export interface NamingTest {
  readonly path: string;
  /** The string that names the identifier, as it stands in the source. */
  readonly name: string;
}

const STRING = /"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g;

/** Identifier -> the tests that name it. `pattern` is global; its first group, where it has one, is the identifier. */
export function findTestsById(root: string, pattern: RegExp): ReadonlyMap<string, readonly NamingTest[]> {
  const tests = new Map<string, NamingTest[]>();
  const files = readPackages(root)
    .flatMap((one) => one.files)
    .filter((file) => file.path.endsWith(".test.ts"));
  for (const { path, scanned } of files) {
    for (const [quoted] of scanned.withoutComments.matchAll(STRING)) {
      for (const [whole, group] of quoted.matchAll(pattern)) {
        const id = group ?? whole;
        const named = tests.get(id) ?? [];
        named.push({ path, name: quoted.slice(1, -1) });
        tests.set(id, named);
      }
    }
  }
  return tests;
}
