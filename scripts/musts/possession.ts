// Certificates, recent sign-ins, and what resources say of themselves.
import type { Document } from "./must.ts";

export const possession: readonly Document[] = [
  {
    name: "RFC 8705",
    title: "Mutual-TLS Client Authentication and Certificate-Bound Access Tokens",
    musts: [
      {
        section: "2",
        must: "find the client by client_id, and answer invalid_client without a certificate or with another",
        heldBy: ["sends %s, and nobody is who they say", "a client that authenticates %s is nobody with another one"],
      },
      {
        section: "2",
        must: "take no other proof beside the certificate",
        heldBy: ["with a secret beside it", "with HTTP Basic beside it"],
      },
      {
        section: "2.1",
        must: "trust certificates of the authorities that it was told, and of no other",
        heldBy: [
          "authenticates a client by the authority that issued its certificate",
          "with a certificate by a stranger of the authority's name",
          "an authority in between is trusted where it is named itself",
        ],
      },
      {
        section: "2.1.2",
        must: "compare the one subject that the client registered, by its kind of name",
        heldBy: [
          "with its name as another kind of name",
          "with its name in the DN alone",
          "with two registered subjects",
        ],
      },
      {
        section: "2.1.2",
        must: "register exactly one subject",
        heldBy: ["tls_client_auth has no subject", "tls_client_auth has two subjects"],
      },
      {
        section: "2.2",
        must: "compare a certificate of the client's own making with those in its key set",
        heldBy: ["with another certificate that it made itself", "with a certificate that stands behind the key's own"],
      },
      {
        section: "2.2.2",
        must: "find those certificates at jwks_uri, too",
        heldBy: ["with one that it published", "self_signed_tls_client_auth has no certificate to compare with"],
      },
      {
        section: "3",
        must: "bind the access token to the certificate, and refuse it with another or none",
        heldBy: [
          "gets one that its certificate alone can use",
          "is refused at userinfo with another certificate and with none",
          "a token that is bound to a certificate is taken with it and refused without or with another",
        ],
      },
      {
        section: "3",
        must: "answer 401 invalid_token where the certificate is not the token's",
        heldBy: ["is refused at userinfo with another certificate and with none"],
      },
      {
        section: "3.1",
        must: "write the SHA-256 thumbprint of the certificate into cnf",
        heldBy: ["gets its own tokens with the thumbprint in them", "says in %s which certificate a client has"],
      },
      { section: "3.2", must: "tell it by introspection", heldBy: ["says so to who introspects it"] },
      {
        section: "3.3",
        must: "tell in the metadata that it binds tokens",
        heldBy: ["discovery tells what is done with certificates", "every value of every member has a call"],
      },
      {
        section: "3.4",
        must: "give a client that registered for bound tokens no others",
        heldBy: [
          "gets none without a certificate, and keeps its code and its refresh token",
          "a client that authenticates otherwise gets no tokens without a certificate",
        ],
      },
      {
        section: "4",
        must: "bind the refresh token of a public client to its certificate",
        heldBy: ["the refresh token of a public client is of no use with another certificate"],
      },
      {
        section: "5",
        must: "name the addresses where certificates are asked for, and serve the same there",
        heldBy: [
          "discovery tells what is done with certificates",
          "a proof may name the other address of the endpoint",
        ],
      },
      {
        section: "6.5",
        must: "take the certificate from a proxy that is trusted, and from nobody else",
        heldBy: [
          "is not believed, whatever is in it: not at the token endpoint",
          "what somebody writes into the header themselves is taken away",
        ],
      },
      {
        section: "7.1",
        must: "hold refresh tokens to the client that authenticates, whatever certificate it has by then",
        heldBy: [
          "may come with another certificate at a refresh, since it authenticates",
          "has its refresh tokens bound also when it no longer asks for that",
        ],
      },
      {
        section: "7.5",
        must: "refuse certificates that are not for clients, or not valid now",
        heldBy: [
          "with a certificate for servers alone",
          "after its certificate ended",
          "before its certificate begins",
        ],
      },
      { section: "7.3", must: "use TLS 1.2 or later", heldBy: ["speaks neither TLS 1.0 nor 1.1"] },
      {
        section: "7.4",
        must: "mistake no name in a certificate for another",
        heldBy: ["with a DN in which a comma pretends to be two parts", "with a wildcard for its name"],
      },
      {
        section: "7.5",
        must: "parse certificates with care",
        heldBy: [
          "sends %s, and the request is refused",
          "the handshake fails for nobody, whatever certificate they show",
        ],
      },
    ],
  },
  {
    name: "RFC 9470",
    title: "Step Up Authentication Challenge Protocol",
    musts: [
      {
        section: "3",
        must: "be as a resource one that answers 401 insufficient_user_authentication, with acr_values or max_age",
        heldBy: [
          "openid-client is told that the sign-in is too old, asks for another, and is let in",
          "who signed in by one proof is told so, and who did by several is let in",
        ],
      },
      {
        section: "5",
        must: "sign the person in again where the last time is longer ago than max_age",
        heldBy: ["openid-client is told that the sign-in is too old", "oidcc-max-age-1"],
      },
      {
        section: "5",
        must: "give no token for an essential acr that the sign-in does not have",
        heldBy: ["acr is one of those that discovery lists, and an essential one that cannot be had fails"],
      },
      {
        section: "6.1",
        must: "say acr and auth_time in JWT access tokens, of the sign-in and not of the refresh",
        heldBy: ["a refreshed token tells of no newer one"],
      },
      {
        section: "6.2",
        must: "tell them by introspection",
        heldBy: ["other resources are told the same of the sign-in"],
      },
      {
        section: "7",
        must: "list the values of acr in the metadata",
        heldBy: ["acr is one of those that discovery lists"],
      },
    ],
  },
  {
    name: "RFC 9728",
    title: "Protected Resource Metadata",
    musts: [
      {
        section: "2",
        must: "name the resource, and its authorization server",
        heldBy: ["a client that looks for that of %s finds it"],
      },
      {
        section: "2",
        must: "tell what proofs and which ways of sending a token it takes",
        heldBy: ["a client that looks for that of %s finds it", "it is found where the path of the issuer is"],
      },
      {
        section: "3",
        must: "put the well-known part between host and path",
        heldBy: ["it is found where the path of the issuer is", "a client that looks for that of %s finds it"],
      },
      { section: "3.1", must: "answer GET", heldBy: ["is sent from memory and known by its ETag"] },
      {
        section: "3.2",
        must: "answer 200 and JSON, without members that have no value",
        heldBy: ["a client that looks for that of %s finds it"],
      },
      {
        section: "3.3",
        must: "name the resource that the address was made of, and answer nowhere else",
        heldBy: ["there is none: each stands for the one resource of its name"],
      },
      {
        section: "4",
        must: "list its resources in the metadata of the authorization server",
        heldBy: ["discovery names what takes tokens here"],
      },
      {
        section: "5.1",
        must: "name the metadata in each challenge",
        heldBy: ["names the metadata in each challenge"],
      },
      { section: "7.1", must: "serve it by TLS alone", heldBy: ["NET-4"] },
    ],
  },
];
