// A small world of an overlord, two workers and verifiers that cache, in simulated time, to try rotation policies in.
import { addSeconds } from "@dex/runtime";
import {
  decideRotation,
  type RotationDecision,
  type RotationPolicy,
  type SigningKeySet,
  type StoredSigningKey,
} from "../src/index.ts";

export const START = new Date("2026-01-01T00:00:00Z");
export const HOUR = 3600;
export const DAY = 24 * HOUR;

export const DEFAULT_POLICY: RotationPolicy = {
  periodSeconds: DAY,
  jwksMaxAgeSeconds: 300,
  retentionSeconds: 2 * DAY,
  minimumPublishSeconds: HOUR,
  marginSeconds: 60,
  algorithms: ["RS256"],
};

export const EMPTY_SET: SigningKeySet = { keys: [], jwksMaxAgeSeconds: 300, rotationRequestedAt: undefined };

let made = 0;
export function storedKey(more: Partial<StoredSigningKey> = {}): StoredSigningKey {
  return {
    id: `key-${++made}`,
    algorithm: "RS256",
    state: "next",
    publicJwk: {},
    sealedPrivateKey: Buffer.alloc(0),
    createdAt: START,
    activatedAt: undefined,
    retiredAt: undefined,
    ...more,
  };
}

/** What the store does with a decision once its keys were generated. */
export function applyDecision(
  set: SigningKeySet,
  decision: RotationDecision,
  jwksMaxAgeSeconds: number,
  now: Date,
): SigningKeySet {
  const kept = set.keys.filter((key) => !decision.remove.includes(key.id));
  const moved = kept.map((key): StoredSigningKey => {
    if (decision.activate.includes(key.id)) return { ...key, state: "active", activatedAt: now };
    if (decision.retire.includes(key.id)) return { ...key, state: "retired", retiredAt: now };
    return key;
  });
  const added = decision.add.map(({ algorithm, state }) =>
    storedKey({ algorithm, state, createdAt: now, activatedAt: state === "active" ? now : undefined }),
  );
  return {
    keys: [...moved, ...added],
    jwksMaxAgeSeconds,
    rotationRequestedAt: decision.rotationDone ? undefined : set.rotationRequestedAt,
  };
}

/** Numbers in [0, 1) that are the same in every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What the world needs of a policy. `publish` and `signWith` name keys. */
export interface SimulatedPolicy {
  tick(now: Date): void;
  publish(): readonly string[];
  signWith(): string;
  jwksMaxAgeSeconds(): number;
  requestRotation(now: Date): void;
}

export function ourPolicy(policy: RotationPolicy): SimulatedPolicy & { changeMaxAge(seconds: number): void } {
  let set = EMPTY_SET;
  let current = policy;
  return {
    tick(now) {
      const decision = decideRotation(set, current, now, { sealedUnderOlderSecret: new Set() });
      set = applyDecision(set, decision, current.jwksMaxAgeSeconds, now);
    },
    publish: () => set.keys.map((key) => key.id),
    signWith: () => set.keys.find((key) => key.state === "active")?.id ?? "none",
    jwksMaxAgeSeconds: () => set.jwksMaxAgeSeconds,
    requestRotation(now) {
      set = { ...set, rotationRequestedAt: now };
    },
    changeMaxAge(jwksMaxAgeSeconds) {
      current = { ...current, jwksMaxAgeSeconds };
    },
  };
}

/** dex v1: a new key at half of the period, which signs at once; two keys are kept. */
export function policyOfVersionOne(periodSeconds: number, jwksMaxAgeSeconds: number): SimulatedPolicy {
  let keys: readonly string[] = [];
  let expiresAt = START;
  const rotate = (now: Date) => {
    keys = [`v1-${now.getTime()}`, ...keys].slice(0, 2);
    expiresAt = addSeconds(now, periodSeconds);
  };
  return {
    tick(now) {
      if (addSeconds(expiresAt, -periodSeconds / 2) <= now) rotate(now);
    },
    publish: () => keys,
    signWith: () => keys[0] ?? "none",
    jwksMaxAgeSeconds: () => jwksMaxAgeSeconds,
    requestRotation: rotate,
  };
}

interface Worker {
  readonly loadsEverySeconds: number;
  loadedAt: number;
  published: readonly string[];
  signingKey: string;
  maxAge: number;
}

interface Verifier {
  cached: ReadonlySet<string>;
  cachedUntil: number;
}

export interface WorldOptions {
  readonly policy: SimulatedPolicy;
  readonly seed: number;
  readonly seconds: number;
  readonly stepSeconds: number;
  /** A day, if not given: the longest that tokens may live. */
  readonly tokenLifetimeSeconds?: number;
  /** Whether the overlord lives at this second. */
  readonly overlordAlive?: (second: number) => boolean;
  readonly everyStep?: (second: number, now: Date) => void;
}

export interface WorldReport {
  readonly rotations: number;
  readonly mostKeys: number;
  /** Tokens whose key a verifier did not know. */
  readonly unknownKeys: number;
  readonly verified: number;
}

/** Lets the world run. Verifiers trust their cache for exactly the announced time and never look again before. */
export function runWorld(options: WorldOptions): WorldReport {
  const { policy, stepSeconds, tokenLifetimeSeconds = DAY } = options;
  const random = seededRandom(options.seed);
  policy.tick(START);
  const workers: Worker[] = [1, 30].map((loadsEverySeconds) => ({ loadsEverySeconds, ...loadFrom(policy, 0) }));
  const verifiers: Verifier[] = Array.from({ length: 10 }, () => ({ cached: new Set(), cachedUntil: 0 }));
  const tokens: { key: string; expiresAt: number }[] = [];
  const signedBy = new Set<string>();
  const report = { mostKeys: 0, unknownKeys: 0, verified: 0 };
  for (let second = 0; second < options.seconds; second += stepSeconds) {
    const now = addSeconds(START, second);
    options.everyStep?.(second, now);
    // Cron wakes late, twice or not at all.
    const wakes = options.overlordAlive?.(second) === false ? 0 : Math.floor(random() * 3);
    for (let wake = 0; wake < wakes; wake++) policy.tick(now);
    report.mostKeys = Math.max(report.mostKeys, policy.publish().length);
    for (const worker of workers) {
      if (second - worker.loadedAt >= worker.loadsEverySeconds) Object.assign(worker, loadFrom(policy, second));
      signedBy.add(worker.signingKey);
      tokens.push({ key: worker.signingKey, expiresAt: second + tokenLifetimeSeconds });
    }
    while ((tokens[0]?.expiresAt ?? Number.POSITIVE_INFINITY) <= second) tokens.shift();
    for (const verifier of verifiers) {
      const worker = workers[Math.floor(random() * workers.length)];
      if (second >= verifier.cachedUntil && worker !== undefined) {
        verifier.cached = new Set(worker.published);
        verifier.cachedUntil = second + worker.maxAge;
      }
      // The two just signed, the oldest that still lives, and one in between.
      const seen = [tokens.at(-1), tokens.at(-2), tokens[0], tokens[Math.floor(random() * tokens.length)]];
      for (const token of seen.filter((candidate) => candidate !== undefined)) {
        if (verifier.cached.has(token.key)) report.verified++;
        else report.unknownKeys++;
      }
    }
  }
  return { ...report, rotations: signedBy.size - 1 };
}

function loadFrom(policy: SimulatedPolicy, loadedAt: number): Omit<Worker, "loadsEverySeconds"> {
  const [published, signingKey, maxAge] = [policy.publish(), policy.signWith(), policy.jwksMaxAgeSeconds()];
  return { loadedAt, published, signingKey, maxAge };
}
