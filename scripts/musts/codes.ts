// Codes, answers of the authorization endpoint, and the best current practice.
import type { Document } from "./must.ts";

export const codes: readonly Document[] = [
  {
    name: "RFC 7636",
    title: "Proof Key for Code Exchange",
    musts: [
      {
        section: "4.1",
        must: "take verifiers of 43 to 128 unreserved characters alone",
        heldBy: ["the verifier %s is refused although its hash fits (PKC-6"],
      },
      {
        section: "4.2",
        must: "compare the S256 of the verifier with the challenge",
        heldBy: ["the right verifier fits its challenge", "PKC-4"],
      },
      {
        section: "4.3",
        must: "treat an absent code_challenge_method as plain, and refuse that by name",
        heldBy: ["code_challenge_method is absent"],
        different: "plain is not offered (RFC 9700 section 2.1.1)",
      },
      {
        section: "4.4",
        must: "keep challenge and method with the code, out of reach of the browser",
        heldBy: ["nothing of the request can be read or changed without the key (PKC-8)", "a code is 256 random bits"],
      },
      {
        section: "4.4.1",
        must: "answer invalid_request where a challenge is needed and none is sent",
        heldBy: ["a public client sends no challenge", "a deployment can demand PKCE of every client"],
      },
      {
        section: "4.4.1",
        must: "answer invalid_request for a method that is not supported",
        heldBy: ["PKC-2", "the method plain (PKC-2)"],
      },
      {
        section: "4.6",
        must: "answer invalid_grant to a wrong verifier",
        heldBy: ["a verifier that is $when is refused ($by, RFC 7636 §4.6)"],
      },
      {
        section: "5",
        must: "go on serving clients without PKCE, unless an operator wants it otherwise",
        heldBy: ["a plain code request leads to login"],
      },
    ],
  },
  {
    name: "RFC 8252",
    title: "OAuth 2.0 for Native Apps",
    musts: [
      {
        section: "6",
        must: "demand PKCE of public native applications",
        heldBy: ["a public client needs PKCE and cannot speak for itself"],
      },
      {
        section: "7.1",
        must: "take private-use schemes, and those with a dot alone",
        heldBy: ["$uri can be registered and is kept as it is (RED-3, RED-8)"],
      },
      {
        section: "7.3",
        must: "let a loopback address have any port at the request",
        heldBy: ["with loopback registered, $value matches: $matches (RED-2"],
      },
      {
        section: "8.3",
        must: "tell 127.0.0.1 and [::1] from the name localhost",
        heldBy: ["with loopback registered, $value matches: $matches (RED-2"],
      },
      {
        section: "8.4",
        must: "demand complete redirect URIs of native applications at registration",
        heldBy: ["a wildcard (RED-8)"],
      },
      {
        section: "8.5",
        must: "take a native application for public, whatever it holds",
        heldBy: ["a private-use scheme of a confidential client (RED-3)"],
      },
      {
        section: "8.6",
        must: "ask the person where an application cannot prove who it is",
        heldBy: ["is asked about again for what was not allowed"],
      },
    ],
  },
  {
    name: "RFC 9207",
    title: "Issuer Identification",
    musts: [
      {
        section: "2",
        must: "name the issuer in every authorization answer, error or not",
        heldBy: [
          "without a state none is made up, and the issuer is named all the same",
          "$more -> $error (AUT-2",
          "an error carries state and issuer, and no code",
        ],
      },
      {
        section: "2",
        must: "name it exactly as in the metadata",
        heldBy: ["another iss", "an answer of another issuer, and another state (RFC 9207)"],
      },
      { section: "2.3", must: "say so in the metadata", heldBy: ["every value of every member has a call"] },
    ],
  },
  {
    name: "RFC 9700",
    title: "Best Current Practice for OAuth 2.0 Security",
    musts: [
      {
        section: "2.1",
        must: "compare redirect URIs exactly, but for the port of loopback",
        heldBy: ["%j is not the registered redirect_uri (RED-1"],
      },
      { section: "2.1", must: "be no open redirector", heldBy: ["RED-10", "BRO-13"] },
      {
        section: "2.1.1",
        must: "support PKCE, and hold clients to a challenge that they sent",
        heldBy: ["a verifier that is $when is refused"],
      },
      {
        section: "2.1.1",
        must: "let nobody take PKCE away: no verifier without a challenge",
        heldBy: ["a verifier for a code without a challenge is refused, not ignored"],
      },
      {
        section: "2.1.1",
        must: "say in the metadata that there is PKCE",
        heldBy: ["lists what userinfo is signed with and S256"],
      },
      {
        section: "2.1.1",
        must: "have a deployment demand it",
        heldBy: ["a deployment can demand PKCE of every client"],
      },
      {
        section: "2.1.2",
        must: "keep access tokens out of authorization answers, unless an operator and the client's owner both want them",
        heldBy: [
          "%s is not there, also for a client that is registered for it",
          "%s only when it is registered for it",
        ],
      },
      {
        section: "2.2.1",
        must: "offer tokens that are bound to a key",
        heldBy: ["binds what it issues to the key of the proof"],
      },
      {
        section: "2.2.2",
        must: "rotate refresh tokens of public clients, or bind them to a key",
        heldBy: ["REF-1", "of a public client goes on with the key it began with"],
      },
      {
        section: "2.3",
        must: "give no token more than was asked for and granted",
        heldBy: ["REF-9", "the ID token for $scope says no more of the user than that"],
      },
      {
        section: "2.3",
        must: "hold a token to the one server that it is for",
        heldBy: ["a token ($typ) stands for nobody when $when"],
      },
      { section: "2.4", must: "have no password grant", heldBy: ["the password grant (TOK-14)"] },
      {
        section: "2.5",
        must: "offer authentication without shared secrets",
        heldBy: ["openid-client signs in and refreshes with %s, its keys registered by value"],
      },
      {
        section: "2.6",
        must: "publish metadata, for clients to configure themselves",
        heldBy: ["finds the provider where %s has it look"],
      },
      {
        section: "2.6",
        must: "answer the authorization endpoint to no script of another origin",
        heldBy: ["caching and other origins", "token and userinfo answer only pages of a client's origin"],
      },
      { section: "2.6", must: "use TLS between browser and server", heldBy: ["NET-4", "NET-3"] },
      { section: "4.1.3", must: "redirect to no wildcard, and register none", heldBy: ["a wildcard (RED-8)"] },
      {
        section: "4.1.3",
        must: "keep the loopback port the one exception",
        heldBy: ["with loopback registered, $value matches: $matches (RED-2"],
      },
      {
        section: "4.2.4",
        must: "give nothing away by Referer, and load nothing of others on pages with secrets",
        heldBy: [
          "every page is locked down and never stored",
          "links to elsewhere are https only and give nothing away",
        ],
      },
      {
        section: "4.2.4",
        must: "end codes after one use, and what came of them",
        heldBy: ["a spent code is refused and what it produced dies"],
      },
      {
        section: "4.3.2",
        must: "keep tokens out of the history of browsers",
        heldBy: ["is to come in the query", "a token in the query"],
      },
      { section: "4.4.2", must: "tell clients of several servers which one answers", heldBy: ["AUT-2"] },
      {
        section: "4.5.3",
        must: "bind codes to the client's session by PKCE or nonce",
        heldBy: ["PKC-4", "a nonce that nobody sent"],
      },
      {
        section: "4.7.1",
        must: "leave the client its state, whole and unread",
        heldBy: ["the state %j survives (AUT-1)"],
      },
      {
        section: "4.8.2",
        must: "see a verifier that comes for a code without a challenge",
        heldBy: ["a verifier for a code without a challenge is refused, not ignored"],
      },
      {
        section: "4.10.1",
        must: "bind access tokens to a key where the client wants it",
        heldBy: ["refuses a bound token with %s (DPO-1, DPO-2"],
      },
      {
        section: "4.11.2",
        must: "redirect automatically to registered addresses only",
        heldBy: ["nothing is sent anywhere when $when"],
      },
      {
        section: "4.12",
        must: "redirect with 303 from where a password was typed, never 307",
        heldBy: ["a form with a password, or with a yes, is answered by 303"],
      },
      {
        section: "4.13",
        must: "take out of a request the headers that only a proxy may set",
        heldBy: ["X-Forwarded-For (NET-2, ACC-4)"],
      },
      {
        section: "4.14.2",
        must: "bind a refresh token to client and scope",
        heldBy: [
          "another client, or none, is refused and consumes nothing",
          "less scope is honoured and all of it kept for later",
        ],
      },
      {
        section: "4.14.2",
        must: "end the whole family when a used one comes back",
        heldBy: [
          "a used token after the grace interval ends the family with its access tokens",
          "an older generation ends the family, grace or not",
        ],
      },
      {
        section: "4.14.2",
        must: "end refresh tokens that are not used",
        heldBy: ["a token that is not used for 30 days is dead"],
      },
      { section: "4.14.2", must: "end them after a change of password or a sign-out", heldBy: ["REF-12"] },
      {
        section: "4.15.1",
        must: "keep a client from being taken for a person",
        heldBy: ["TOK-15", "a client's own token is refused with 403"],
      },
      {
        section: "4.16",
        must: "forbid framing of its pages by CSP and X-Frame-Options",
        heldBy: ["every page is locked down and never stored", "cannot have the page in a frame"],
      },
      { section: "4.17.2", must: "send no tokens by messages between windows", heldBy: ["BRO-14"] },
    ],
  },
  {
    name: "OAuth 2.0 Multiple Response Type Encoding Practices",
    musts: [
      {
        section: "2.1",
        must: "never send tokens in a query, whatever response_mode says",
        heldBy: ["is to come in the query"],
      },
      {
        section: "2.1",
        must: "use the mode that fits the response type where none is named",
        heldBy: ["as $as for response_type $type with response_mode $mode"],
      },
      {
        section: "3",
        must: "take the combined response types in any order of words",
        heldBy: ["the order of the words of a response type means nothing"],
      },
      {
        section: "5",
        must: "answer code id_token, code token, id_token token and all three in the fragment",
        heldBy: [
          "in the fragment the registered query stays where it was",
          "is answered with just that, and all of it is right",
        ],
      },
      {
        section: "5",
        must: "answer errors as the answer would have come",
        heldBy: ["is refused in the same way, with nothing but the error"],
      },
    ],
  },
  {
    name: "OAuth 2.0 Form Post Response Mode",
    musts: [
      {
        section: "2",
        must: "post the answer as a form by the browser to the redirect_uri",
        heldBy: [
          "a form is posted to the redirect_uri as it is",
          "an answer and an error alike are a page that posts itself",
        ],
      },
      {
        section: "2",
        must: "post as form-urlencoded and name every member once",
        heldBy: ["a member twice", "form_post.jwt is posted with that one field"],
      },
      {
        section: "4",
        must: "forbid caches to keep the page with the answer",
        heldBy: ["an answer and an error alike are a page that posts itself"],
      },
    ],
  },
  {
    name: "JWT Secured Authorization Response Mode (JARM)",
    musts: [
      {
        section: "2.1",
        must: "put the answer and iss, aud and exp into one JWT, short-lived",
        heldBy: ["$mode for $type puts one parameter there, and all else into the JWT"],
      },
      {
        section: "2.2",
        must: "sign it, and then encrypt it where the client registered that",
        heldBy: ["every value of every member has a call"],
      },
      {
        section: "2.3",
        must: "use query.jwt, fragment.jwt and form_post.jwt, and jwt for what fits",
        heldBy: ["$mode for $type puts one parameter there", "form_post.jwt is posted with that one field"],
      },
      {
        section: "2.3.1",
        must: "send no tokens by query.jwt unless encrypted",
        heldBy: ["nothing but a code comes in a query, in a JWT or not: %s"],
      },
      {
        section: "2.3",
        must: "send errors in a JWT too",
        heldBy: ["errors travel the same way, and nothing beside the JWT"],
      },
      {
        section: "3",
        must: "refuse an encryption of content without one of the key",
        heldBy: ["the content of answers is encrypted, and its key is not"],
      },
      {
        section: "3",
        must: "take the signature that the client registered, RS256 where it named none",
        heldBy: ["openid-client signs in with response_mode=jwt"],
      },
    ],
  },
];
