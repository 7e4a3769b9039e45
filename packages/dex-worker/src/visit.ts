import type { Request, Response } from "express";

/** One request of a browser. Its clock is read once. */
export interface Visit {
  readonly request: Request;
  readonly response: Response;
  readonly now: Date;
}

/** A page of ours with the methods that it answers; every other method is refused. Mounted below the issuer's path. */
export interface PageRoute {
  readonly path: string;
  readonly GET?: (visit: Visit) => Promise<void>;
  readonly POST?: (visit: Visit) => Promise<void>;
  /** How its refusals are told; a page when left out. */
  readonly reply?: "page" | "token" | "bearer";
}
