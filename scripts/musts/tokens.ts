// What happens to tokens, and what they are made of.
import type { Document } from "./must.ts";

export const tokens: readonly Document[] = [
  {
    name: "RFC 7009",
    title: "Token Revocation",
    musts: [
      {
        section: "2",
        must: "take refresh tokens, and access tokens as well",
        heldBy: ["a refresh token that its client gives back", "an access token that its client gives back"],
      },
      { section: "2", must: "serve it by TLS alone", heldBy: ["names https addresses"] },
      {
        section: "2.1",
        must: "take POST with a form",
        heldBy: ["by GET, or with a token in the URL, nothing happens"],
      },
      {
        section: "2.1",
        must: "authenticate the client",
        heldBy: ["without authentication, or with the wrong secret, nothing happens"],
      },
      {
        section: "2.1",
        must: "see that the token is the client's own",
        heldBy: ["another client's token is refused by name, and goes on"],
      },
      {
        section: "2.1",
        must: "let a public client give back its own",
        heldBy: ["a public client gives back what is its own, saying who it is"],
      },
      {
        section: "2.1",
        must: "look through all kinds of tokens whatever token_type_hint says",
        heldBy: ["is found whatever it is said to be: %j (RFC 7009 §2.1)"],
      },
      {
        section: "2.1",
        must: "end the token at once, on every worker",
        heldBy: ["ends alone, on every worker", "of a refresh that races a revocation nothing lives"],
      },
      {
        section: "2.1",
        must: "end the access tokens of a refresh token too",
        heldBy: ["ends its family with every access token of it, on every worker"],
      },
      {
        section: "2.2",
        must: "answer 200 for tokens that are not good (any more)",
        heldBy: ["what is no live token of ours is answered like success"],
      },
      {
        section: "2.2.1",
        must: "answer 503 where the token still lives, so that the client tries again",
        heldBy: ["while the database cannot be written to, or is gone"],
      },
      {
        section: "2.3",
        must: "let pages of other origins use it where they belong to the client",
        heldBy: ["may revoke from the origins of their redirect URIs, and others may not"],
      },
      { section: "5", must: "take no token of another client by guessing", heldBy: ["what nobody may"] },
    ],
  },
  {
    name: "RFC 7662",
    title: "Token Introspection",
    musts: [
      {
        section: "2",
        must: "answer by TLS to who is authorized",
        heldBy: ["nobody without authentication, and no public client"],
      },
      {
        section: "2.1",
        must: "take POST with a form",
        heldBy: ["malformed requests are told so, and pages of other origins get nothing"],
      },
      {
        section: "2.1",
        must: "find the token whatever token_type_hint says",
        heldBy: ["what is told", "whatever it is said to be: %j"],
      },
      {
        section: "2.2",
        must: "say active, and of an active token what it stands for",
        heldBy: ["of an access token: all that it stands for"],
      },
      {
        section: "2.2",
        must: "say nothing but inactive of a token that is not good",
        heldBy: [
          "what does not stand is inactive, and nothing more is said",
          "a forged, altered or foreign token (INT-1)",
        ],
      },
      {
        section: "2.2",
        must: "say no more than who asks has to know",
        heldBy: [
          "a name for people only where the scope releases one",
          "a client that the token is also for, and no other",
        ],
      },
      {
        section: "2.3",
        must: "answer 401 to who does not authenticate",
        heldBy: ["nobody without authentication, and no public client"],
      },
      {
        section: "2.3",
        must: "answer an inactive token with 200, not with an error",
        heldBy: ["what does not stand is inactive, and nothing more is said"],
      },
      {
        section: "4",
        must: "see that the token has not expired and was not revoked",
        heldBy: [
          "a token that was given back, and its family with a refresh token",
          "what ends access ends it here at once, on every worker",
        ],
      },
      {
        section: "4",
        must: "check the signature of tokens that have one",
        heldBy: ["a forged, altered or foreign token (INT-1)"],
      },
      {
        section: "4",
        must: "leave nobody a way to try tokens",
        heldBy: ["costs one round trip, and none for what nobody issued"],
      },
      {
        section: "5",
        must: "tell who asks the name of the person that it knows",
        heldBy: ["each hears the name of the person that they know"],
      },
    ],
  },
  {
    name: "RFC 7515",
    title: "JSON Web Signature",
    musts: [
      {
        section: "2",
        must: "write base64url without padding",
        heldBy: ["the published keys hold public members only, in order, each with an id of its own, without padding"],
      },
      {
        section: "3.1",
        must: "refuse what is not three parts of canonical base64url",
        heldBy: [
          "with $what it is none (JWT-5, JWT-9)",
          "base64url %j, which another text also stands for, is refused",
        ],
      },
      {
        section: "4.1.1",
        must: "refuse an algorithm that was not expected",
        heldBy: ["alg is nOnE", "another algorithm was registered"],
      },
      {
        section: "4.1.3",
        must: "fetch no key from an address in the header",
        heldBy: ["it names a jku", "it names an x5u"],
      },
      {
        section: "4.1.4",
        must: "find the key by kid, and refuse a kid that is unknown",
        heldBy: ["its kid is unknown", "an unknown kid leads to one reload in five seconds"],
      },
      {
        section: "4.1.9",
        must: "compare typ as a media type",
        heldBy: ["a JWT is taken apart, its type without what may be left out"],
      },
      {
        section: "4.1.11",
        must: "refuse what crit demands and it does not know",
        heldBy: ["it has crit", "it demands what is not known"],
      },
      {
        section: "5.2",
        must: "refuse a signature that does not fit",
        heldBy: ["a claim was changed", "the signature is cut"],
      },
      { section: "10.5", must: "compare MACs in constant time", heldBy: ["%j and %j compare as %s (TOK-8)"] },
    ],
  },
  {
    name: "RFC 7516",
    title: "JSON Web Encryption",
    musts: [
      { section: "4.1.3", must: "inflate nothing that others sent", heldBy: ["it is deflated"] },
      {
        section: "5.1",
        must: "encrypt to the client's key with the algorithms that it registered",
        heldBy: ["openid-client reads what was signed and encrypted to its key with %s"],
      },
      {
        section: "5.1",
        must: "name the key that it encrypts to",
        heldBy: ["an encrypted ID token says to which of the client's keys"],
      },
      { section: "5.2", must: "take no encrypted input where none is expected", heldBy: ["it is encrypted"] },
      {
        section: "11.2",
        must: "send nothing in clear where the key cannot be had",
        heldBy: ["where no key can be encrypted to, nothing is sent in clear and the refusal says which is missing"],
      },
    ],
  },
  {
    name: "RFC 7517",
    title: "JSON Web Key",
    musts: [
      { section: "4", must: "ignore members of a key that it does not know", heldBy: ["it says more than is known"] },
      {
        section: "4.2",
        must: "use a key for what its use says alone",
        heldBy: ["its key is for encryption", "of a client's keys $kid is taken for $alg when $when"],
      },
      {
        section: "4.5",
        must: "give each published key an id of its own",
        heldBy: ["a kid twice", "the published keys hold public members only, in order, each with an id of its own"],
      },
      { section: "5", must: "publish no private or symmetric key", heldBy: ["a private key", "a symmetric key"] },
      { section: "9.2", must: "keep private keys secret", heldBy: ["JWT-6", "LOG-1"] },
    ],
  },
  {
    name: "RFC 7518",
    title: "JSON Web Algorithms",
    musts: [
      { section: "3.1", must: "sign with RS256 among others", heldBy: ["signs ID tokens with RS256 among others"] },
      {
        section: "3.2",
        must: "make MACs with secrets that are as long as the hash",
        heldBy: ["a client that makes MACs gets a generated secret that fits every one of them"],
      },
      { section: "3.3", must: "take no RSA key of less than 2048 bits", heldBy: ["its key is weak"] },
      {
        section: "3.4",
        must: "take an EC signature on the curve of its algorithm alone",
        heldBy: ["alg is another one than the key's", "its key is for another algorithm"],
      },
      {
        section: "3.6",
        must: "take no JWT without a signature where one is expected",
        heldBy: ["alg is none", "the signature is missing"],
      },
      { section: "6.2", must: "refuse keys that are no points of their curve", heldBy: ["jwk is no point"] },
    ],
  },
  {
    name: "RFC 7519",
    title: "JSON Web Token",
    musts: [
      { section: "4.1.1", must: "write iss as in the metadata", heldBy: ["checkIdToken"] },
      { section: "4.1.3", must: "refuse a JWT that is not for us", heldBy: ["aud is another", "aud is empty"] },
      { section: "4.1.4", must: "refuse a JWT after exp", heldBy: ["exp is past", "it has expired"] },
      { section: "4.1.5", must: "refuse a JWT before nbf", heldBy: ["nbf is more than a minute ahead"] },
      {
        section: "4.1.7",
        must: "make jti that do not come twice",
        heldBy: ["tokens hold printable ASCII alone and no two are alike"],
      },
      { section: "7.2", must: "refuse what is no JSON object", heldBy: ["its claims are an array", "it is no JWT"] },
    ],
  },
  {
    name: "RFC 8725",
    title: "JWT Best Current Practices",
    musts: [
      {
        section: "3.1",
        must: "choose the algorithm itself, one for each key",
        heldBy: ["a client that registered HS512 uses HS256", "another algorithm was registered"],
      },
      {
        section: "3.2",
        must: "take no algorithm that is weak, and never none",
        heldBy: ["it says HS1", "alg is none, signed"],
      },
      { section: "3.3", must: "check every signature of what is nested", heldBy: ["it is encrypted"] },
      { section: "3.4", must: "check that keys are points of their curve", heldBy: ["jwk is no point"] },
      {
        section: "3.5",
        must: "make MACs with secrets of enough entropy, never with passwords of people",
        heldBy: ["a client that makes MACs gets a generated secret that fits every one of them"],
      },
      { section: "3.6", must: "inflate nothing before it is checked", heldBy: ["it is deflated"] },
      { section: "3.8", must: "check that issuer and key belong together", heldBy: ["iss is another", "MIX-3"] },
      {
        section: "3.9",
        must: "check the audience",
        heldBy: ["aud is another server", "a token ($typ) stands for nobody when $when"],
      },
      {
        section: "3.10",
        must: "trust neither kid nor jku nor x5u nor jwk of a header",
        heldBy: ["its kid is a path", "it brings a good jwk", "it names a jku"],
      },
      {
        section: "3.11",
        must: "give each kind of JWT a type of its own, and check it",
        heldBy: ["JWT-3", "it is a request object by type"],
      },
      {
        section: "3.12",
        must: "check each kind by its own rules",
        heldBy: ["it is a client assertion", "such a JWT is no ID token of ours"],
      },
    ],
  },
];
