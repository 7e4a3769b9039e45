// Where the certified provider of tests keeps what it issued: in one map per provider.

interface Payload {
  readonly grantId?: string;
  readonly uid?: string;
  readonly consumed?: number;
}

/** The adapter that oidc-provider asks for. Nothing expires here: it checks times by itself, and no provider lives long. */
export function makeProviderMemory(): (model: string) => object {
  const kept = new Map<string, Payload>();
  return (model) => {
    const key = (id: string) => `${model}:${id}`;
    const prefix = `${model}:`;
    const all = () => [...kept].filter(([name]) => name.startsWith(prefix));
    return {
      async upsert(id: string, payload: Payload) {
        kept.set(key(id), payload);
      },
      find: async (id: string) => kept.get(key(id)),
      findByUid: async (uid: string) => all().find(([, payload]) => payload.uid === uid)?.[1],
      async destroy(id: string) {
        kept.delete(key(id));
      },
      async revokeByGrantId(grantId: string) {
        for (const [name, payload] of kept) if (payload.grantId === grantId) kept.delete(name);
      },
      async consume(id: string) {
        const payload = kept.get(key(id));
        if (payload !== undefined) kept.set(key(id), { ...payload, consumed: 1 });
      },
    };
  };
}
