// OpenShift: the user of a cluster, and its groups, as the cluster's own API has them.
import * as z from "zod";
import type { AskedOfUpstream } from "../connector.ts";
import type { MappingTrace } from "../connector-kind.ts";
import { notPermitted } from "../login-refused.ts";
import { discoverEndpoints, makeOAuth2Kind, type UpstreamPerson } from "../oauth2/oauth2.ts";
import type { UpstreamApi } from "../oauth2/upstream-api.ts";
import { readRootCas } from "../root-ca.ts";
import { requiredText, upstreamText } from "../upstream-text.ts";
import { type OpenshiftConfig, openshiftConfigSchema } from "./config.ts";

const userSchema = z.object({
  metadata: z.object({ uid: requiredText(), name: requiredText() }),
  fullName: upstreamText(),
  groups: z
    .array(requiredText(512))
    .max(10_000)
    .nullish()
    .transform((list) => list ?? []),
});

export const openshiftKind = makeOAuth2Kind({
  type: "openshift",
  title: "OpenShift",
  capabilities: { refresh: "if the cluster's token still lives", groups: "yes", preferredUsername: "yes" },
  schema: openshiftConfigSchema,
  secretAudience: ["issuer", "insecureCA", "rootCA", "insecurePrivateEndpoints"],
  toProvider(config, { trace }) {
    const issuer = config.issuer.replace(/\/+$/, "");
    return {
      // The document names the authorization server, which is not the API server that we are configured with.
      endpoints: (fetch) => discoverEndpoints(fetch, `${issuer}/.well-known/oauth-authorization-server`),
      privateAddressesAllowed: config.insecurePrivateEndpoints,
      apiUrl: issuer,
      scopes: ["user:info"],
      clientAuthentication: "client_secret_basic",
      refresh: "token",
      rootCa: readRootCas("rootCA", config.rootCA === undefined ? [] : [config.rootCA]),
      insecureSkipVerify: config.insecureCA,
      readPerson: (api, asked) => readPerson(api, issuer, { config, asked, trace }),
    };
  },
});

async function readPerson(
  api: UpstreamApi,
  issuer: string,
  {
    config,
    asked,
    trace,
  }: {
    config: OpenshiftConfig;
    asked: AskedOfUpstream;
    trace: ((event: MappingTrace) => void) | undefined;
  },
): Promise<UpstreamPerson> {
  const { body: user } = await api.get(`${issuer}/apis/user.openshift.io/v1/users/~`, userSchema);
  const { name, uid } = user.metadata;
  const allowed = new Set(config.groups ?? []);
  if (allowed.size > 0 && !user.groups.some((group) => allowed.has(group))) {
    throw notPermitted("in none of the configured groups");
  }
  const email = looksLikeAddress(name) ? name : undefined;
  if (email === undefined) trace?.({ kind: "rule", rule: "a name that is no address", before: name, after: undefined });
  return {
    remoteId: uid,
    email,
    // A user name, whatever it looks like: nobody sent it a mail.
    emailVerified: false,
    displayName: user.fullName ?? name,
    preferredUsername: name,
    groups: asked.groups || allowed.size > 0 ? user.groups : undefined,
  };
}

/** Pure. Whether a user name may be an address; dex v2 took every name for one. */
function looksLikeAddress(name: string): boolean {
  return name.length <= 254 && z.email().safeParse(name).success;
}
