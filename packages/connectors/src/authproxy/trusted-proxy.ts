// Whether a request came through the operator's proxy. Pure. What a header says about it is never asked (NET-2).
import { BlockList, isIP, isIPv6 } from "node:net";
import { equalInConstantTime } from "@dex/runtime";
import type { CallbackRequest } from "../connector.ts";

/** What makes a request the proxy's: where it came from, what it knows, or both. */
export interface ProxyTrust {
  readonly networks: BlockList | undefined;
  readonly secret: { readonly header: string; readonly value: string } | undefined;
}

/** An address, or a network as address/prefix. The whole internet is no network that one can trust. */
export function parseNetwork(text: string): { address: string; prefix: number } | undefined {
  const [, address = "", bits] = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const widest = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  const prefix = bits === undefined ? widest : Number(bits);
  return widest === 0 || prefix < 1 || prefix > widest ? undefined : { address, prefix };
}

export function toNetworks(texts: readonly string[]): BlockList {
  const networks = new BlockList();
  for (const text of texts) {
    const network = parseNetwork(text);
    if (network !== undefined) networks.addSubnet(network.address, network.prefix, familyOf(network.address));
  }
  return networks;
}

/** What is wrong with the request; undefined when it came through the proxy. Where both are configured, both must hold. */
export function whyNotProxied({ networks, secret }: ProxyTrust, request: CallbackRequest): string | undefined {
  if (networks === undefined && secret === undefined) return "no proxy is trusted";
  if (networks !== undefined && !contains(networks, request.peer)) return "the request came from no trusted proxy";
  if (secret === undefined) return undefined;
  const given = request.header(secret.header);
  return given !== undefined && equalInConstantTime(given, secret.value)
    ? undefined
    : "the request does not carry the proxy's secret";
}

function contains(networks: BlockList, peer: string): boolean {
  // A socket that listens on both families names IPv4 peers in IPv6.
  const address = peer.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
  return isIP(address) !== 0 && networks.check(address, familyOf(address));
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}
