// Servers and libraries for servers of all kinds.
import { type AdvisoryGroup, NO_FACTORS } from "./advisory.ts";

export const others: readonly AdvisoryGroup[] = [
  {
    title: "Cloud Foundry UAA, Spring, Doorkeeper, Devise, OmniAuth, GitLab, Grafana",
    advisories: [
      ["CVE-2016-6659", "secrets stood in logs", ["no secret of a flow appears in the log of any process (LOG-1)"]],
      [
        "CVE-2018-11047",
        "a refresh token was taken for an access token",
        ["code, refresh token and ID token are no access tokens"],
      ],
      [
        "CVE-2018-15754, CVE-2023-3128",
        "people of two providers were told apart by a name or an address",
        [
          "the same person keeps the same sub, another connector of the same upstream is another person",
          "a person would be known by email (ACC-14)",
        ],
      ],
      [
        "CVE-2018-1262",
        "tokens of another issuer were good",
        [
          "does not believe an issuer that is written otherwise",
          "of another issuer is refused, in another spelling too (MIX-1, OAU-2)",
        ],
      ],
      [
        "CVE-2017-8031, CVE-2026-22723",
        "people revoked tokens of others",
        ["another client's token is refused by name, and goes on (REV-2"],
      ],
      [
        "CVE-2019-3778, CVE-2019-11269",
        "redirect URIs were resolved too freely",
        ["%j is not the registered redirect_uri (RED-1"],
      ],
      [
        "CVE-2018-1000088",
        "scripts on the consent page",
        ["%j is not linked (BRO-12)", "hostile text as $field changes no tag and no attribute"],
      ],
      [
        "CVE-2018-1000211",
        "a public client's revocation did nothing",
        ["a public client gives back what is its own, saying who it is (REV-1)"],
      ],
      ["CVE-2020-10187", "a listing showed secrets", ["a rendered client shows neither secret nor hash"]],
      ["CVE-2023-34246", "a public client was answered without consent", ["consent was never asked for"]],
      [
        "CVE-2026-44476",
        "whoever registered became a public client",
        ["what is left out has the defaults of RFC 7591 §2"],
      ],
      [
        "CVE-2013-0233",
        "typed JSON met rows that were not meant",
        ["a repeated parameter (TOK-7)", "$code when $when (RFC 7591 §3.2.2, DCR-1"],
      ],
      [
        "CVE-2019-16109",
        "an empty token met an account without one",
        ["links that cannot be used look all the same (ACC-8, ACC-11"],
      ],
      [
        "CVE-2019-5421",
        "the count of failures lost a race",
        ["guesses are counted, also when they come at once (ACC-5)"],
      ],
      [
        "CVE-2026-32700",
        "a change of address lost a race",
        ["of two who want one address at once, one gets it (ACC-15)"],
      ],
      ["CVE-2026-40295", "the Referer said where to go", ["a form does not post to %j (BRO-13)"]],
      [
        "CVE-2015-9284",
        "a GET began to link an identity",
        [
          "is not connected, and stays theirs",
          "the form at $path is refused from elsewhere, without its token and without its session",
        ],
      ],
      ["CVE-2023-7028", "a reset was mailed to two addresses", ["$what is refused (ACC-10)"]],
    ],
  },
  {
    title: "authentik, Zitadel, Authelia, Casdoor, oauth2-proxy, OpenBao, step-ca",
    advisories: [
      [
        "CVE-2023-26481",
        "an account was recovered without proof",
        ["sets the password, once, and signs nobody in (ACC-8"],
      ],
      [
        "CVE-2023-39522",
        "recovery told who has an account",
        ["an unknown address gets the same answer by the same work, and no mail is sent"],
      ],
      [
        "CVE-2023-48228, CVE-2024-23647",
        "PKCE was passed by or taken away",
        [
          "a verifier that is $when is refused ($by, RFC 7636",
          "a verifier for a code without a challenge is refused, not ignored",
        ],
      ],
      [
        "CVE-2024-21637, CVE-2026-42849",
        "scripts in what a page posts by itself",
        ["a field called and holding %s is text (BRO-11)", "posts nothing to %s (BRO-12)"],
      ],
      [
        "CVE-2024-47070",
        "a header that made no sense skipped the password",
        ["is not believed by default: throttling goes by the peer"],
      ],
      [
        "CVE-2024-52287",
        "scopes of two grants were not looked at",
        [
          "client_credentials grants scopes of the client's list alone",
          "spoils a device code or gets more with it than was shown",
        ],
      ],
      ["CVE-2024-52289", "redirect URIs were patterns", ["a wildcard (RED-8)"]],
      [
        "CVE-2025-53942, CVE-2025-64521",
        "people and clients that were switched off signed in",
        ["a disabled user cannot refresh; nothing is consumed (TOK-16", "a user who is disabled"],
      ],
      [
        "CVE-2025-64708",
        "an invitation was good until it was cleared away",
        ["links that cannot be used look all the same (ACC-8, ACC-11"],
      ],
      [
        "CVE-2026-25922, CVE-2026-47201",
        "an assertion that nobody signed was read",
        ["XSW3: a forged assertion before the signed one", "two assertions of which the first is signed, read or not"],
      ],
      ["CVE-2026-40165, CVE-2026-57580", "a comment cut a NameID short", ["a comment in the NameID"]],
      [
        "CVE-2026-41577, GHSA-cqj8-fxxf-9pg7",
        "conditions, audience and replay were not looked at",
        [
          "$what, though it is signed (SAM-6)",
          "of a browser that puts its cookies back, by whichever worker sees it again (SAM-7",
        ],
      ],
      ["CVE-2026-40166", "people read secrets of clients", ["a rendered client shows neither secret nor hash"]],
      [
        "CVE-2026-41569",
        "an address was compared by its beginning",
        ["one character more, less or changed anywhere does not match (RED-1)"],
      ],
      [
        "CVE-2026-49443, CVE-2026-54730",
        "an empty POST passed a step",
        ["the consent step cannot be taken before the sign-in (BRO-6)"],
      ],
      [
        "CVE-2026-55106, GHSA-4r87-w2cx-fr3f, GHSA-jpx7-5hcf-w9xp",
        "routes for debugging and lists asked for no permission",
        [
          "a route that declares no permission keeps the process from starting (ADM-2)",
          "every route but its description refuses a caller without a token and a client that is no admin",
        ],
      ],
      [
        "GHSA-5wcc-hf24-rf5h",
        "a header of the client named an inner path",
        ["is not believed by default: throttling goes by the peer"],
      ],
      ["GHSA-qgqp-xh8r-v73r", "a code was mailed to an address of the request", NO_FACTORS],
      [
        "CVE-2024-28197",
        "a session of before went on after the second factor",
        ["a new sign-in makes a new session and ends the one before (BRO-1)"],
      ],
      [
        "CVE-2024-29891, CVE-2026-29191, CVE-2026-29192, CVE-2025-67495",
        "scripts in uploads and on pages",
        [
          "no page carries a script, an inline style or an event handler (BRO-10)",
          "hostile text as $field changes no tag and no attribute",
        ],
      ],
      ["CVE-2024-32868, CVE-2025-64102, CVE-2025-64103", "second factors were guessed or skipped", NO_FACTORS],
      [
        "CVE-2024-41952, CVE-2026-23511",
        "the sign-in told who has an account",
        ["and takes the same time, over 50 tries (ACC-1)"],
      ],
      ["CVE-2025-46815", "what an upstream had answered was good twice", ["twice is refused the second time (MIX-2)"]],
      [
        "GHSA-93m4-mfpg-c3xf, CVE-2025-64101",
        "a header said where a mailed link leads",
        ["hosts that a request names lead nowhere (ACC-9)"],
      ],
      [
        "CVE-2025-64717",
        "a connector that was switched off was trusted",
        ["and not at all when its connector is gone meanwhile (SAM-8)"],
      ],
      [
        "CVE-2025-67494, CVE-2026-27945, CVE-2026-55671",
        "the own network was asked, past a list of what is denied",
        ["%s is not public (SSR-1)", "%s is no public address: nobody is called (SSR-1)"],
      ],
      [
        "CVE-2026-27840",
        "tokens that were cut short were good",
        [
          "an access token cut, extended or altered in any place is refused without a round trip (JWT-11)",
          "a refresh token altered in any place is refused without a round trip",
        ],
      ],
      [
        "CVE-2026-27946, CVE-2026-54693",
        "people vouched for addresses of their own",
        ["nobody vouches for an address of their own, not even an admin (ACC-11)"],
      ],
      [
        "CVE-2026-29193",
        "a new page forgot the rules of registration",
        ["where nobody can register, %j signs in (v1 A18)"],
      ],
      [
        "CVE-2026-44671",
        "a name became part of an LDAP filter",
        ["%j in a filter is %j (RFC 4515 §3), in a DN %j (RFC 4514 §2.4)"],
      ],
      [
        "CVE-2026-55669, GHSA-wxg7-w2v3-w38g",
        "audience and expiry of an upstream's JWT were not looked at",
        ["is refused when its ID token $when (MIX-3, C 163)"],
      ],
      [
        "CVE-2026-55670",
        "an id that was free again showed somebody else's data",
        ["deleting takes everything of the user along, and the id is never given away again"],
      ],
      [
        "CVE-2026-55672",
        "codes and refresh tokens were not bound to a client",
        ["another client cannot spend or spoil a code", "another client, or none, is refused and consumes nothing"],
      ],
      [
        "CVE-2025-24806, CVE-2026-47203",
        "a name in another spelling had a count of its own",
        ["waits after five wrong passwords, under every spelling and for nobodies too"],
      ],
      [
        "CVE-2026-9090 to CVE-2026-9098",
        "conditions of SAML were not looked at, and JWTs of others were exchanged",
        [
          "$what, though it is signed (SAM-6)",
          "and not for a sign-in of another browser, whatever it says it answers (SAM-6",
        ],
      ],
      [
        "CVE-2026-40574",
        "an address with two @ was of another domain",
        ["$what is refused (ACC-10)", "$domains with hd $hd: $taken, whatever the address says"],
      ],
      [
        "CVE-2026-40575, CVE-2025-64484",
        "headers that only the proxy may set came from outside",
        ["headers that the browser brings itself are not believed (C 190, NET-2)"],
      ],
      [
        "CVE-2025-54998",
        "another spelling passed by the lock",
        ["waits after five wrong passwords, under every spelling and for nobodies too"],
      ],
      ["CVE-2025-54999", "the time told who has an account", ["and takes the same time, over 50 tries (ACC-1)"]],
      ["CVE-2025-55003", "a second factor was good twice", NO_FACTORS],
      [
        "CVE-2026-55770",
        "names in a DN were escaped as in a filter",
        ["may be called $name: escaped once, in filters and in DNs"],
      ],
      [
        "CVE-2026-33758",
        "an upstream's error was markup on the page",
        ["a denial is told in our words, and no token is asked for"],
      ],
      [
        "CVE-2025-44005, CVE-2026-30836",
        "other kinds of messages were not authorized",
        [
          "every route but its description refuses a caller without a token and a client that is no admin",
          "%s is refused, also by header (NET-5",
        ],
      ],
    ],
  },
];
