import {
  type CheckClientCertificate,
  type ClientKeySets,
  endpointUrl,
  makeCheckClientCertificate,
  type NoteKeyUse,
} from "@dex/oidc";
import type { WorkerConfig } from "./config.ts";

/** What proves clients by their certificates; undefined where none are seen. */
export function wireClientCertificates(
  { mutualTls }: WorkerConfig,
  keySets: ClientKeySets,
  noteKeyUse: NoteKeyUse,
): CheckClientCertificate | undefined {
  if (mutualTls.certificates === "none") return undefined;
  return makeCheckClientCertificate({ keySets, authorities: mutualTls.authorities, noteKeyUse });
}

/** The same endpoint where clients are asked for certificates; undefined where there is no such place. */
export function aliasOf({ issuerText, mutualTls }: WorkerConfig, url: string): string | undefined {
  const base = endpointUrl(issuerText, "/");
  if (mutualTls.url === undefined || !url.startsWith(base)) return undefined;
  return endpointUrl(mutualTls.url, `/${url.slice(base.length)}`);
}
