import type { Actor } from "@dex/users";
import { isStorable } from "./stored-text.ts";

/** Who caused an audit event: somebody outside, the part of dex that acts by itself, or the upstream of a connector. */
export type AuditActor =
  | Actor
  | { readonly kind: "upstream"; readonly id: string; readonly address: string | undefined }
  | { readonly kind: "overlord" | "worker"; readonly id: undefined; readonly address: undefined };

/** The actor as the three values that `AUDIT_COLUMNS` ends with. */
export function toAuditValues(actor: AuditActor): readonly [string, string | null, string | null] {
  const { kind, id, address } = actor;
  return [
    kind,
    id !== undefined && isStorable(id) ? id : null,
    address !== undefined && isStorable(address) ? address : null,
  ];
}

/** For INSERT INTO audit_event, in the statement or transaction of the change itself (ADM-6). Never a secret value. */
export const AUDIT_COLUMNS = "event, subject_id, actor_kind, actor_id, actor_address";

/** What the overlord does of its own accord. */
export const OVERLORD = { kind: "overlord", id: undefined, address: undefined } as const;
