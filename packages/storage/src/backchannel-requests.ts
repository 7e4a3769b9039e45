import type {
  BackchannelRequestLimits,
  BackchannelRequests,
  NamedPerson,
  NewBackchannelRequestOutcome,
  RequestedTargets,
  WaitingBackchannelRequest,
} from "@dex/oidc";
import { addSeconds } from "@dex/runtime";
import { attemptKey } from "./attempts.ts";
import { cold, type Database, hot } from "./database.ts";
import {
  counting,
  INTERVAL_SECONDS,
  KEEP_EXPIRED_SECONDS,
  sweeping,
  toAskedOfResources,
  unlessClientGone,
} from "./device-requests.ts";
import { isStorable, orUndefined } from "./stored-text.ts";
import { isUuid } from "./token-families.ts";

/** The kind of an outbox row that becomes a mail to the person. */
const MAIL = "backchannel-request";

const at = { now: "$1", until: "$2" };

/**
 * Counted in a chain, each only where the one before has room, as for devices. Whether there is such a person is found out
 * by the same statement, so that the answer takes as long for everybody; whom nobody knows has a count of their own too.
 */
const CREATE = hot(
  "backchannel.create",
  `WITH swept AS (${sweeping("$1")}),
  ${counting("of_client", { key: "$3", given: "", ...at })},
  ${counting("of_person", { key: "$4", given: "FROM of_client WHERE attempts <= $6::integer", ...at })},
  ${counting("in_all", { key: "$5", given: "FROM of_person WHERE attempts <= $7::integer", ...at })},
  room AS (SELECT 1 AS one FROM in_all WHERE attempts <= $8::integer),
  person AS (
    SELECT u.id, u.email_verified FROM app_user u
    WHERE NOT u.disabled AND u.id = COALESCE($10::text,
      (SELECT id FROM app_user WHERE email = $11::text AND email_verified),
      (SELECT user_id FROM remote_identity WHERE connector_id = $12::text AND remote_id = $13::text))
  ),
  stored AS (
    INSERT INTO device_request (request_id, device_code_hash, user_code_hash, client_id, scope, binding_message,
      sealed_notification, named_user_id, created_at, expires_at, delete_after, interval_seconds, asked)
    SELECT $14::uuid, $15::bytea, $16::bytea, $17::text, $18::text[], $19::text, $20::bytea, (SELECT id FROM person),
      $1::timestamptz, $21::timestamptz, $21::timestamptz + make_interval(secs => ${KEEP_EXPIRED_SECONDS}), ${INTERVAL_SECONDS},
      $23::jsonb
    FROM room WHERE $22::boolean OR EXISTS (SELECT FROM person)
    RETURNING request_id, client_id, named_user_id
  ),
  ${counting("mails", { key: "sha256(convert_to('backchannel mails' || named_user_id, 'UTF8'))", given: "FROM stored WHERE named_user_id IS NOT NULL", ...at })},
  mailed AS (
    INSERT INTO outbox (kind, cause, user_id, link_id, client_id, occurred_at, due_at)
    SELECT '${MAIL}', request_id::text, named_user_id, request_id, client_id, $1, $1
    FROM stored JOIN person ON person.email_verified CROSS JOIN mails WHERE mails.attempts <= $9::integer
  )
  SELECT EXISTS (SELECT FROM stored) AS stored, EXISTS (SELECT FROM room) AS room,
    (SELECT window_ends_at FROM of_client) AS client_until, (SELECT window_ends_at FROM of_person) AS person_until,
    (SELECT window_ends_at FROM in_all) AS all_until`,
);

const FIND = cold(
  "backchannel.find",
  `SELECT d.request_id, d.client_id, d.scope, d.asked, d.binding_message, d.named_user_id FROM device_request d
  WHERE d.request_id = $1::uuid AND d.named_user_id IS NOT NULL AND d.decision IS NULL AND d.expires_at > $2::timestamptz`,
);

interface CreatedRow {
  readonly stored: boolean;
  readonly room: boolean;
  readonly client_until: Date;
  readonly person_until: Date | null;
  readonly all_until: Date | null;
}

interface WaitingRow {
  readonly request_id: string;
  readonly client_id: string;
  readonly scope: readonly string[];
  readonly asked: RequestedTargets | null;
  readonly binding_message: string | null;
  readonly named_user_id: string;
}

/** Clients that wait for a person whom they named, CIBA Core. Polls and decisions are those of devices. */
export function makeBackchannelRequestStore(db: Database): BackchannelRequests {
  return {
    async create(request, limits, now): Promise<NewBackchannelRequestOutcome> {
      const { clientId, person } = request;
      const rows = await unlessClientGone(
        db.run<CreatedRow>(CREATE, [
          ...countsOf(clientId, person, limits, now),
          ...columnsOf(person),
          ...[request.id, request.authReqIdHash, request.approvalHash, clientId, request.scope],
          ...[request.bindingMessage, request.sealedNotification, request.expiresAt, request.unknownPerson === "kept"],
          toAskedOfResources(request.targets),
        ]),
      );
      if (rows === undefined) return { kind: "client gone" };
      const [row] = rows;
      if (row === undefined) throw new Error("storing a backchannel request returned no row");
      if (row.stored) return { kind: "stored" };
      if (row.room) return { kind: "unknown person" };
      if (row.all_until !== null) return { kind: "full", until: row.all_until };
      if (row.person_until !== null) return { kind: "person full", until: row.person_until };
      return { kind: "client full", until: row.client_until };
    },

    async find(requestId, now) {
      if (!isUuid(requestId)) return undefined;
      const [row] = await db.run<WaitingRow>(FIND, [requestId, now]);
      return row && toWaitingRequest(row);
    },
  };
}

/** The first nine parameters of CREATE. */
function countsOf(
  clientId: string,
  person: NamedPerson,
  { windowSeconds, ofClient, ofPerson, inAll, mails }: BackchannelRequestLimits,
  now: Date,
): readonly unknown[] {
  const key = (name: string) => attemptKey("failure", `backchannel requests ${name}`);
  return [
    ...[now, addSeconds(now, windowSeconds)],
    ...[key(`of ${clientId}`), key(`about ${JSON.stringify([clientId, person])}`), key("in all")],
    ...[ofClient, ofPerson, inAll, mails],
  ];
}

/** The parameters of CREATE that find the person. */
function columnsOf(person: NamedPerson): readonly (string | undefined)[] {
  const id = person.kind === "user" ? person.id : undefined;
  const email = person.kind === "email" ? person.email : undefined;
  const { connectorId, remoteId } =
    person.kind === "identity" ? person : { connectorId: undefined, remoteId: undefined };
  const all = [id, email, connectorId, remoteId];
  return isStorable(...all) ? all : all.map(() => undefined);
}

function toWaitingRequest(row: WaitingRow): WaitingBackchannelRequest {
  return {
    id: row.request_id,
    clientId: row.client_id,
    userId: row.named_user_id,
    scope: row.scope,
    targets: row.asked ?? {},
    bindingMessage: orUndefined(row.binding_message),
  };
}
