// JWTs that resources read: access tokens, and answers about them.
import type { Document } from "./must.ts";

export const jwtTokens: readonly Document[] = [
  {
    name: "RFC 9701",
    title: "JWT Response for Token Introspection",
    musts: [
      {
        section: "4",
        must: "answer with a JWT who asks for it by Accept",
        heldBy: ["a signed answer (RFC 9701)", "is by the algorithm that the client registered: %s"],
      },
      {
        section: "5",
        must: "put the answer into token_introspection, beside iss, aud and iat alone",
        heldBy: ["can be taken for no access token, and is none to ask about"],
      },
      {
        section: "5",
        must: "give the JWT the type token-introspection+jwt",
        heldBy: ["can be taken for no access token, and is none to ask about"],
      },
      {
        section: "5",
        must: "say of a token that is not good that it is inactive, and nothing more",
        heldBy: ["says of everything else that it is inactive"],
      },
      {
        section: "5",
        must: "sign it, and encrypt it where the client registered that",
        heldBy: ["is by the algorithm that the client registered: %s", "is encrypted to the client's key, by %s"],
      },
      {
        section: "5",
        must: "say of a token that is for others that it is inactive",
        heldBy: ["a client that the token is also for, and no other", "says of everything else that it is inactive"],
      },
      {
        section: "6",
        must: "refuse an encryption of content without one of the key",
        heldBy: ["the content of introspection is encrypted, and its key is not"],
      },
      { section: "7", must: "list the algorithms in the metadata", heldBy: ["every value of every member has a call"] },
      {
        section: "8.1",
        must: "let the answer be taken for no access token",
        heldBy: ["can be taken for no access token, and is none to ask about"],
      },
    ],
  },
  {
    name: "RFC 9068",
    title: "JWT Profile for Access Tokens",
    musts: [
      {
        section: "2.1",
        must: "sign it, and give it the type at+jwt",
        heldBy: ["client_credentials gives a JWT for the client itself and nothing else"],
      },
      {
        section: "2.1",
        must: "sign with RS256 where the resource says nothing else, by published keys",
        heldBy: ["are verified by PyJWT and by oauth4webapi, who know the issuer alone"],
      },
      {
        section: "2.2",
        must: "say iss, exp, aud, sub, client_id, iat and jti",
        heldBy: [
          "client_credentials gives a JWT for the client itself and nothing else",
          "of a token that a client got for itself (RFC 9068 §2.2)",
        ],
      },
      { section: "2.2", must: "let the subject of a client be no person's", heldBy: ["TOK-15"] },
      {
        section: "2.2.1",
        must: "say auth_time, acr and amr of the sign-in, the same when refreshed",
        heldBy: [
          "gives a JWT access token for it alone, with what its scope says and who signed in how",
          "a refreshed token tells of no newer one",
        ],
      },
      {
        section: "2.2.3",
        must: "say the scope where there is one",
        heldBy: [
          "gives a JWT access token for it alone, with what its scope says and who signed in how",
          "needs no openid, and then brings no ID token",
        ],
      },
      {
        section: "2.2.3.1",
        must: "say groups and roles by the names that are registered for them",
        heldBy: ["client_credentials tells what an administrator made the client, for the scope groups alone"],
      },
      {
        section: "3",
        must: "write the resource that was asked for into aud, and itself where there is none",
        heldBy: [
          "gives a JWT access token for it alone, with what its scope says and who signed in how",
          "are what a client gets for ourselves where an administrator says so",
        ],
      },
      {
        section: "3",
        must: "put scopes of one resource into no token for another",
        heldBy: ["a word that two of them have is allowed at those that were asked for, and there alone"],
      },
      {
        section: "4",
        must: "refuse an at+jwt where iss, aud, exp, signature or typ is wrong",
        heldBy: ["a token ($typ) stands for nobody when $when"],
      },
      {
        section: "4",
        must: "take no ID token for an access token",
        heldBy: ["code, refresh token and ID token are no access tokens"],
      },
      {
        section: "4",
        must: "take none that ended, was given back, or is for others",
        heldBy: [
          "end with the refresh token of their grant",
          "a token for it is refused at userinfo, and taken where userinfo is among its audience",
        ],
      },
      {
        section: "5",
        must: "make one token for one resource, so that none of them can use it at another",
        heldBy: ["a JWT is for one of them"],
      },
      {
        section: "6",
        must: "call people in it as the client knows them",
        heldBy: ["say who somebody is in the client's own words"],
      },
    ],
  },
];
