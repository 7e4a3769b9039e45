import { createHash } from "node:crypto";
import { STYLESHEET } from "./static/stylesheet.ts";

/** A file that the worker serves as it is. */
export interface StaticFile {
  /** Starts with `/static/` and carries a hash of the content, so it may be cached for ever. */
  readonly path: string;
  readonly contentType: string;
  readonly body: Buffer;
}

/** Every file the pages need. The path of the stylesheet is also stylesheetPath(). */
export function staticFiles(): readonly StaticFile[] {
  return [{ path: stylesheetPath(), contentType: "text/css; charset=utf-8", body: Buffer.from(STYLESHEET) }];
}

/** The path of the stylesheet among the static files; with the issuer's path before it, it is Theme.stylesheetUrl. */
export function stylesheetPath(): string {
  return `/static/dex-${createHash("sha256").update(STYLESHEET).digest("hex").slice(0, 16)}.css`;
}
