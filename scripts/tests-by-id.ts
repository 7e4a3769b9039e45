// Which tests name which identifiers. A title names them, or a table whose rows carry them: any string of a test file may.
import { readPackages } from "./repository.ts";

export interface NamingTest {
  readonly path: string;
  /** The string that names the identifier, as it stands in the source. */
  readonly name: string;
}

const STRING = /"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g;

/** Every string of every test file: titles, and what tables put into titles. */
export function findTestStrings(root: string): readonly NamingTest[] {
  return readPackages(root)
    .flatMap((one) => one.files)
    .filter((file) => file.path.endsWith(".test.ts"))
    .flatMap(({ path, scanned }) =>
      [...scanned.withoutComments.matchAll(STRING)].map(([quoted]) => ({ path, name: quoted.slice(1, -1) })),
    );
}

/** Identifier -> the tests that name it. `pattern` is global; its first group, where it has one, is the identifier. */
export function findTestsById(root: string, pattern: RegExp): ReadonlyMap<string, readonly NamingTest[]> {
  const tests = new Map<string, NamingTest[]>();
  for (const naming of findTestStrings(root)) {
    for (const [whole, group] of naming.name.matchAll(pattern)) {
      const id = group ?? whole;
      tests.set(id, [...(tests.get(id) ?? []), naming]);
    }
  }
  return tests;
}
