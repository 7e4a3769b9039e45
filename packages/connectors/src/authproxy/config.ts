// The configuration of an `authproxy` connector: the words of dex v2, and what makes a proxy a trusted one, which it had not.
import * as z from "zod";
import { configText, maybeEmpty } from "../connector-kind.ts";
import { parseNetwork } from "./trusted-proxy.ts";

/** RFC 9110 §5.1, as far as proxies use it. */
const headerName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "expected the name of a header");
const DEFAULT_SECRET_HEADER = "X-Auth-Proxy-Secret";
/** What a person could not try out: 128 bits in base64url, and more in any other form. */
const MIN_SECRET_LENGTH = 22;

export const authproxyConfigSchema = z
  .object({
    name: configText(100).optional(),
    /** Becomes the displayed name, and whatever of the others is not sent. */
    userHeader: maybeEmpty(headerName),
    userIDHeader: maybeEmpty(headerName),
    /** Becomes preferred_username, not name: dex v2 has it that way. */
    userNameHeader: maybeEmpty(headerName),
    emailHeader: maybeEmpty(headerName),
    groupHeader: maybeEmpty(headerName),
    groupHeaderSeparator: maybeEmpty(configText(8)),
    staticGroups: z.array(configText(255)).max(100).optional(),
    /** Networks of the proxies, as CIDR: the TCP connection must come from one of them. */
    trustedProxies: z
      .array(
        z
          .string()
          .max(64)
          .refine((text) => parseNetwork(text) !== undefined, "expected an address or a network such as 10.1.2.0/24"),
      )
      .min(1)
      .max(100)
      .optional(),
    /** What the proxy sends in `proxySecretHeader`, and nobody else knows. */
    proxySecret: z
      .string()
      .max(1024)
      .regex(/^[\x21-\x7e]*$/, "expected printable ASCII without spaces")
      .refine((text) => text === "" || text.length >= MIN_SECRET_LENGTH, `expected ${MIN_SECRET_LENGTH} characters`)
      .optional(),
    proxySecretHeader: maybeEmpty(headerName),
    /** On by default: who runs the proxy decides who owns the addresses it names. */
    trustedEmailProvider: z.boolean().optional(),
  })
  .superRefine((config, context) => {
    const { userHeader, userIDHeader, userNameHeader, emailHeader, groupHeader } = toHeaders(config);
    const secretHeader = (config.proxySecretHeader ?? DEFAULT_SECRET_HEADER).toLowerCase();
    const read = [userHeader, userIDHeader, userNameHeader, emailHeader, groupHeader];
    if (read.some((name) => name.toLowerCase() === secretHeader)) {
      context.addIssue({ code: "custom", path: ["proxySecretHeader"], message: "must be a header of its own" });
    }
  });

export type AuthproxyConfig = z.infer<typeof authproxyConfigSchema>;

/** Which headers are read. */
export function toHeaders(
  config: {
    readonly [name in keyof AuthproxyConfig]?: AuthproxyConfig[name] | undefined;
  },
) {
  return {
    userHeader: config.userHeader ?? "X-Remote-User",
    userIDHeader: config.userIDHeader ?? "X-Remote-User-Id",
    userNameHeader: config.userNameHeader ?? "X-Remote-User-Name",
    emailHeader: config.emailHeader ?? "X-Remote-User-Email",
    groupHeader: config.groupHeader ?? "X-Remote-Group",
  };
}

export function secretHeaderOf({ proxySecretHeader }: AuthproxyConfig): string {
  return proxySecretHeader ?? DEFAULT_SECRET_HEADER;
}
