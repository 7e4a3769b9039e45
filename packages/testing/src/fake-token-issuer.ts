// Issuers that sign JWTs for workloads without ever having a person in front of them: CI systems, clusters, SPIFFE. A real server
// with discovery and keys, and the claims that each of them really makes.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { CompactSign, exportJWK, generateKeyPair, type JSONWebKeySet } from "jose";

export interface FakeTokenIssuer {
  readonly issuer: string;
  readonly jwksUri: string;
  readonly jwks: JSONWebKeySet;
  /** Paths that were asked for. */
  readonly requests: string[];
  /** Replaces members of the discovery document; `undefined` removes one. */
  discovery: Record<string, unknown>;
  /** Signs the claims as they are, with its key or with one that nobody knows. */
  sign(claims: Readonly<Record<string, unknown>>, how?: SigningOptions): Promise<string>;
  close(): Promise<void>;
}

export interface SigningOptions {
  readonly key?: "own" | "foreign";
  /** Members of the header beside alg and kid. */
  readonly header?: Readonly<Record<string, unknown>>;
}

/** Starts one on a free port of 127.0.0.1. */
export async function startFakeTokenIssuer(
  options: { readonly path?: string; readonly alg?: "RS256" | "ES256" } = {},
): Promise<FakeTokenIssuer> {
  const { path = "", alg = "RS256" } = options;
  const kid = "key-1";
  const own = await generateKeyPair(alg, { extractable: true });
  const foreign = await generateKeyPair(alg);
  const jwks = { keys: [{ ...(await exportJWK(own.publicKey)), kid, alg, use: "sig" }] };
  const requests: string[] = [];
  let url = "";
  const server = createServer((request, response) => {
    requests.push(request.url ?? "");
    const issuer = url + path;
    const documents: Readonly<Record<string, object>> = {
      [`${path}/.well-known/openid-configuration`]: {
        issuer,
        jwks_uri: `${issuer}/jwks`,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        response_types_supported: ["code", "id_token"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: [alg],
        ...fake.discovery,
      },
      [`${path}/jwks`]: jwks,
    };
    const document = documents[request.url ?? ""];
    response.writeHead(document === undefined ? 404 : 200, { "Content-Type": "application/json" });
    response.end(JSON.stringify(document ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the fake issuer has no port");
  url = `http://127.0.0.1:${address.port}`;
  const fake: FakeTokenIssuer = {
    issuer: url + path,
    jwksUri: `${url}${path}/jwks`,
    jwks,
    requests,
    discovery: {},
    sign(claims, { key = "own", header = {} } = {}) {
      const signing = new CompactSign(Buffer.from(JSON.stringify(claims)));
      const { privateKey } = key === "own" ? own : foreign;
      return signing.setProtectedHeader({ typ: "JWT", ...header, alg, kid }).sign(privateKey);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return fake;
}

interface Workload {
  readonly issuer: string;
  readonly audience: string;
  readonly nowSeconds: number;
}

/** What GitHub Actions signs for a job with `id-token: write`. */
export function githubActionsClaims({ issuer, audience, nowSeconds }: Workload): Record<string, unknown> {
  return {
    iss: issuer,
    aud: audience,
    sub: "repo:octo-org/octo-repo:ref:refs/heads/main",
    jti: randomUUID(),
    nbf: nowSeconds - 300,
    iat: nowSeconds,
    exp: nowSeconds + 300,
    ref: "refs/heads/main",
    ref_type: "branch",
    repository: "octo-org/octo-repo",
    repository_id: "74",
    repository_owner: "octo-org",
    repository_owner_id: "65",
    repository_visibility: "private",
    actor: "octocat",
    actor_id: "12",
    workflow: "deploy",
    workflow_ref: "octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main",
    job_workflow_ref: "octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main",
    event_name: "push",
    run_id: "8675309",
    run_number: "10",
    run_attempt: "2",
    runner_environment: "github-hosted",
    sha: "f1d2d2f924e986ac86fdf7b36c94bcdf32beec15",
  };
}

/** What GitLab signs for a job with `id_tokens`. */
export function gitlabCiClaims({ issuer, audience, nowSeconds }: Workload): Record<string, unknown> {
  return {
    iss: issuer,
    aud: audience,
    sub: "project_path:group/project:ref_type:branch:ref:main",
    jti: randomUUID(),
    nbf: nowSeconds - 5,
    iat: nowSeconds,
    exp: nowSeconds + 3600,
    namespace_id: "72",
    namespace_path: "group",
    project_id: "20",
    project_path: "group/project",
    user_id: "1",
    user_login: "sample-user",
    pipeline_id: "574",
    pipeline_source: "push",
    job_id: "302",
    ref: "main",
    ref_type: "branch",
    ref_path: "refs/heads/main",
    ref_protected: "true",
    environment: "production",
    environment_protected: "true",
    runner_id: 1,
    runner_environment: "self-hosted",
    sha: "714a629c0b401fdce83e847fc9589983fc6f46bc",
    project_visibility: "private",
    ci_config_ref_uri: "gitlab.example.com/group/project//.gitlab-ci.yml@refs/heads/main",
  };
}

/** What a cluster mounts into a pod as a projected token. The same one is read again until it is nearly over. */
export function kubernetesClaims({ issuer, audience, nowSeconds }: Workload): Record<string, unknown> {
  return {
    iss: issuer,
    aud: [audience],
    sub: "system:serviceaccount:build:deployer",
    nbf: nowSeconds,
    iat: nowSeconds,
    exp: nowSeconds + 3600,
    "kubernetes.io": {
      namespace: "build",
      node: { name: "node-1", uid: randomUUID() },
      pod: { name: "deployer-7d9c", uid: randomUUID() },
      serviceaccount: { name: "deployer", uid: randomUUID() },
    },
  };
}

/** A JWT-SVID, as SPIRE signs one: neither `iss` is a must nor `jti`, but SPIRE can be told its issuer. */
export function spiffeClaims({ issuer, audience, nowSeconds }: Workload): Record<string, unknown> {
  return {
    iss: issuer,
    aud: [audience],
    sub: "spiffe://example.org/ns/build/sa/deployer",
    iat: nowSeconds,
    exp: nowSeconds + 300,
  };
}
