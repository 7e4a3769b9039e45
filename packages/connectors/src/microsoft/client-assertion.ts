// The assertion that a platform puts into a file and replaces there, such as a Kubernetes service account token.
import { open } from "node:fs/promises";
import { unavailable } from "../login-refused.ts";

const MAX_BYTES = 16_384;
/** RFC 7515 §7.1. Whoever may configure a connector must not have other files sent to a server of their own. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Reads the file anew. Throws LoginRefused, naming the member and not the content. */
export async function readClientAssertion(path: string): Promise<string> {
  const text = (await readStart(path)).trim();
  if (!JWT.test(text)) throw unavailable("clientAssertion: the file does not hold a JWT");
  return text;
}

async function readStart(path: string): Promise<string> {
  try {
    await using file = await open(path);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(MAX_BYTES + 1) });
    return bytesRead > MAX_BYTES ? "" : buffer.toString("utf8", 0, bytesRead);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "failed";
    throw unavailable(`clientAssertion: the file cannot be read (${code})`);
  }
}
