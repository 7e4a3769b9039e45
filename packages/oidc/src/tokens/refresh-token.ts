// A refresh token is sealed around the id of its family, its generation and a secret. Only what we sealed opens, so a
// forged or damaged token is told apart from a used one and harms no family (REF-8).
import { decodeBase64Url, type Random, type Sealer, sha256 } from "@dex/runtime";
import { uuidFromBytes, uuidToBytes } from "./uuid.ts";

const PREFIX = "dxr_";
const CONTEXT = "refresh token";
const MAX_LENGTH = 256;
const ID_BYTES = 16;
const GENERATION_BYTES = 4;
const SECRET_BYTES = 32;

/** The generation of the refresh token that a new family starts with. */
export const FIRST_GENERATION = 1;

export interface RefreshToken {
  readonly familyId: string;
  readonly generation: number;
  /** SHA-256 of the secret part: what is stored. */
  readonly hash: Buffer;
}

export interface NewRefreshToken {
  readonly hash: Buffer;
  /** The token for the client. Sealed when asked for: most codes lead to no refresh token. */
  text(): string;
}

/** Opens refresh tokens. */
export interface RefreshTokenOpener {
  /** The token, or undefined when it was not issued by us or was altered. */
  open(text: string): RefreshToken | undefined;
}

export interface RefreshTokens extends RefreshTokenOpener {
  make(familyId: string, generation: number): NewRefreshToken;
}

export function makeRefreshTokens(parts: { sealer: Sealer; random: Random }): RefreshTokens {
  const { sealer, random } = parts;
  return {
    make(familyId, generation) {
      const secret = random(SECRET_BYTES);
      return {
        hash: sha256(secret),
        text() {
          const number = Buffer.alloc(GENERATION_BYTES);
          number.writeUInt32BE(generation);
          const plaintext = Buffer.concat([uuidToBytes(familyId), number, secret]);
          return PREFIX + sealer.seal(plaintext, CONTEXT).toString("base64url");
        },
      };
    },
    ...makeRefreshTokenOpener(sealer),
  };
}

export function makeRefreshTokenOpener(sealer: Sealer): RefreshTokenOpener {
  return {
    open(text) {
      if (!text.startsWith(PREFIX) || text.length > MAX_LENGTH) return undefined;
      const sealed = decodeBase64Url(text.slice(PREFIX.length));
      const plaintext = sealed === undefined ? undefined : sealer.open(sealed, CONTEXT)?.plaintext;
      if (plaintext?.length !== ID_BYTES + GENERATION_BYTES + SECRET_BYTES) return undefined;
      return {
        familyId: uuidFromBytes(plaintext.subarray(0, ID_BYTES)),
        generation: plaintext.readUInt32BE(ID_BYTES),
        hash: sha256(plaintext.subarray(ID_BYTES + GENERATION_BYTES)),
      };
    },
  };
}
