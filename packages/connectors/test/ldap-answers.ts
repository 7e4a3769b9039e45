// A directory that answers as it is told, for what no free one says: results of Active Directory, and locked accounts.
// BER of RFC 4511, as much of it as that takes; lengths below 64 KiB.
import { createServer, type Socket } from "node:net";

export interface LdapAnswer {
  readonly code: number;
  readonly text?: string;
}

export interface AnsweringLdap {
  readonly port: number;
  /** DNs that somebody bound as. */
  readonly binds: readonly string[];
  close(): Promise<void>;
}

export interface AnsweredEntry {
  readonly dn: string;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
}

const BIND_REQUEST = 0x60;
const SEARCH_REQUEST = 0x63;
const UNBIND_REQUEST = 0x42;

/** `bind` answers for whoever is not `service`; every search finds `entry`. */
export async function startAnsweringLdap(parts: {
  readonly service: string;
  readonly bind: LdapAnswer;
  readonly entry: AnsweredEntry;
}): Promise<AnsweringLdap> {
  const binds: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    let pending = Buffer.alloc(0);
    socket.on("data", (data) => {
      pending = Buffer.concat([pending, data]);
      for (let message = readElement(pending, 0); message !== undefined; message = readElement(pending, 0)) {
        const { content } = message;
        pending = pending.subarray(message.end);
        const id = readElement(content, 0);
        const operation = id && readElement(content, id.end);
        if (id === undefined || operation === undefined) throw new Error("not a message of RFC 4511");
        const answer = (element: Buffer) => void socket.write(ber(0x30, [ber(0x02, [id.content]), element]));
        if (operation.tag === UNBIND_REQUEST) socket.end();
        else if (operation.tag === BIND_REQUEST) {
          const version = readElement(operation.content, 0);
          const name = version && readElement(operation.content, version.end);
          const dn = name?.content.toString() ?? "";
          binds.push(dn);
          answer(result(0x61, dn === parts.service || dn === "" ? { code: 0 } : parts.bind));
        } else if (operation.tag === SEARCH_REQUEST) {
          answer(entryOf(parts.entry));
          answer(result(0x65, { code: 0 }));
        } else throw new Error(`operation ${operation.tag} is not expected`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    binds,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function result(tag: number, { code, text = "" }: LdapAnswer): Buffer {
  return ber(tag, [ber(0x0a, [Buffer.from([code])]), ber(0x04, []), ber(0x04, [Buffer.from(text)])]);
}

function entryOf({ dn, attributes }: AnsweredEntry): Buffer {
  const text = (value: string) => ber(0x04, [Buffer.from(value)]);
  const each = Object.entries(attributes).map(([name, values]) => ber(0x30, [text(name), ber(0x31, values.map(text))]));
  return ber(0x64, [text(dn), ber(0x30, each)]);
}

function ber(tag: number, parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const length = content.length < 0x80 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

/** Undefined while it has not arrived in full. */
function readElement(bytes: Buffer, at: number): { tag: number; content: Buffer; end: number } | undefined {
  const [tag, first] = [bytes[at], bytes[at + 1]];
  if (tag === undefined || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const start = at + 2 + lengthBytes;
  if (start > bytes.length) return undefined;
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
  const end = start + length;
  return end > bytes.length ? undefined : { tag, content: bytes.subarray(start, end), end };
}
