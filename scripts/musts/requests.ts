// Requests in other forms, proofs of possession, devices.
import type { Document } from "./must.ts";

export const requests: readonly Document[] = [
  {
    name: "RFC 9101",
    title: "JWT-Secured Authorization Request",
    musts: [
      {
        section: "4",
        must: "refuse a request object that holds request or request_uri",
        heldBy: ["it holds another", "it refers to another"],
      },
      {
        section: "4",
        must: "demand a signature, unless the client registered none",
        heldBy: ["it is unsigned and RS256 was registered", "said nothing of unsigned ones"],
        different: "OpenID Connect Core section 6.1 lets a client register the algorithm none",
      },
      { section: "5", must: "refuse request and request_uri together", heldBy: ["sends both"] },
      { section: "5", must: "demand client_id outside, and the same inside", heldBy: ["it is of another client"] },
      {
        section: "5.2",
        must: "fetch registered addresses alone",
        heldBy: ["registered another request_uri", "registered no request_uri"],
      },
      { section: "5.2.1", must: "fetch by https alone", heldBy: ["the address is not https"] },
      {
        section: "6.1",
        must: "refuse an object encrypted to us",
        heldBy: ["it is encrypted"],
        different: "we publish no key to encrypt to",
      },
      {
        section: "6.2",
        must: "check the signature by the client's keys and the registered algorithm",
        heldBy: ["another key signed it", "another algorithm was registered", "the client's secret made a MAC"],
      },
      {
        section: "6.3",
        must: "use nothing that does not stand in the object",
        heldBy: ["what it leaves out is not taken from around it"],
        different:
          "response_type and scope may stand outside, as OpenID Connect Core section 6.1 has it; both must agree where both say it; not where the client has to sign",
      },
      {
        section: "7",
        must: "tell invalid_request_object, invalid_request_uri and the two errors of what is not supported",
        heldBy: [
          "invalid_request_object when $when",
          "nothing usable behind the address is invalid_request_uri",
          "$error where the client $when, and nothing is fetched",
        ],
      },
      {
        section: "10.2",
        must: "take no key or algorithm from the object",
        heldBy: ["it brings its key", "the public key made a MAC"],
      },
      {
        section: "10.4",
        must: "fetch nothing from inside its own network",
        heldBy: ["without the setting no private address is ever asked for keys"],
      },
      {
        section: "10.5",
        must: "refuse what is unsigned of a client that registered that it signs its requests",
        heldBy: [
          "is refused where the client registered that it signs them",
          "all requests must be signed, and the algorithm is none",
        ],
      },
      {
        section: "10.8",
        must: "take no other JWT for a request object",
        heldBy: ["it is a client assertion", "it is of another type"],
      },
    ],
  },
  {
    name: "RFC 9126",
    title: "Pushed Authorization Requests",
    musts: [
      {
        section: "2",
        must: "take POST with a form over TLS, and authenticate as the token endpoint does",
        heldBy: ["who does not authenticate pushes nothing, and no other method does"],
      },
      {
        section: "2",
        must: "take its issuer, the token endpoint and this endpoint for the audience of an assertion",
        heldBy: ["par-endpoint-as-assertion-aud", "token-endpoint-as-assertion-aud", "issuer-as-assertion-aud"],
        different: "the issuer alone of clients under FAPI 2.0, which demands it",
      },
      {
        section: "2.1",
        must: "refuse a pushed request that names a request_uri",
        heldBy: ["a pushed request with %s is refused at once, in JSON"],
      },
      {
        section: "2.1",
        must: "check the request as the authorization endpoint would",
        heldBy: ["a pushed request with %s is refused at once, in JSON"],
      },
      {
        section: "2.2",
        must: "answer 201 with request_uri and expires_in, not to be stored",
        heldBy: ["a pushed request is answered with an address that is short-lived, and nothing is written or kept"],
      },
      {
        section: "2.2",
        must: "make request_uris that nobody can guess or make",
        heldBy: ["a request_uri that is %s stays on a page of ours"],
      },
      { section: "2.2", must: "bind the request to its client", heldBy: ["another client cannot use it (PAR-1)"] },
      {
        section: "2.3",
        must: "tell errors in JSON, with 400, 401, 405 or 413",
        heldBy: [
          "one that would not fit into an address is not taken",
          "a pushed request with %s is refused at once, in JSON",
        ],
      },
      {
        section: "3",
        must: "take a request object in place of the parameters, and check who it is of",
        heldBy: ["a proof binds what a request object says, too, and must not say another"],
      },
      { section: "4", must: "refuse one that has expired", heldBy: ["it is good for 60 seconds (PAR-1)"] },
      {
        section: "4",
        must: "make it good for one answer",
        heldBy: [
          "a pushed request can be opened twice before the sign-in, and yields one code",
          "of five at once who finish one pushed request one gets a code",
        ],
      },
      {
        section: "4",
        must: "let nothing that is sent beside it count",
        heldBy: ["what is sent beside a request_uri does not count (PAR-2)"],
      },
      {
        section: "5",
        must: "tell its endpoint in the metadata, and whether it must be used",
        heldBy: ["pushes its request and sends the browser with a name for it"],
      },
      {
        section: "6",
        must: "refuse a client that must push and did not",
        heldBy: ["a client that must push is refused without"],
      },
      {
        section: "7.1",
        must: "let nobody try request_uris",
        heldBy: ["a request_uri that is %s stays on a page of ours"],
      },
    ],
  },
  {
    name: "RFC 9449",
    title: "Demonstrating Proof of Possession",
    musts: [
      {
        section: "4.2",
        must: "demand typ, a signature by an asymmetric algorithm, and the public key",
        heldBy: ["alg is of a MAC", "it has no signature", "when it is signed with %s"],
      },
      {
        section: "4.3",
        must: "refuse more than one proof",
        heldBy: ["two are sent", "refuses two proofs that come in a header line each"],
      },
      {
        section: "4.3",
        must: "refuse what is no JWT with all of its members",
        heldBy: ["a proof is refused when it is cut, extended or altered in any place"],
      },
      { section: "4.3", must: "refuse another type", heldBy: ["typ is"] },
      {
        section: "4.3",
        must: "check the signature by the key inside",
        heldBy: ["jwk is another key", "the signature is of another text"],
      },
      {
        section: "4.3",
        must: "refuse a private key inside",
        heldBy: ["the private key of the table is the one that signs"],
      },
      {
        section: "4.3",
        must: "refuse another method, or another address",
        heldBy: ["htm is another method", "htu is another endpoint"],
      },
      {
        section: "4.3",
        must: "compare addresses without query and fragment, normalised",
        heldBy: ["htu has a query", "htu names the default port"],
      },
      {
        section: "4.3",
        must: "refuse a proof from another time",
        heldBy: ["iat is 61 seconds ago", "iat is an hour ahead"],
      },
      {
        section: "4.3",
        must: "demand the nonce where one was given out",
        heldBy: ["of another making, or too old, is refused with a new one"],
      },
      {
        section: "4.3",
        must: "demand the hash of the token at a resource",
        heldBy: ["ath is of another token", "the proof names no token"],
      },
      {
        section: "4.3",
        must: "see that the token is bound to the key of the proof",
        heldBy: ["the proof is by another key (DPO-2)"],
      },
      {
        section: "5",
        must: "bind what it issues to the key, and say token_type DPoP",
        heldBy: ["binds what it issues to the key of the proof"],
      },
      {
        section: "5",
        must: "hold the refresh token of a public client to its key",
        heldBy: ["of a public client goes on with the key it began with, and no other"],
      },
      {
        section: "5",
        must: "refuse a proof that is not good with invalid_dpop_proof",
        heldBy: ["refuses two proofs, and one that is not good, and the code stays as it was"],
      },
      {
        section: "5.1",
        must: "list the algorithms of proofs in the metadata",
        heldBy: ["every value of every member has a call"],
      },
      {
        section: "5",
        must: "let a client that authenticates refresh with any key that it proves",
        heldBy: ["refreshes for who authenticates and proves any key, and for nobody else"],
      },
      {
        section: "5.2",
        must: "give a client that registered for bound tokens no others",
        heldBy: ["gives no bearer token to a client that registered for bound ones"],
      },
      {
        section: "6.1",
        must: "write the thumbprint into cnf of a JWT",
        heldBy: ["binds a client's own token, and says to which key"],
      },
      {
        section: "6.2",
        must: "tell it by introspection",
        heldBy: ["introspection tells the key that a token is bound to"],
      },
      {
        section: "7.1",
        must: "challenge by DPoP, with the algorithms",
        heldBy: ["names both ways to show a token to who shows none"],
      },
      {
        section: "7.1",
        must: "refuse a bound token without its proof",
        heldBy: ["it comes as a bearer token without proof"],
      },
      {
        section: "7.2",
        must: "refuse a bound token that is shown as a bearer token",
        heldBy: ["it comes as a bearer token (DPO-2)", "the management API takes no bound token as a bearer token"],
      },
      {
        section: "8",
        must: "send use_dpop_nonce with a nonce to who needs one",
        heldBy: ["is demanded where the deployment does, by both endpoints"],
      },
      {
        section: "8",
        must: "make nonces that nobody can make",
        heldBy: ["of another making, or too old, is refused with a new one"],
      },
      { section: "8.2", must: "give a new nonce before the old one ends", heldBy: ["has a successor before it ends"] },
      {
        section: "9",
        must: "be as a resource one that tells with 401 that it needs a nonce",
        heldBy: ["of oauth4webapi is told at both endpoints that it needs a nonce"],
      },
      {
        section: "10",
        must: "hold a code to the key of dpop_jkt",
        heldBy: ["redeems a code with no other key than it was bound to"],
      },
      {
        section: "10.1",
        must: "take a proof at the pushed request for dpop_jkt, and refuse both where they differ",
        heldBy: [
          "a proof with the pushed request binds the code",
          "a proof by another key than the pushed dpop_jkt is refused",
        ],
      },
      {
        section: "11.1",
        must: "take a proof once, on all workers, while it is good",
        heldBy: [
          "takes one of many uses of a proof, wherever they arrive",
          "a proof is remembered until nobody takes it any more",
        ],
      },
      { section: "11.6", must: "take no MAC, and no algorithm that is weak", heldBy: ["alg is of a MAC"] },
    ],
  },
  {
    name: "RFC 8628",
    title: "Device Authorization Grant",
    musts: [
      {
        section: "3.1",
        must: "authenticate the client where it can be, and demand client_id otherwise",
        heldBy: ["whose client is not registered for it asks or polls"],
      },
      {
        section: "3.2",
        must: "answer device_code, user_code, verification_uri and expires_in",
        heldBy: ["of openid-client signs in, gets who it is, and refreshes"],
      },
      {
        section: "3.3",
        must: "ask the person to sign in and to agree",
        heldBy: ["is asked by name, scopes and code, whoever asks and however often"],
      },
      {
        section: "3.3.1",
        must: "ask also who came by the complete address",
        heldBy: ["may type the code as %s", "can neither enter nor approve a code, with $with"],
      },
      {
        section: "3.4",
        must: "take the grant with device_code and the client",
        heldBy: ["spoils a device code or gets more with it than was shown"],
      },
      {
        section: "3.4",
        must: "give tokens for a device code once",
        heldBy: ["gets tokens once, of 20 polls on two workers at the same moment (DEV-1)"],
      },
      {
        section: "3.5",
        must: "tell authorization_pending, slow_down, access_denied and expired_token",
        heldBy: ["%s is told as %s, with 400 (RFC 8628 §3.5", "of oauth4webapi is told to wait, to slow down, and no"],
      },
      {
        section: "3.5",
        must: "make who polls too fast wait five seconds more",
        heldBy: ["of oauth4webapi is told to wait, to slow down, and no"],
      },
      { section: "4", must: "tell the endpoint in the metadata", heldBy: ["a device registers itself with the grant"] },
      {
        section: "5.1",
        must: "slow down who guesses user codes",
        heldBy: [
          "from many addresses and browsers at full speed ends after twenty",
          "guessing at full speed from any number of addresses",
        ],
      },
      {
        section: "5.2",
        must: "make device codes that nobody can guess",
        heldBy: ["a device code has 256 random bits"],
      },
      {
        section: "5.4",
        must: "show the person which device it is about",
        heldBy: ["is asked by name, scopes and code, whoever asks and however often"],
      },
      {
        section: "5.6",
        must: "take polls of the device's own client alone",
        heldBy: ["a poll of another client changes nothing"],
      },
      {
        section: "6.1",
        must: "ignore case and hyphens of what is typed",
        heldBy: ["understood: $typed (RFC 8628 §6.1)"],
      },
      {
        section: "6.1",
        must: "use letters that make no words and are not mistaken",
        heldBy: ["a new code has eight letters of twenty"],
      },
    ],
  },
];
