import { UpstreamUnreachable } from "./bounded-fetch.ts";
import type { LoginRefusal } from "./connector.ts";

/** Ends the reading of an identity. Thrown and caught inside this package: what a login returns is the refusal. */
export class LoginRefused extends Error {
  override readonly name = "LoginRefused";
  readonly refusal: LoginRefusal;
  constructor(refusal: LoginRefusal) {
    super(describeRefusal(refusal));
    this.refusal = refusal;
  }
}

export function unavailable(detail: string): LoginRefused {
  return new LoginRefused({ kind: "unavailable", detail });
}

export function invalidAnswer(detail: string): LoginRefused {
  return new LoginRefused({ kind: "refused", reason: "invalid answer", detail });
}

/** The person is known upstream, but in none of the groups that this connector is configured to let in. */
export function notPermitted(detail: string): LoginRefused {
  return new LoginRefused({ kind: "refused", reason: "not permitted", detail });
}

/** The person is not known upstream any more, or somebody else has their place. */
export function userGone(detail: string): LoginRefused {
  return new LoginRefused({ kind: "refused", reason: "user gone", detail });
}

/** What a refusal says to operators. */
export function describeRefusal(refusal: LoginRefusal): string {
  return "detail" in refusal ? refusal.detail : refusal.kind;
}

/** Runs a step; a refusal it throws, or an upstream it cannot reach, becomes its outcome. Errors of ours still fly. */
export async function outcomeOf<Outcome>(step: () => Promise<Outcome>): Promise<Outcome | LoginRefusal> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof LoginRefused) return error.refusal;
    if (error instanceof UpstreamUnreachable) return { kind: "unavailable", detail: error.message };
    throw error;
  }
}
