// What FAPI 1.0 demands of an authorization server, of clients that have its profile.
import type { Document } from "./must.ts";

export const fapi1: readonly Document[] = [
  {
    name: "FAPI 1.0 Part 1",
    title: "Baseline, as far as Part 2 builds on it",
    musts: [
      {
        section: "5.2.2",
        must: "take registered redirect URIs alone, exactly, and https",
        heldBy: [
          "an unregistered redirect_uri is refused without a redirect",
          "redirect URIs are https (FAPI 1.0 Part 1 section 5.2.2)",
        ],
      },
      {
        section: "5.2.2",
        must: "demand redirect_uri in the request",
        heldBy: ["a request object is refused without redirect_uri, which is not taken from outside"],
      },
      {
        section: "5.2.2",
        must: "ask the person to allow what was not allowed before",
        heldBy: ["is asked about again for what was not allowed"],
        different: "for a client that an administrator trusts the administrator has allowed it",
      },
      {
        section: "5.2.2",
        must: "refuse a code that was used",
        heldBy: ["a code is redeemed once, and its tokens end with a second time"],
      },
      {
        section: "5.2.2",
        must: "say the scope that was granted",
        heldBy: ["scope $asked of $clientId becomes $granted"],
      },
      {
        section: "5.2.2",
        must: "make codes and tokens that nobody can guess",
        heldBy: ["a code is 256 random bits", "an access token cut, extended or altered in any place is refused"],
      },
      {
        section: "5.2.2",
        must: "let people take back what they allowed",
        heldBy: ["a device among several loses its access alone, and one that is alone goes with the application"],
      },
      {
        section: "5.2.2",
        must: "refuse a client_id that is not of who authenticates",
        heldBy: ["the other client's client_id is refused (cert 13 fapi1"],
      },
      {
        section: "5.2.2.2",
        must: "demand a nonce where openid is asked for",
        heldBy: ["without nonce (cert 13 fapi1", "without nonce for JARM"],
      },
      {
        section: "5.2.2.3",
        must: "demand a state where it is not",
        heldBy: ["without state where openid is not asked for"],
      },
      {
        section: "7.1",
        must: "serve by TLS 1.2 or later alone",
        heldBy: ["speaks neither TLS 1.0 nor 1.1"],
      },
    ],
  },
  {
    name: "FAPI 1.0 Part 2",
    title: "Advanced",
    musts: [
      {
        section: "5.2.2",
        must: "demand a signed request object, by value, by reference or pushed",
        heldBy: ["a request without an object is refused, the rule named", "signs people in to two clients"],
      },
      {
        section: "5.2.2",
        must: "demand code id_token, or code with its answer in a JWT",
        heldBy: ["a code without JARM is refused, in every mode", "an answer with an access token is not given"],
      },
      {
        section: "5.2.2",
        must: "bind every access token to the client's certificate",
        heldBy: [
          "tokens are for the owner of the certificate alone",
          "gets no other tokens under FAPI 1.0, also where what it registered says nothing of them",
        ],
      },
      {
        section: "5.2.2",
        must: "use nothing that does not stand in the signed object",
        heldBy: [
          "a state outside the object is none",
          "a request object is refused without scope, which is not taken from outside",
        ],
      },
      {
        section: "5.2.2",
        must: "demand PKCE by S256 of what is pushed",
        heldBy: ["what is pushed needs PKCE by S256", "its code needs the verifier"],
      },
      {
        section: "5.2.2",
        must: "demand exp within 60 minutes of nbf",
        heldBy: ["without exp (cert 13 fapi1", "that is good for more than 60 minutes (cert 13 fapi1"],
      },
      {
        section: "5.2.2",
        must: "demand nbf within the last 60 minutes",
        heldBy: ["without nbf (cert 13 fapi1", "that is more than 60 minutes old (cert 13 fapi1"],
      },
      {
        section: "5.2.2",
        must: "authenticate clients by private_key_jwt or a certificate",
        heldBy: ["$member is refused when $when (FAPI 1.0 $by)", "that is missing (cert 13 fapi1"],
      },
      {
        section: "5.2.2",
        must: "demand an audience of the object that is or holds its issuer",
        heldBy: ["for somebody else (cert 13 fapi1", "for several audiences with the issuer among them (cert 13 fapi1"],
      },
      {
        section: "5.2.2",
        must: "have no public clients",
        heldBy: ["no client is public, and none has ID tokens under RS256"],
      },
      {
        section: "5.2.2.1",
        must: "answer with an ID token that signs code and state, by c_hash and s_hash",
        heldBy: ["answers with an ID token as the signature of code and state"],
      },
      {
        section: "5.2.2.2",
        must: "answer in a JWT that ends soon",
        heldBy: ["answers code in a JWT that expires soon"],
      },
      {
        section: "6.2.1",
        must: "be as a resource one that takes a token with its certificate alone",
        heldBy: ["tokens are for the owner of the certificate alone"],
      },
      {
        section: "8.6",
        must: "sign by PS256 or ES256, access tokens for resources too, and take neither RS256 nor none",
        heldBy: [
          "what a resource wants signed by RS256 is signed by ES256 for a client under %s",
          "by RS256 is refused although the client published such a key (cert 13 fapi1",
          "by nothing (cert 13 fapi1",
        ],
        different: "EdDSA is taken, too, as FAPI 2.0 has it",
      },
      {
        section: "8.6.1",
        must: "encrypt by nothing that RSA1_5 is of",
        heldBy: ["nothing is encrypted by RSA1_5: not for %s, with a profile or without"],
      },
      {
        section: "8.9",
        must: "give each published key an id of its own",
        heldBy: ["the published keys hold public members only, in order, each with an id of its own"],
      },
    ],
  },
];
