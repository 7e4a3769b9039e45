import { cold, type Runner } from "./database.ts";

const HOLD = cold("leadership.holdFence", "SELECT fence FROM leadership WHERE fence = $1 FOR SHARE");

/**
 * Whether `fence` is still the newest, and keeps it so until the transaction ends: a successor waits for the lock. Every
 * transaction of a leader begins with this.
 */
export async function holdFence(tx: Runner, fence: number): Promise<boolean> {
  const rows = await tx.run(HOLD, [fence]);
  return rows.length > 0;
}
