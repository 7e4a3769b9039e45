// What nobody thought of: good answers, each changed in some places. Either the words of the identity provider come out, or
// none do.
import { afterAll, expect, test } from "vitest";
import { begin, openSaml, signer } from "./saml-login.ts";

afterAll(() => signer.close());

const ROUNDS = 1500;
/** Pieces that parsers trip over, and that forgeries are made of. */
const PIECES = [
  ...["<", ">", "/>", "&", "&amp;", "&lt;", "&#x0;", "&#10;", '"', "'", "\r\n", "\u0000", "\u0085", "\u2028", "\ufeff"],
  ...["<!---->", "<?x?>", "<![CDATA[x]]>", "<!DOCTYPE x>", "<x/>", "<x:y xmlns:x='urn:x'/>", 'xmlns="urn:x"'],
  ...[
    'ID="_assertion"',
    'ID="_response"',
    "</saml:Assertion>",
    "<saml:Assertion>",
    "</saml:NameID>",
    "<saml:NameID>root",
  ],
  ...["root", "</samlp:Response>", "<ds:Object>", "urn:oasis:names:tc:SAML:2.0:assertion", "a".repeat(1000)],
];

/** The same numbers in every run: what fails once fails again. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function mutate(xml: string, pick: (below: number) => number): string {
  let text = xml;
  for (let change = 0; change <= pick(3); change++) {
    const at = pick(text.length);
    const length = pick(4) === 0 ? pick(400) : pick(8);
    const piece =
      pick(3) === 0 ? text.slice(pick(text.length)).slice(0, pick(600)) : (PIECES[pick(PIECES.length)] ?? "");
    text = text.slice(0, at) + (pick(5) === 0 ? "" : piece) + text.slice(at + length);
  }
  return text;
}

test.each(["assertion", "response"] as const)(
  "a changed answer with a signed %s says what was signed, or nothing (SAM-1, SAM-3)",
  async (signed) => {
    const trip = await begin(openSaml());
    const good = trip.answer({ signed: [signed] });
    const pick = seeded(signed.length);
    let identities = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const outcome = await trip.finish(mutate(good, pick), { asked: { groups: true } });
      if (outcome.kind !== "identity") {
        expect(outcome.kind).toBe("refused");
        continue;
      }
      identities += 1;
      expect(outcome.identity).toMatchObject({
        remoteId: "person-1",
        displayName: "Grace Hopper",
        email: "grace@example.com",
        groups: ["Admins", "Everyone"],
      });
    }
    // There are places that nobody reads, and hardly any of them.
    expect(identities).toBeGreaterThan(0);
    expect(identities).toBeLessThan(ROUNDS / 4);
  },
  120_000,
);
