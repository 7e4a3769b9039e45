// Who the subject of a token is called towards a client: OIDC Core §8. Every `sub` that leaves us, in ID tokens, userinfo,
// logout tokens and introspection, is made here, so that a client meets one name for one person everywhere.
import { createHmac, hkdfSync } from "node:crypto";
import { decodeBase64Url } from "@dex/runtime";
import type { Client } from "../clients/client.ts";
import type { TokenUser } from "../ports.ts";

/**
 * `uuid`: the user's own id. `dex-v2`: what dex v2 called somebody, made of the connector and of who they are there, so that
 * an installation of it moves without its clients losing anybody; a person with two connectors then has two names.
 */
export const SUBJECT_FORMATS = ["uuid", "dex-v2"] as const;
export type SubjectFormat = (typeof SUBJECT_FORMATS)[number];

/** Somebody who signed in, and through what. */
export interface SignedInPerson {
  readonly user: Pick<TokenUser, "id" | "remoteId">;
  readonly connectorId: string;
}

export interface Subjects {
  /** The `sub` of the person towards the clients of a sector; without one, towards all others. */
  of(person: SignedInPerson, sector: string | undefined): string;
}

const PAIRWISE_KEY_BYTES = 32;

/**
 * The key of the pairwise names of an installation: made of its salt, which is drawn once and never changes. Not of the key
 * secrets, since those are replaced from time to time, and every client would meet strangers then. Who reads the database can
 * tell that two names are one person; they could anyhow.
 */
export function derivePairwiseKey(salt: Buffer): Buffer {
  return Buffer.from(hkdfSync("sha256", salt, "", "dex pairwise subjects", PAIRWISE_KEY_BYTES));
}

/** `pairwiseKey` makes every pairwise name: with another one every client would meet strangers. */
export function makeSubjects({ format, pairwiseKey }: { format: SubjectFormat; pairwiseKey: Buffer }): Subjects {
  return {
    of(person, sector) {
      if (sector === undefined) return format === "uuid" ? person.user.id : dexV2Subject(person);
      // Of the user alone, however they signed in. The sector cannot hold a NUL, so no two pairs are written alike.
      return createHmac("sha256", pairwiseKey).update(`${sector}\0${person.user.id}`).digest("base64url");
    },
  };
}

/** The sector that a client's pairwise subjects are made for, OIDC Core §8.1; undefined: its subjects are public. */
export function sectorOf(client: Pick<Client, "id" | "redirectUris" | "details">): string | undefined {
  if (client.details.subject_type !== "pairwise") return undefined;
  const { sector_identifier_uri: uri } = client.details;
  if (uri !== undefined) return new URL(uri).host;
  const [host = "", ...others] = hostsOf(client.redirectUris);
  // A program without a host of its own is a sector by itself; so is whoever got several past registration.
  return host === "" || others.length > 0 ? `client ${client.id}` : host;
}

function hostsOf(redirectUris: readonly string[]): readonly string[] {
  return [...new Set(redirectUris.map((uri) => new URL(uri).host))];
}

/** dex v2 `sub`: a protobuf message of two texts, 1 the user's id at the connector, 2 the connector's id. Empty ones are left out. */
function dexV2Subject({ user, connectorId }: SignedInPerson): string {
  const fields = [textField(1, user.remoteId ?? user.id), textField(2, connectorId)];
  return Buffer.concat(fields).toString("base64url");
}

const WIRE_TYPE_TEXT = 2;

function textField(number: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length === 0) return bytes;
  return Buffer.concat([Buffer.from([(number << 3) | WIRE_TYPE_TEXT, ...varint(bytes.length)]), bytes]);
}

/** Seven bits at a time, the lowest first. */
function varint(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

/** Who a dex v2 `sub` names; undefined when it is none. */
export function parseDexV2Subject(
  subject: string,
): { readonly connectorId: string; readonly remoteId: string } | undefined {
  const bytes = decodeBase64Url(subject);
  const remoteId = bytes && readTextField(bytes, 1, 0);
  const connectorId = remoteId && readTextField(bytes, 2, remoteId.end);
  if (connectorId === undefined || connectorId.end !== bytes?.length) return undefined;
  return { connectorId: connectorId.text, remoteId: remoteId?.text ?? "" };
}

function readTextField(bytes: Buffer, number: number, start: number): { text: string; end: number } | undefined {
  if (bytes[start] !== ((number << 3) | WIRE_TYPE_TEXT)) return undefined;
  let length = 0;
  for (let at = start + 1, shift = 0; shift < 28; at += 1, shift += 7) {
    const byte = bytes[at] ?? 0;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) return { text: bytes.toString("utf8", at + 1, at + 1 + length), end: at + 1 + length };
  }
  return undefined;
}
