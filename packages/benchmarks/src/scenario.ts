import type { Floor } from "./floor.ts";
import type { HttpClient } from "./http-client.ts";
import type { System } from "./system.ts";

/** Checks what an operation brought, such as a signature. Run after the clock has stopped, so that it costs nobody. */
export type Proof = () => Promise<void>;

/** One virtual user. Each call is one operation; throws when dex did not do what it should. */
export type Lane = () => Promise<Proof | undefined>;

export interface Scenario {
  readonly name: string;
  /** What it is called in the table. */
  readonly title: string;
  readonly floor: Floor | undefined;
  /** Opens the virtual user with this number; each has a user and a session of its own. */
  openLane(parts: { system: System; http: HttpClient; index: number }): Promise<Lane>;
}
