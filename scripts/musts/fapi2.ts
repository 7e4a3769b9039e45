// What FAPI 2.0 demands of an authorization server, of clients that have its profile.
import type { Document } from "./must.ts";

export const fapi2: readonly Document[] = [
  {
    name: "FAPI 2.0 Security Profile",
    musts: [
      {
        section: "5.2.1",
        must: "serve by TLS 1.2 or later alone",
        heldBy: ["speaks neither TLS 1.0 nor 1.1"],
      },
      {
        section: "5.2.2",
        must: "use the recommended ciphers of TLS 1.2 and no others",
        heldBy: ["of TLS 1.2 takes the recommended ciphers and no others"],
      },
      {
        section: "5.2.3",
        must: "let nobody take a browser from TLS to plain HTTP",
        heldBy: ["every answer over TLS forbids browsers to come back without it"],
      },
      {
        section: "5.2.3",
        must: "answer scripts of other pages nothing at the authorization endpoint",
        heldBy: ["the authorization endpoint is for browsers that go there, and for no script of another page"],
      },
      {
        section: "5.3.2.1",
        must: "publish metadata as OpenID Connect Discovery or RFC 8414 has them",
        heldBy: ["metadata say all that a client under the profile needs"],
      },
      {
        section: "5.3.2.1",
        must: "refuse the password grant, and every other that the profile does not have",
        heldBy: ["a device would ask for a person", "$member is refused when $when (FAPI 2.0 section $by)"],
      },
      {
        section: "5.3.2.1",
        must: "have confidential clients alone",
        heldBy: ["no client is public, and none has ID tokens under RS256"],
      },
      {
        section: "5.3.2.1",
        must: "bind every access token, by DPoP or by a certificate",
        heldBy: [
          "a token is for who has its key alone, at the token endpoint, by a rule that is named, and at the resource",
          "a client that speaks for itself gets a bound token and nothing to refresh it with",
        ],
      },
      {
        section: "5.3.2.1",
        must: "authenticate clients by private_key_jwt or a certificate alone",
        heldBy: ["$member is refused when $when (FAPI 2.0 section $by)", "that is missing is refused (cert 11"],
      },
      { section: "5.3.2.1", must: "be no open redirector", heldBy: ["RED-10", "BRO-13"] },
      {
        section: "5.3.2.1",
        must: "take its issuer as one text for the audience of an assertion, and nothing else",
        heldBy: [
          "with an array for its audience is refused",
          "for the token endpoint is refused",
          "for the pushed authorization endpoint is refused",
        ],
      },
      {
        section: "5.3.2.1",
        must: "leave refresh tokens as they are when they are used",
        heldBy: ["works again and again, by DPoP with new keys, and stays the same"],
      },
      {
        section: "5.3.2.1",
        must: "make codes that are good for 60 seconds at most",
        heldBy: ["is good for a minute at most (cert 11"],
      },
      {
        section: "5.3.2.1",
        must: "bind codes to the DPoP key that the request names or proves",
        heldBy: ["by a proof with the pushed request (cert 11", "by dpop_jkt (cert 11"],
      },
      {
        section: "5.3.2.1",
        must: "take JWTs from ten seconds ahead, and none from more than sixty",
        heldBy: [
          "from eight seconds ahead is taken",
          "from more than a minute ahead is refused",
          "from ten seconds ahead (cert 11",
          "it is from the future",
          "iat is 60 seconds ahead",
        ],
      },
      {
        section: "5.3.2.2",
        must: "refuse what was not pushed",
        heldBy: ["plain parameters at the authorization endpoint are refused, the rule named"],
      },
      {
        section: "5.3.2.2",
        must: "refuse pushed requests without client authentication",
        heldBy: ["that is missing is refused (cert 11", "who does not authenticate pushes nothing"],
      },
      {
        section: "5.3.2.2",
        must: "demand PKCE by S256",
        heldBy: ["without PKCE (cert 11", "with PKCE by plain (cert 11"],
      },
      {
        section: "5.3.2.2",
        must: "hold the code to its verifier",
        heldBy: ["without a code_verifier is refused (cert 11", "with another code_verifier is refused (cert 11"],
      },
      { section: "5.3.2.2", must: "demand redirect_uri in what is pushed", heldBy: ["without redirect_uri (cert 11"] },
      {
        section: "5.3.2.2",
        must: "say iss in the answer, errors too",
        heldBy: [
          "of each of two clients, every answer held to the checks",
          "who presses cancel is sent back with access_denied",
        ],
      },
      {
        section: "5.3.2.2",
        must: "send no answer to plain HTTP",
        heldBy: ["redirect URIs are https (FAPI 2.0 section 5.3.2.2)"],
        different: "to loopback neither: applications on a device take a claimed https address",
      },
      {
        section: "5.3.2.2",
        must: "refuse a code that was used",
        heldBy: ["that comes again after a second ends what it brought"],
      },
      {
        section: "5.3.2.2",
        must: "redirect by 303 and not 307 where a request brought something secret",
        heldBy: ["a form with a password, or with a yes, is answered by 303"],
      },
      {
        section: "5.3.2.2",
        must: "make request_uris that end within 600 seconds",
        heldBy: ["is good until it expires, which is soon", "it is good for 60 seconds (PAR-1)"],
      },
      {
        section: "5.3.2.2",
        must: "take nonces of 64 characters",
        heldBy: ["a nonce of %i characters comes through whole"],
      },
      {
        section: "5.3.4",
        must: "be as a resource one that takes tokens from the header, and never from the query",
        heldBy: ["ends at a resource that takes every Accept, and no token in the query"],
      },
      {
        section: "5.3.4",
        must: "check validity, expiry, revocation, scope and key of each token",
        heldBy: [
          "an access token cut, extended or altered in any place is refused",
          "what ends access ends it here at once, on every worker",
          "a token narrowed to less than openid says nothing of the user",
          "the token as a bearer token is refused",
        ],
      },
      {
        section: "5.4.1",
        must: "sign by PS256, ES256 or EdDSA alone, ID tokens and access tokens alike",
        heldBy: [
          "is never signed by RS256, and else as the resource says",
          "no client is public, and none has ID tokens under RS256",
          "what we sign is to be by RS256",
        ],
      },
      {
        section: "5.4.1",
        must: "take nothing that clients sign otherwise, and never none",
        heldBy: [
          "by RS256 is refused although the client published such a key (cert 11",
          "its request objects are unsigned",
        ],
      },
      { section: "5.4.1", must: "take no RSA key of less than 2048 bits", heldBy: ["its key is weak"] },
      {
        section: "5.4.1",
        must: "make codes, tokens and secrets of at least 128 random bits",
        heldBy: ["a code is 256 random bits", "a secret we make has 256 bits"],
      },
      {
        section: "5.4.3",
        must: "give each published key an id of its own",
        heldBy: ["the published keys hold public members only, in order, each with an id of its own"],
      },
    ],
  },
  {
    name: "FAPI 2.0 Message Signing",
    musts: [
      {
        section: "5.3.1",
        must: "demand signed request objects where requests are pushed, and check them",
        heldBy: [
          "parameters without a request object are refused, the rule named",
          "with a broken signature (cert 12",
          "that the other client signed (cert 12",
        ],
      },
      {
        section: "5.3.1",
        must: "demand an audience that is or holds its issuer",
        heldBy: ["for somebody else (cert 12", "without an audience (cert 12", "for several audiences with the issuer"],
      },
      {
        section: "5.3.1",
        must: "demand an nbf of the last 60 minutes",
        heldBy: ["without nbf (cert 12", "that is more than 60 minutes old (cert 12", "that is 59 minutes old"],
      },
      {
        section: "5.3.1",
        must: "demand an exp within 60 minutes of nbf",
        heldBy: ["without exp (cert 12", "that is good for more than 60 minutes (cert 12", "that is good for an hour"],
      },
      {
        section: "5.3.1",
        must: "take the type that RFC 9101 gives them",
        heldBy: ["two clients sign their requests and sign people in"],
      },
      {
        section: "5.4.1",
        must: "sign answers for who asks so by response_mode=jwt, errors too",
        heldBy: ["is one, signed by an allowed algorithm, with nothing beside it", "is one also where it is an error"],
        different: "they are not demanded of the client: the plan of certification runs with plain answers, too",
      },
      { section: "5.5.1", must: "sign introspection", heldBy: ["introspection is signed for who asks so"] },
    ],
  },
];
