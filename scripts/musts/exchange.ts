// Tokens for others: exchanged ones, those for resources, and what is asked for in objects.
import type { Document } from "./must.ts";

const AS_DEX_V2 = "as in dex v2, whose clients know these answers";

export const exchange: readonly Document[] = [
  {
    name: "RFC 8693",
    title: "Token Exchange",
    musts: [
      {
        section: "2.1",
        must: "demand subject_token and the type that it has",
        heldBy: ["without a subject token", "without its type"],
      },
      {
        section: "2.1",
        must: "take actor_token and actor_token_type together alone",
        heldBy: ["with an actor without type", "with a type without actor"],
      },
      {
        section: "2.1",
        must: "take resources that are absolute URIs without a fragment",
        heldBy: ["becomes none for another, nor with what that one does not have"],
      },
      {
        section: "2.1",
        must: "check the subject token as what its type says that it is",
        heldBy: ["$when (TX-1, dex v2 167 168 170)", "for what is no access token of a person"],
      },
      {
        section: "2.1",
        must: "check the actor token in the same way",
        heldBy: ["for what is no access token of a person", "for a token that was given back (TX-1, REV-1)"],
      },
      {
        section: "2.2.1",
        must: "answer with access_token, issued_token_type and token_type, not to be stored",
        heldBy: ["becomes an access token for who exchanges it, which is asked about and revoked like any other"],
      },
      {
        section: "2.2.1",
        must: "say N_A for the token_type of what is no access token",
        heldBy: ["becomes an ID token where one is asked for, and says nothing of a session"],
      },
      {
        section: "2.2.1",
        must: "say the scope where it is not the one asked for",
        heldBy: [
          "is exchanged by its client for one that can do less, and not for one that can do more",
          "does not say more than it may: the scope decides which claims",
        ],
      },
      {
        section: "2.2.2",
        must: "answer invalid_request where a token is not good, or not for this client",
        heldBy: ["for a token that was made for others", "for a token that was given back", "$when (TX-1, dex v2 167"],
        different: `access_denied with 401 for a token of a connector's issuer, request_not_supported for a type that there is not, and invalid_grant where the client may not use the connector: ${AS_DEX_V2}`,
      },
      {
        section: "2.2.2",
        must: "answer invalid_target for what no token can be had for",
        heldBy: ["a subject token $when: $expected (TX-1)", "is bound to an audience that trusts the client"],
      },
      {
        section: "4.1",
        must: "say in act who acts, the newest outside, and whoever acted before within",
        heldBy: ["with an actor's names who acts, and whoever acted before"],
      },
      {
        section: "4.3",
        must: "say client_id of the client that the token was made for",
        heldBy: ["is exchanged by its client for the same with less, and for nothing else"],
      },
      {
        section: "5",
        must: "exchange for clients alone that can prove who they are",
        heldBy: ["by a client that is not registered for it, or cannot prove who it is"],
      },
      {
        section: "5",
        must: "make no token that lives on after the one it came of",
        heldBy: ["when the token ends that it came of, whichever is shorter", "with the single token that it came of"],
      },
    ],
  },
  {
    name: "RFC 8707",
    title: "Resource Indicators",
    musts: [
      {
        section: "2",
        must: "take absolute URIs without a fragment, also an empty one",
        heldBy: ["one with a fragment", "one with an empty fragment", "a relative one"],
      },
      {
        section: "2",
        must: "take several",
        heldBy: ["one token for each, and one without any for ourselves"],
      },
      {
        section: "2",
        must: "answer invalid_target for one that is malformed, unknown or not for this client",
        heldBy: ["$what at the authorization endpoint", "$what at the token endpoint, and the code is still good"],
      },
      {
        section: "2",
        must: "make the token for what was asked for, and say so in its audience",
        heldBy: [
          "gives a JWT access token for it alone, with what its scope says and who signed in how",
          "a token for it is refused at userinfo, and taken where userinfo is among its audience",
        ],
      },
      {
        section: "2.1",
        must: "check them at the authorization endpoint, and in a pushed request",
        heldBy: ["$what at the authorization endpoint", "$what in a pushed request"],
      },
      {
        section: "2.1",
        must: "read them in a request object as a text or a list of texts",
        heldBy: [
          "a request object names resources by %s",
          "a request object that names resources by %s is malformed",
          "a signed request of a client that asks by name holds resources and objects as JSON",
        ],
      },
      {
        section: "2.2",
        must: "let a token request ask for some of what was allowed, and for no other",
        heldBy: ["a word that two of them have is allowed at those that were asked for, and there alone"],
      },
      {
        section: "2.2",
        must: "give a refreshed token for the resource that is asked for",
        heldBy: ["one token for each, and one without any for ourselves"],
      },
      {
        section: "2.2",
        must: "let a resource say which clients have tokens for it by themselves",
        heldBy: [
          "gets a token for a resource that names it",
          "gets none for a resource that is for whoever people allow",
        ],
      },
      {
        section: "3",
        must: "be as a resource one that takes no token that was made for another",
        heldBy: ["a token for it is refused at userinfo", "open nothing at the management API, also those of an admin"],
      },
    ],
  },
  {
    name: "RFC 9396",
    title: "Rich Authorization Requests",
    musts: [
      {
        section: "2",
        must: "demand a JSON array of objects, each with a type that is a text",
        heldBy: ["no array", "a type that is no text"],
      },
      {
        section: "2.2",
        must: "hold the members that all types share to what they are",
        heldBy: ["actions that are no list of texts", "locations of another resource"],
      },
      {
        section: "3",
        must: "show the person all of it beside the scope, with nothing taken for markup",
        heldBy: [
          "the person is asked each time and shown every member, though the client is trusted",
          "is shown to the person with every member of what it asks for, and no scope twice",
        ],
      },
      {
        section: "3",
        must: "take it wherever a person is asked: pushed, in request objects, by devices and by name",
        heldBy: [
          "a request object holds authorization_details %s",
          "is refused with $what, and nothing is stored",
          "a signed request of a client that asks by name holds resources and objects as JSON",
        ],
      },
      {
        section: "3.2",
        must: "lead it to the resource that it is asked of",
        heldBy: ["what was asked for is in the answer, in the token of its resource, and in introspection"],
      },
      {
        section: "5",
        must: "refuse a type that it does not know",
        heldBy: ["a type that nobody knows"],
      },
      {
        section: "5",
        must: "refuse members that the type does not have, and malformed ones",
        heldBy: ["a member that its type does not have", "a member named as the prototype", "something too deep"],
      },
      {
        section: "5",
        must: "answer invalid_authorization_details",
        heldBy: ["what cannot be asked for is refused with invalid_authorization_details"],
      },
      {
        section: "6",
        must: "give by a token request no more than was allowed, and spend nothing by refusing it",
        heldBy: [
          "a token can be for less of it, and never for more",
          "a code that is redeemed for what was not granted is still good",
        ],
        different:
          "less is any of the objects that were allowed, each as it stands: what less of one is only its API knows",
      },
      {
        section: "6",
        must: "give a client for itself what it may have",
        heldBy: ["anything, by a client for itself"],
        different: "nothing: no administrator says yet what that would be, so it is refused",
      },
      {
        section: "7",
        must: "say in the token answer what was allowed for this token",
        heldBy: ["what was asked for is in the answer, in the token of its resource, and in introspection"],
      },
      {
        section: "8",
        must: "answer invalid_authorization_details at the token endpoint, too",
        heldBy: ["a token can be for less of it, and never for more", "anything, by a client for itself"],
      },
      {
        section: "9.1",
        must: "put into a JWT access token what is for its resource",
        heldBy: ["what was asked for is in the answer, in the token of its resource, and in introspection"],
      },
      {
        section: "9.2",
        must: "tell it by introspection",
        heldBy: ["what was asked for is in the answer, in the token of its resource, and in introspection"],
      },
      {
        section: "10",
        must: "list the types in the metadata",
        heldBy: ["discovery names what takes tokens here and each type of authorization details"],
      },
      {
        section: "12",
        must: "trust nothing in it: bounded, without what is not seen, never as markup",
        heldBy: ["something too deep", "more than fits into a request", "more than a person could be shown is refused"],
      },
    ],
  },
];
