// OpenID Connect: the end of sessions.
import type { Document } from "./must.ts";

export const openidLogout: readonly Document[] = [
  {
    name: "OpenID Connect RP-Initiated Logout 1.0",
    musts: [
      {
        section: "2",
        must: "take requests by GET and by POST",
        heldBy: ["a form that the client's site posts is taken as well"],
      },
      {
        section: "2",
        must: "check that the hint is an ID token of ours, and take it though it has expired",
        heldBy: ["an expired token comes along", "its hint was signed by others", "its hint is of another issuer"],
      },
      {
        section: "2",
        must: "see that client_id and the audience of the hint agree",
        heldBy: ["its hint is for another client"],
      },
      {
        section: "2",
        must: "ask the person where the hint does not prove who asks",
        heldBy: [
          "with a hint that is $whose the person is asked: $asked",
          "a hint of somebody else's session signs nobody out unasked",
        ],
      },
      {
        section: "2",
        must: "ignore parameters that it does not know",
        heldBy: ["a parameter that comes twice is refused, others are taken and change nothing"],
      },
      {
        section: "2.1",
        must: "tell the endpoint in the metadata, by https",
        heldBy: [
          "the metadata names the endpoint and what is supported of signing out",
          "the metadata of the profile is there, at https addresses $row",
        ],
      },
      {
        section: "3",
        must: "send nobody to an address that is not registered, letter for letter",
        heldBy: ["its address is a part of the registered one", "its address goes on after the registered one"],
      },
      {
        section: "3",
        must: "send nobody on without a hint or another way to know that the client asked",
        heldBy: [
          "nobody says whose address it is",
          "without a hint a client that says who it is gets the person back only after they agreed",
        ],
      },
      {
        section: "3",
        must: "give state back, and nothing else",
        heldBy: ["signs out and goes back with the state and nothing else $name"],
      },
      {
        section: "3.1",
        must: "register post_logout_redirect_uris by https, private schemes of public clients",
        heldBy: ["people are sent back to a private-use scheme"],
      },
      {
        section: "4",
        must: "tell errors on a page of its own and sign nobody out over them",
        heldBy: ["is refused on our own page, and the session lives $name"],
      },
      {
        section: "6",
        must: "let no other site sign a person out",
        heldBy: [
          "the answer counts only from our own page, for this session and this request",
          "asks the person, who then sees that they are signed out $name",
        ],
      },
    ],
  },
  {
    name: "OpenID Connect Session Management 1.0",
    musts: [
      {
        section: "2",
        must: "give session_state with every authentication answer, made of client, origin, state of the browser and salt",
        heldBy: [
          "says what the frame will compare, and so does the error when nobody is signed in",
          "a session_state is bound to client, origin, state of the browser and salt",
        ],
      },
      {
        section: "2",
        must: "make no session_state that holds a blank",
        heldBy: ["is the same for one session, another for the next, and gives away nothing of either"],
      },
      {
        section: "3.1",
        must: "change the state of the browser when its session changes",
        heldBy: ["changes with every sign-in and when the person signs out, and then stays"],
      },
      {
        section: "3.2",
        must: "answer the frame's messages with changed, unchanged or error, to the origin that asked",
        heldBy: [
          "an application of another site hears that nothing changed until the person signs out",
          "another origin learns nothing with the session_state of the application",
        ],
      },
      {
        section: "3.2",
        must: "answer error to a message of another form",
        heldBy: ["what is no message of an application is an error, and harms nothing"],
      },
      {
        section: "3.2",
        must: "send nothing over the network for a message",
        heldBy: ["an application of another site hears that nothing changed until the person signs out"],
      },
      {
        section: "3.3",
        must: "tell check_session_iframe by https",
        heldBy: ["an https issuer names both addresses, and both are there"],
      },
      {
        section: "4",
        must: "keep the state of the browser readable to the frame and worth nothing elsewhere",
        heldBy: ["is readable in frames, and worth nothing at any endpoint"],
      },
      {
        section: "5.1",
        must: "let the one page of the frame be framed and no other",
        heldBy: ["the frame may be framed and runs its own script alone", "no other page of ours may have frames"],
      },
    ],
  },
  {
    name: "OpenID Connect Front-Channel Logout 1.0",
    musts: [
      {
        section: "2",
        must: "take an address on the host of a redirect URI alone",
        heldBy: ["a frame is on another host"],
      },
      {
        section: "2",
        must: "load the address with iss and sid in a frame",
        heldBy: ["loads each client's address with iss and sid, and then goes on with the state"],
      },
      {
        section: "3",
        must: "tell in the metadata that it is there, sid included",
        heldBy: [
          "the metadata of the profile is there, at https addresses $row",
          "the metadata names the endpoint and what is supported of signing out",
        ],
      },
      {
        section: "3",
        must: "load the addresses of all clients of the session",
        heldBy: ["who agrees to sign out comes by every frame and then to the application"],
      },
      {
        section: "4",
        must: "be sure of the person before anything ends",
        heldBy: ["a hint of somebody else's session signs nobody out unasked"],
      },
    ],
  },
  {
    name: "OpenID Connect Back-Channel Logout 1.0",
    musts: [
      {
        section: "2.1",
        must: "tell in the metadata that it is there, sid included",
        heldBy: ["the metadata of the profile is there, at https addresses $row"],
      },
      {
        section: "2.1",
        must: "put sid into ID tokens, the same for one session and one client's tokens",
        heldBy: [
          "a sid is the same for the life of a session, another for every session",
          "each client of the session gets one signed token that names it",
        ],
      },
      {
        section: "2.2",
        must: "take a backchannel_logout_uri without fragment",
        heldBy: ["what a client registered beside is read strictly"],
      },
      {
        section: "2.4",
        must: "say iss, aud, iat, exp, jti, events and sub or sid in the token, and no nonce",
        heldBy: ["each client of the session gets one signed token that names it, and nothing else"],
      },
      {
        section: "2.4",
        must: "sign it as the client's ID tokens are",
        heldBy: [
          "the token is signed as the client's ID tokens are, and a pairwise client meets the name that it knows",
        ],
      },
      {
        section: "2.4",
        must: "give it the type logout+jwt",
        heldBy: ["a logout token is no ID token to us: as a hint it is refused"],
      },
      {
        section: "2.5",
        must: "post it as a form to the client, by TLS",
        heldBy: ["a client is told of the end of a session over TLS, and its person goes back to it"],
      },
      {
        section: "2.5",
        must: "tell every client of the session, and wait for none",
        heldBy: [
          "each client of the session gets one signed token that names it",
          "a client that is down keeps nobody waiting, is told again later",
        ],
      },
      {
        section: "2.7",
        must: "end refresh tokens of the session but those for offline access",
        heldBy: ["the session ends in the database, not only its cookie, and its access tokens with it"],
      },
      {
        section: "2.8",
        must: "take 200 for success and anything else for a failure",
        heldBy: ["a client that is down keeps nobody waiting, is told again later, and is given up in the end"],
      },
      {
        section: "4",
        must: "let a logout token be taken for no ID token",
        heldBy: ["a logout token is no ID token to us: as a hint it is refused"],
      },
    ],
  },
];
