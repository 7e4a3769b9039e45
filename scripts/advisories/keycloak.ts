// Keycloak.
import { type AdvisoryGroup, NO_FACTORS } from "./advisory.ts";

export const keycloak: readonly AdvisoryGroup[] = [
  {
    title: "Keycloak",
    advisories: [
      [
        "CVE-2019-3868",
        "a bearer token was good as a session cookie",
        ["is no token, and no token is one (AUT-15)", "a browser's garbage cookies change nothing"],
      ],
      [
        "CVE-2020-10770",
        "request_uri was fetched from anywhere",
        ["$error where the client $when, and nothing is fetched (AUT-11)"],
      ],
      [
        "CVE-2017-12159",
        "one CSRF cookie served many sessions",
        [
          "a consent form made before another person signed in is dead (BRO-2)",
          "the answer counts only from our own page, for this session and this request",
        ],
      ],
      [
        "CVE-2020-10734",
        "signing out had no protection from other sites",
        ["the answer counts only from our own page, for this session and this request"],
      ],
      [
        "CVE-2020-27838",
        "secrets of clients were given to who only asked",
        ["whatever is wrong gets the same 401, whether or not there is such a client (DCR-2)"],
      ],
      ["CVE-2020-1728", "pages could be framed", ["every page is locked down and never stored (BRO-10"]],
      [
        "CVE-2021-20323",
        "JSON came back as HTML",
        ["is refused with $status $error and never cached (TOK-12", "text is escaped in text and in attribute values"],
      ],
      [
        "CVE-2022-3782, CVE-2022-4361",
        "double encodings and scripts in redirect URIs",
        ["%j is not the registered redirect_uri (RED-1", "%j cannot be registered (RED-3, RED-8)"],
      ],
      [
        "CVE-2023-6134, CVE-2023-6927, CVE-2023-6291, CVE-2024-1132, CVE-2024-8883",
        "redirect URIs passed by wildcard, user info, port or dots",
        [
          "one character more, less or changed anywhere does not match (RED-1)",
          "%j is not the registered redirect_uri (RED-1",
        ],
      ],
      ["CVE-2023-6717", "a script as the address of a SAML consumer", ["posts nothing to %s (BRO-12)"]],
      [
        "CVE-2024-1249",
        "the session frame answered every origin",
        ["another origin learns nothing with the session_state of the application"],
      ],
      [
        "CVE-2024-8698",
        "which part a signature covers was judged by its place",
        ["XSW5: the forged assertion has the signature", "a signature that stands beside the assertion"],
      ],
      [
        "CVE-2024-4629",
        "parallel guesses were not counted",
        ["guesses are counted, also when they come at once (ACC-5)"],
      ],
      [
        "CVE-2025-12390",
        "the id of a session was used again after signing out",
        [
          "signing out ends the session, not only its cookie (BRO-9)",
          "is that of the session for every client, however often they ask, and no other browser's",
        ],
      ],
      [
        "CVE-2025-7365",
        "the address could be exchanged before an identity was linked",
        ["is not linked by a session from before, by a foreign form or without an answer"],
      ],
      [
        "CVE-2026-1035",
        "a refresh token was used twice by two at once",
        ["of 20 parallel rotations with one token exactly one gets the grant (REF-4)"],
      ],
      [
        "CVE-2026-1180",
        "jwks_uri led into the own network",
        ["without the setting no private address is ever asked for keys"],
      ],
      [
        "CVE-2026-2092",
        "an encrypted assertion was taken beside a signed one",
        ["a forged one %s a signed one is refused (SAM-2)"],
      ],
      [
        "CVE-2026-16443",
        "importing metadata switched the signature check off",
        ["what is signed but no assertion, such as metadata, is no answer (SAM-2)", "keys and algorithms (SAM-5)"],
      ],
      [
        "CVE-2026-2603, CVE-2026-3047, CVE-2026-16442",
        "a connector that was switched off signed people in",
        [
          "and not at all when its connector is gone meanwhile (SAM-8)",
          "signs nobody in whose answer comes after the change (SAM-8)",
        ],
      ],
      ["CVE-2026-3872, CVE-2026-7504", "wildcards in the paths of redirect URIs", ["a wildcard (RED-8)"]],
      [
        "CVE-2026-4282",
        "codes could be forged, since everything used once was in one store",
        ["no other token is a code, and no altered code is one", "takes one kind of code for another (AUT-15)"],
      ],
      [
        "CVE-2026-4874",
        "a client chose the host of its logout calls",
        [
          "a name is asked for once, and what was checked is what is called: a second answer changes nothing (SSR-1)",
          "%s is no public address: nobody is called (SSR-1)",
        ],
      ],
      [
        "CVE-2026-7507",
        "a flow was begun anew by who did not own it",
        ["a flow's address in a second browser is an error page"],
      ],
      ["CVE-2026-8830", "the rules for security keys were held by a script alone", NO_FACTORS],
      [
        "CVE-2026-8922",
        "introspection looked at one of two limits",
        ["what ends access ends it here at once, on every worker (P5)"],
      ],
      [
        "CVE-2026-9087",
        "a proof of an address was not bound to the identity it was for",
        [
          "is not linked by a session from before, by a foreign form or without an answer",
          "the answer counts for the person who was asked",
        ],
      ],
      [
        "CVE-2026-9689",
        "members of the answer were added to those of the same name in the redirect URI",
        ["a redirect URI that already holds the %s of an answer cannot be registered (AUT-2, RED-8)"],
      ],
      [
        "CVE-2026-9792",
        "the password grant was kept out by a rule that did not always hold",
        ["the password grant (TOK-14)"],
      ],
      ["CVE-2026-9793", "unsigned JSON inside of an encryption was a request object", ["it is encrypted"]],
      [
        "CVE-2026-9798",
        "guesses by another entry were not counted",
        [
          "waits after five wrong passwords, under every spelling and for nobodies too",
          "guesses of the present password are throttled as at sign-in",
        ],
      ],
      [
        "CVE-2026-9802",
        "a restart forgot which refresh tokens were used",
        ["a replaced refresh token is noticed after every worker was restarted (REF-2, REF-5, REF-6)"],
      ],
      [
        "CVE-2026-18963",
        "a reset went on without the link of its mail",
        ["a form from another site, or of another link, changes nothing (BRO-2)"],
      ],
      [
        "CVE-2026-96446",
        "a pushed request served twice, with prompt=none",
        ["of five at once who finish one pushed request one gets a code (PAR-1, CVE-2026-96446)"],
      ],
      [
        "CVE-2026-107623",
        "an update of a client dropped what protects it",
        ["%s is not lost by leaving it out; null turns it off (DCR-2)"],
      ],
      [
        "CVE-2026-120984",
        "what an import took had not been checked",
        ["a client or connector is taken by the rules of one that is created here"],
      ],
    ],
  },
];
