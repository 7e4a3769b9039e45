// What OAuth 2.0 itself demands.
import type { Document } from "./must.ts";

export const oauth: readonly Document[] = [
  {
    name: "RFC 6749",
    title: "The OAuth 2.0 Authorization Framework",
    musts: [
      {
        section: "1.6",
        must: "serve nothing over plain HTTP outside of loopback unless an operator insists",
        heldBy: ["NET-4"],
      },
      {
        section: "2.2",
        must: "make client ids unique, and treat them as no secret",
        heldBy: [
          "the id of a client at $redirectURIs.0 ends in $ends, as v1 wrote it",
          "guessed client ids make one counter for all of them",
        ],
      },
      {
        section: "2.3",
        must: "treat a client that authenticates with nothing as public, and give it no more for it",
        heldBy: [
          "a public client sends a secret",
          "a public client gets nothing from client_credentials, even if its row allows it",
        ],
      },
      {
        section: "2.3",
        must: "refuse a request that uses two methods of authentication",
        heldBy: ["invalid_request for $when (TOK-6, RFC 6749 §2.3)"],
      },
      {
        section: "2.3.1",
        must: "take the password of a client by HTTP Basic",
        heldBy: ["$when authenticates and counts nothing (TOK-9, RFC 6749 §2.3.1)"],
      },
      {
        section: "2.3.1",
        must: "decode id and secret of the Basic header as form encoding",
        heldBy: ["form-encoded id and secret", "TOK-9"],
      },
      { section: "2.3.1", must: "take no secret from an address", heldBy: ["parameters in the URL (TOK-7)"] },
      { section: "2.3.1", must: "slow down who guesses secrets", heldBy: ["TOK-18"] },
      { section: "3.1", must: "take authorization requests by GET", heldBy: ["a plain code request leads to login"] },
      { section: "3.1", must: "take them as a posted form too", heldBy: ["the request may be posted as a form"] },
      { section: "3.1", must: "ignore parameters that it does not know", heldBy: ["one that nobody knows"] },
      {
        section: "3.1",
        must: "refuse a parameter that comes twice",
        heldBy: ["a client_id twice (RED-5)", "RED-6, RFC 6749 §3.1"],
      },
      {
        section: "3.1",
        must: "treat a parameter without a value as left out",
        heldBy: ["nonce is empty", "redirect_uri is empty"],
      },
      {
        section: "3.1.1",
        must: "answer a missing response_type with an error",
        heldBy: ["oidcc-response-type-missing"],
      },
      {
        section: "3.1.1",
        must: "read the words of response_type in any order",
        heldBy: ["words come in any order (RFC 6749 §3.1.1)"],
      },
      {
        section: "3.1.1",
        must: "refuse a response_type that it does not serve, or the client may not use",
        heldBy: [
          "%s does not exist where the deployment does not serve it",
          "the client is not registered for the type",
        ],
      },
      {
        section: "3.1.2",
        must: "register redirect URIs that are absolute and have no fragment alone",
        heldBy: ["%j cannot be registered (RED-3, RED-8)", "oidcc-redirect-uri-regfrag"],
      },
      {
        section: "3.1.2",
        must: "keep the query that a redirect URI has",
        heldBy: ["the code goes to $uri as registered, with its query"],
      },
      {
        section: "3.1.2.2",
        must: "demand registered redirect URIs of public clients",
        heldBy: [
          "a public client that registered redirect URIs is held to them (RED-1, v1 C08)",
          "with nothing registered by a public client",
        ],
        different:
          "a public client without one, which only an administrator can make, has loopback at any port and the page that shows a code, as dex v1 had",
      },
      {
        section: "3.1.2.3",
        must: "compare redirect_uri with the registered ones as strings",
        heldBy: [
          "%j is not the registered redirect_uri (RED-1",
          "one character more, less or changed anywhere does not match (RED-1)",
        ],
      },
      {
        section: "3.1.2.3",
        must: "demand redirect_uri where more than one is registered",
        heldBy: ["of two redirect URIs none is the default", "redirect_uri is missing"],
      },
      {
        section: "3.1.2.4",
        must: "send nobody to an address that is wrong",
        heldBy: [
          "nothing is sent anywhere when $when",
          "an authorization request that cannot be trusted is answered by a page, never by a redirect",
        ],
      },
      {
        section: "3.1.2.5",
        must: "run no script of others on a page",
        heldBy: [
          "no page carries a script, an inline style or an event handler (BRO-10)",
          "a page allows nothing but our own style and its own form (BRO-10)",
        ],
      },
      {
        section: "3.2",
        must: "take token requests by POST only",
        heldBy: ["GET (TOK-7)", "parameters in the URL (TOK-7)"],
      },
      {
        section: "3.2",
        must: "treat a token parameter without a value as left out",
        heldBy: ["grant_type is empty", "the scope %j asks for all of it"],
      },
      { section: "3.2", must: "refuse a token parameter that comes twice", heldBy: ["a repeated parameter (TOK-7)"] },
      {
        section: "3.2.1",
        must: "authenticate a confidential client at the token endpoint",
        heldBy: ["a confidential client sends no secret", "a wrong secret (TOK-5)"],
      },
      {
        section: "3.3",
        must: "say which scope was granted where it is not the one asked for",
        heldBy: [
          "scope $asked of $clientId becomes $granted",
          "a code becomes tokens with one round trip and one signature",
        ],
      },
      {
        section: "3.3",
        must: "refuse a scope that can be granted to nobody, or leave out what is unknown",
        heldBy: ["AUT-8", "less scope is honoured and all of it kept for later; more is refused"],
        different: "an unknown scope is left out, not refused, as OpenID Connect Core 3.1.2.1 wants it",
      },
      { section: "4.1.1", must: "demand a client_id at the authorization endpoint", heldBy: ["client_id is missing"] },
      { section: "4.1.2", must: "make codes short-lived: a minute", heldBy: ["a code is dead after 60 seconds"] },
      {
        section: "4.1.2",
        must: "refuse a code that is used a second time",
        heldBy: ["a spent code is refused and what it produced dies (TOK-1", "oidcc-codereuse"],
      },
      {
        section: "4.1.2",
        must: "take back the tokens of a code that comes a second time",
        heldBy: ["after 30 seconds, when what was issued for it ends too"],
      },
      {
        section: "4.1.2",
        must: "bind a code to its client and redirect_uri",
        heldBy: ["another client cannot spend or spoil a code", "the redirect_uri %s is not the request's (TOK-3"],
      },
      {
        section: "4.1.2",
        must: "give state back exactly",
        heldBy: ["the state %j survives (AUT-1)", "a state of 2 KiB comes back byte for byte"],
      },
      {
        section: "4.1.2.1",
        must: "show an error of client_id or redirect_uri to the person and redirect nowhere",
        heldBy: ["RED-10"],
      },
      {
        section: "4.1.2.1",
        must: "tell the client every other error in its redirect URI, with state",
        heldBy: ["the client is told $code when $when", "an error carries state and issuer, and no code"],
      },
      {
        section: "4.1.2.1",
        must: "keep error and error_description within the characters allowed",
        heldBy: ["what goes out holds the characters of the RFCs alone"],
      },
      {
        section: "4.1.3",
        must: "see that the redirect_uri of the token request is that of the authorization request",
        heldBy: ["the redirect_uri %s is not the request's (TOK-3"],
      },
      { section: "4.1.3", must: "see that the code was issued to the client that authenticated", heldBy: ["TOK-4"] },
      {
        section: "4.2.2",
        must: "send tokens of the implicit grant in the fragment, never in the query",
        heldBy: ["in the fragment the registered query stays where it was", "a code in the query of a hybrid"],
      },
      {
        section: "4.2.2",
        must: "give no refresh token by the authorization endpoint",
        heldBy: [
          "brings no offline access, since no refresh token can follow",
          "offline access needs a code that a refresh token could follow",
        ],
      },
      {
        section: "4.3",
        must: "demand the person's password of no client",
        heldBy: ["the password grant (TOK-14)"],
        different: "it is there where an administrator lets both client and connector have it (RFC 9700 section 2.4)",
      },
      {
        section: "4.4",
        must: "let confidential clients alone have tokens of their own",
        heldBy: ["a public client gets nothing from client_credentials, even if its row allows it"],
      },
      {
        section: "4.4.3",
        must: "give no refresh token with them",
        heldBy: ["client_credentials gives a JWT for the client itself and nothing else"],
      },
      {
        section: "4.5",
        must: "refuse a grant_type that it does not know with unsupported_grant_type",
        heldBy: ["an unknown grant"],
      },
      {
        section: "5.1",
        must: "answer with access_token, token_type and expires_in in JSON",
        heldBy: ["a code becomes tokens with one round trip and one signature", "checkTokenAnswer"],
      },
      {
        section: "5.1",
        must: "forbid caches to keep a token answer",
        heldBy: ["is refused with $status $error and never cached (TOK-12", "an answer to be stored"],
      },
      {
        section: "5.2",
        must: "answer 400 with an error of the list",
        heldBy: ["what is wrong with a token request is said in the words of RFC 6749 §5.2"],
      },
      {
        section: "5.2",
        must: "answer a failed authentication by the header with 401 and a challenge",
        heldBy: ["401 for the header %j", "401 invalid_client when $when"],
      },
      {
        section: "5.2",
        must: "tell the refusals of unknown clients and wrong secrets alike",
        heldBy: ["unknown client, wrong secret and public client read the same"],
      },
      {
        section: "6",
        must: "authenticate the client that refreshes, and hold its token to it",
        heldBy: ["another client, or none, is refused and consumes nothing (REF-7"],
      },
      {
        section: "6",
        must: "never widen the scope at a refresh",
        heldBy: ["less scope is honoured and all of it kept for later; more is refused"],
      },
      {
        section: "6",
        must: "give a new refresh token the scope of the old one",
        heldBy: ["a rotation with narrower scope leaves the family its whole scope"],
      },
      { section: "7.1", must: "say token_type with every access token", heldBy: ["another token_type"] },
      {
        section: "10.2",
        must: "ask the person again where the client cannot prove who it is",
        heldBy: [
          "is asked about again for what was not allowed",
          "people are always asked, and told that nobody has verified it",
        ],
      },
      {
        section: "10.3",
        must: "make access tokens that nobody can guess or make",
        heldBy: [
          "a text that is not shaped like a code is not even looked up",
          "an access token cut, extended or altered in any place is refused",
        ],
      },
      { section: "10.4", must: "see a refresh token that is used twice by two parties", heldBy: ["REF-2"] },
      {
        section: "10.4",
        must: "make refresh tokens that nobody can guess, change or make",
        heldBy: ["a refresh token carries family, generation and the hash of its secret", "REF-8"],
      },
      { section: "10.5", must: "send no code in clear, and hold it to one use", heldBy: ["TOK-2", "NET-4"] },
      {
        section: "10.10",
        must: "leave a guess of a token less than one chance in 2^128",
        heldBy: ["a code is 256 random bits", "a secret we make has 256 bits"],
      },
      {
        section: "10.12",
        must: "let no other site press the buttons of the authorization endpoint",
        heldBy: ["the right password $what is refused with 403 and signs nobody in (BRO-2, BRO-3)", "BRO-3"],
      },
      { section: "10.13", must: "forbid framing", heldBy: ["every page is locked down and never stored (BRO-10"] },
      {
        section: "10.14",
        must: "trust no value that comes in",
        heldBy: ["hostile text as $field changes no tag and no attribute", "a bad escape (AUT-10)"],
      },
      { section: "10.15", must: "be no open redirector", heldBy: ["RED-10", "BRO-13"] },
      {
        section: "A",
        must: "issue tokens and codes of printable ASCII",
        heldBy: ["tokens hold printable ASCII alone"],
      },
    ],
  },
  {
    name: "RFC 6750",
    title: "Bearer Token Usage",
    musts: [
      {
        section: "2.1",
        must: "take the token from the Authorization header",
        heldBy: ["the token is taken from the header, in any case of the scheme"],
      },
      {
        section: "2.2",
        must: "take it from a form only where that is a single-part form of a POST",
        heldBy: ["UserInfo answers", "POST with the token in a form"],
      },
      {
        section: "2.2",
        must: "never take it from the body of a GET, and refuse it in an address",
        heldBy: ["the token is in the URL", "a token in the query"],
      },
      {
        section: "2",
        must: "refuse a token that is sent in more than one way",
        heldBy: ["the token is in header and form", "the token is in URL and header"],
      },
      {
        section: "3",
        must: "send a challenge with the scheme Bearer with each 401",
        heldBy: ["no token is sent", "is refused with $status and a challenge"],
      },
      {
        section: "3",
        must: "name no error to who sent no token",
        heldBy: ["a challenge for a request without a token names no error"],
      },
      {
        section: "3",
        must: "hold the attributes of the challenge to the allowed characters",
        heldBy: ["what goes out holds the characters of the RFCs alone"],
      },
      {
        section: "3.1",
        must: "answer 400, 401 and 403 as the error demands",
        heldBy: ["$status when $when (JWT-10, RFC 6750 §3.1)", "a client's own token is refused with 403"],
      },
      {
        section: "5.2",
        must: "guard tokens against change",
        heldBy: ["an access token cut, extended or altered in any place is refused without a round trip (JWT-11)"],
      },
      {
        section: "5.2",
        must: "limit a token to its audience",
        heldBy: [
          "a token ($typ) stands for nobody when $when",
          "code, refresh token and ID token are no access tokens",
        ],
      },
      { section: "5.3", must: "keep tokens short-lived", heldBy: ["an access token lives for ten minutes"] },
      {
        section: "5.3",
        must: "put no token into an address",
        heldBy: ["%s is not there, also for a client that is registered for it (TOK-14)", "is to come in the query"],
      },
    ],
  },
];
