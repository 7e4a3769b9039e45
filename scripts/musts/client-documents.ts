// Clients that nobody registers.
import type { Document } from "./must.ts";

export const clientDocuments: readonly Document[] = [
  {
    name: "OAuth Client ID Metadata Document",
    title: "draft-ietf-oauth-client-id-metadata-document-01",
    musts: [
      {
        section: "3",
        must: "take https addresses with a path for client ids, without dot segments, fragment, user and password",
        heldBy: ["whether %s can be the id of a client with a document: %s"],
      },
      {
        section: "3",
        must: "compare client ids as texts",
        heldBy: ["names the client in other words", "names another client"],
      },
      {
        section: "4",
        must: "fetch the document, and take 200 and JSON alone",
        heldBy: ["is not said to be JSON", "is not asked for with each request, and soon is again"],
      },
      { section: "4", must: "follow no redirect by itself", heldBy: ["a redirect is not followed (SSR-1)"] },
      {
        section: "4.1",
        must: "demand a client_id that is the address of the document",
        heldBy: ["names no client", "names another client"],
      },
      {
        section: "4.1",
        must: "take no method of authentication that is a shared secret",
        heldBy: ["wants client_secret_basic", "wants client_secret_jwt"],
      },
      {
        section: "4.1",
        must: "take no document with client_secret or client_secret_expires_at",
        heldBy: ["holds a secret", "says when a secret expires"],
      },
      {
        section: "4.2",
        must: "let a client with a key prove itself by it",
        heldBy: ["a client with a key proves itself with it (private_key_jwt)", "wants private_key_jwt without a key"],
      },
      {
        section: "4.3",
        must: "stop where the document cannot be had, and send nobody anywhere",
        heldBy: ["whoever comes with a document that %s sees what every unknown client sees"],
      },
      {
        section: "4.4",
        must: "keep no document that was an error or is malformed",
        heldBy: ["is not asked for with each request, and soon is again"],
        different:
          "that there was none is remembered for ten seconds, so that nobody makes us ask somebody again and again",
      },
      {
        section: "4.4",
        must: "keep a document as long as its headers say, within bounds",
        heldBy: ["what changes in the document counts when it is read again"],
      },
      {
        section: "5",
        must: "tell it in the metadata",
        heldBy: ["discovery says that a client can be the address of a document, where it can"],
      },
      {
        section: "6.1",
        must: "send people to redirect URIs of the document alone",
        heldBy: ["what changes in the document counts when it is read again", "leads elsewhere"],
      },
      {
        section: "6.3",
        must: "tell the person the host of the client",
        heldBy: ["openid-client signs in with the address of its document, and refreshes; it is stored when"],
      },
      {
        section: "6.5",
        must: "fetch nothing from inside its own network",
        heldBy: ["http is an address in closed test networks alone", "SSR-1"],
      },
      { section: "6.6", must: "read no more than 5 KiB", heldBy: ["is longer than 5 KiB"] },
    ],
  },
];
