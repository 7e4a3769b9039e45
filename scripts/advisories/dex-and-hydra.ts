// dex, node-oidc-provider, and the family of Ory Hydra.
import type { AdvisoryGroup } from "./advisory.ts";

export const dexAndHydra: readonly AdvisoryGroup[] = [
  {
    title: "dex",
    advisories: [
      [
        "CVE-2020-26290, CVE-2020-27847",
        "SAML signatures bypassed by differences between two readings of one XML",
        [
          "a changed answer with a signed %s says what was signed, or nothing",
          "an assertion of another namespace beside the signed one",
        ],
      ],
      [
        "CVE-2022-39222",
        "whoever knew the address of a flow got its code",
        [
          "a flow's address in a second browser is an error page",
          "a finished flow gives no second code, with or without its old cookies",
        ],
      ],
      [
        "CVE-2024-23656",
        "settings of TLS were lost when a certificate was loaded again",
        ["TLS served by us (NET-3)", "%s is refused (NET-3)"],
      ],
      [
        "GHSA-7qjx-gp9h-65qj",
        "one grant forgot which connectors a client allows",
        [
          "redeems no code and refreshes nothing any more (TOK-16)",
          "has no session that counts: the person signs in again (SAM-8)",
          "is offered the connectors that the client allows, and that are for devices",
        ],
      ],
      [
        "dex 2025-06",
        "the identity of a SAML sign-in was read from unsigned parts",
        ["what is beside a signed assertion is not read, though it is let stand"],
      ],
      [
        "dex 2026-07: comparing",
        "secrets were compared in a time that tells how much is right",
        ["%j and %j compare as %s (TOK-8)"],
      ],
      [
        "dex 2026-07: sessions",
        "a cookie of before could go on with a newer session, and an expired one counted",
        ["a new sign-in makes a new session and ends the one before (BRO-1)", "the session has just expired"],
      ],
      [
        "dex 2026-07: redirects",
        "an address to go back to was taken from the query",
        ["a form does not post to %j (BRO-13)", "without a registered redirect URI it ends at a page (BRO-13)"],
      ],
      ["dex 2026-07: empty bodies", "the admin API fell over without a body", ["the body is empty (v1 G01)"]],
      [
        "dex 2024-04",
        "passwords were escaped as if they were names",
        [
          "what is typed is escaped for where it goes, in one pass (LDA-1)",
          "may be called $name: escaped once, in filters and in DNs",
        ],
      ],
      [
        "dex v1: token kinds",
        "access token and ID token were one JWT",
        ["code, refresh token and ID token are no access tokens"],
      ],
      [
        "dex v1: login CSRF",
        "the state of an upstream was bound to no browser",
        ["in another browser it is refused, and the first can still finish (MIX-2, BRO-4)"],
      ],
      [
        "dex v1: codes",
        "a code was spent before its client was known, and redirect_uri was not compared",
        ["another client cannot spend or spoil a code", "the redirect_uri %s is not the request's (TOK-3"],
      ],
      [
        "dex v1: reset links",
        "a link was a JWT around the old hash",
        ["sets the password, once, and signs nobody in (ACC-8"],
      ],
      [
        "dex v1: audiences",
        "a refused audience was granted all the same",
        ["tells $who that it cannot ask for $scope (TOK-19"],
      ],
      [
        "dex v1: keys",
        "a new key signed at once while key sets were cached for a day",
        ["in a year of rotations every verifier that caches for max-age knows the key of every token"],
      ],
    ],
  },
  {
    title: "node-oidc-provider",
    advisories: [
      [
        "sharp edges: headers",
        "pages without policy or protection from frames",
        ["every page is locked down and never stored (BRO-10"],
      ],
      [
        "sharp edges: addresses",
        "addresses were made of the Host header",
        ["discovery is the same to the byte whatever %j says (NET-1)"],
      ],
      ["sharp edges: redirect_uri", "left out, the one registered was taken", ["redirect_uri is missing"]],
      ["sharp edges: padding", "a secret followed by NUL was right", ["the secret is followed by NUL"]],
      ["sharp edges: registration", "odd redirect URIs were registered", ["%j cannot be registered (RED-3, RED-8)"]],
      [
        "sharp edges: user codes",
        "a malformed user code was a server error",
        ["who types %j sees the form again, and it is no guess"],
      ],
      ["2026: metadata", "sparse arrays and other shapes of metadata", ["$code when $when (RFC 7591 §3.2.2, DCR-1"]],
      [
        "2026: proofs",
        "replay of DPoP proofs was looked for in some places only",
        ["takes one of many uses of a proof, wherever they arrive"],
      ],
    ],
  },
  {
    title: "Ory Hydra, Fosite, Kratos, Keto, Oathkeeper",
    advisories: [
      [
        "Hydra 2018: consent",
        "an attacker's browser collected what a victim agreed to",
        ["a flow's address in a second browser is an error page"],
      ],
      [
        "Hydra 2018: storage",
        "request bodies with secrets were stored",
        ["a dump of every table holds no code, refresh token, session id or client secret"],
      ],
      [
        "CVE-2019-8400",
        "an error's hint came back as HTML",
        ["a v1 error bounce with words of others (BRO-11)", "hostile text as $field changes no tag and no attribute"],
      ],
      [
        "CVE-2020-5300, CVE-2020-15222",
        "the jti of client assertions was not remembered",
        ["of parallel uses on two workers one succeeds, and a wrong signature spends no jti"],
      ],
      [
        "CVE-2020-15223",
        "a revocation that was not stored was reported as done",
        ["nothing is reported as revoked that is not (REV-3)"],
      ],
      [
        "CVE-2020-15233",
        "loopback addresses were compared by host alone",
        ["with loopback registered, $value matches: $matches (RED-2"],
      ],
      ["CVE-2020-15234", "redirect URIs were compared without case", ["%j is not the registered redirect_uri (RED-1"]],
      [
        "CVE-2026-33503, CVE-2026-33504, CVE-2026-33505",
        "forged page tokens became SQL",
        [
          "a page goes on in the list that its token belongs to, and gives nothing away",
          "a list is refused for $query (ADM-4)",
        ],
      ],
      [
        "CVE-2026-33494",
        "other spellings of a path passed by its guard",
        ["%s is not there, or is refused, without a 5xx (NET-8"],
      ],
      [
        "CVE-2026-33495",
        "a header of the client was trusted",
        ["is not believed by default: throttling goes by the peer"],
      ],
      [
        "CVE-2026-33496",
        "keys of a cache were mixed up",
        [
          "keys behind an address are kept for ten minutes, however many ask",
          "a document is fetched without its fragment, kept for a minute, and fetched again for another fragment",
        ],
      ],
      [
        "CVE-2024-45042",
        "a sign-in counted as stronger than it was",
        ["an essential acr is more than the session has"],
      ],
    ],
  },
];
