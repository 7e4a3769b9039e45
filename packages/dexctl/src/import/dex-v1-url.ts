import { Secret } from "@dex/runtime";
import { Failure } from "../failure.ts";

/** The address of a dex v1's database, as a URL; a usage Failure, without repeating it, for anything else. */
export function toDexV1Url(text: Secret<string>): Secret<string> | Failure {
  const url = URL.parse(text.reveal().trim());
  if (url !== null && (url.protocol === "postgres:" || url.protocol === "postgresql:")) return new Secret(url.href);
  return new Failure("usage", "--from: expected a postgres:// URL");
}
