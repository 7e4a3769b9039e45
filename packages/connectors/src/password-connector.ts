// The base of connectors that show a typed password to an HTTP API, Crowd's or Keystone's: what is never sent there, the
// count of attempts, the time all of it may take, and the refusal of whoever is somebody else on a refresh.
import type {
  AskedOfUpstream,
  CheckStep,
  Connector,
  Identity,
  LoginRefusal,
  StoredConnector,
  UpstreamGrant,
} from "./connector.ts";
import type { ConnectorParts } from "./connector-kind.ts";
import { displayNameOf } from "./display-name.ts";
import { LoginRefused, notPermitted, outcomeOf } from "./login-refused.ts";

const MAX_LOGIN_LENGTH = 255;
const MAX_PASSWORD_BYTES = 1024;
/** For all calls of one login together. */
const LOGIN_MILLISECONDS = 30_000;
const CHECK_MILLISECONDS = 25_000;

/** What an upstream says about a person. */
export type PasswordPerson = Omit<Identity, "connectorId" | "authTime" | "amr">;

export interface TypedPassword {
  readonly login: string;
  readonly password: string;
  readonly asked: AskedOfUpstream;
  readonly signal: AbortSignal;
  /**
   * Counts the attempt on whoever has this id, before the upstream is shown the password (ACC-3, ACC-5). Throws
   * LoginRefused when there were too many. What has no id yet is counted under a text that is no id.
   */
  admit(remoteId: string): Promise<void>;
}

/** One upstream as configured. All of it throws LoginRefused or UpstreamUnreachable where there is nobody to return. */
export interface PasswordProvider {
  readonly loginLabel: string;
  authenticate(typed: TypedPassword): Promise<{ readonly person: PasswordPerson; readonly grant: UpstreamGrant }>;
  /** Reads a person again without a password. Absent where that cannot be done. */
  readonly reread?:
    | ((grant: UpstreamGrant, asked: AskedOfUpstream, signal: AbortSignal) => Promise<PasswordPerson>)
    | undefined;
  check(signal: AbortSignal): Promise<readonly CheckStep[]>;
}

/** Makes the connector of one upstream that takes passwords. */
export function makePasswordConnector(
  stored: StoredConnector,
  provider: PasswordProvider,
  { admitAttempt = async () => ({ kind: "try" }) }: Pick<ConnectorParts, "admitAttempt">,
): Connector {
  const { reread } = provider;
  return {
    id: stored.id,
    type: stored.type,
    displayName: displayNameOf(stored),
    login: {
      kind: "password",
      loginLabel: provider.loginLabel,
      async verify({ login, password, source, asked, now }) {
        const refusal = refuseTyped(login, password);
        if (refusal !== undefined) return refusal;
        const admit = async (remoteId: string) => {
          const admitted = await admitAttempt({ connectorId: stored.id, remoteId, source, now });
          if (admitted.kind === "throttled") throw new LoginRefused(admitted);
        };
        const signal = AbortSignal.timeout(LOGIN_MILLISECONDS);
        return outcomeOf(async () => {
          const { person, grant } = await provider.authenticate({ login, password, asked, signal, admit });
          const identity = { ...person, connectorId: stored.id, authTime: now, amr: ["pwd"] };
          const again = asked.offlineAccess && reread !== undefined ? { grant } : {};
          return { kind: "identity", identity, ...again };
        });
      },
    },
    ...(reread === undefined
      ? {}
      : {
          refresh: ({ grant, remoteId, asked }) =>
            outcomeOf(async () => {
              const person = await reread(grant, asked, AbortSignal.timeout(LOGIN_MILLISECONDS));
              // A name that was given up may be somebody else's by now.
              if (person.remoteId !== remoteId) throw notPermitted("the upstream names somebody else");
              return {
                kind: "identity",
                identity: { ...person, connectorId: stored.id, authTime: undefined, amr: [] },
              };
            }),
        }),
    check: () => provider.check(AbortSignal.timeout(CHECK_MILLISECONDS)),
  };
}

/** Pure. Why what was typed is not sent anywhere; undefined when it may be. */
function refuseTyped(login: string, password: string): LoginRefusal | undefined {
  const nameable = login.trim() !== "" && login.length <= MAX_LOGIN_LENGTH && isPlainText(login);
  if (!nameable) return wrongPassword("a name that nobody has");
  if (password === "" || Buffer.byteLength(password) > MAX_PASSWORD_BYTES || !password.isWellFormed()) {
    return wrongPassword("a password that nobody has");
  }
  return undefined;
}

function isPlainText(text: string): boolean {
  return text.isWellFormed() && /^\P{Cc}*$/u.test(text);
}

/** The outcome of a wrong name or password, which are not told apart. `detail` is for the log. */
export function wrongPassword(detail: string): LoginRefusal {
  return { kind: "refused", reason: "invalid credentials", detail };
}
