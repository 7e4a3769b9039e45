// A keytab for tests, as MIT Kerberos writes them, with keys that open nothing.

/** `principals`: such as `HTTP/localhost@EXAMPLE.COM`. */
export function makeKeytab(principals: readonly string[]): Buffer {
  return Buffer.concat([Buffer.from([5, 2]), ...principals.map(toEntry)]);
}

function toEntry(principal: string): Buffer {
  const [name = "", realm = ""] = principal.split("@");
  const components = name.split("/");
  const keyVersion = 1;
  const aes256 = 18;
  const entry = Buffer.concat([
    uint16(components.length),
    counted(realm),
    ...components.map(counted),
    // Name type, time stamp and key version; then the key.
    Buffer.from([0, 0, 0, 1, 0, 0, 0, 0, keyVersion]),
    uint16(aes256),
    counted("0".repeat(32)),
  ]);
  const length = Buffer.alloc(4);
  length.writeInt32BE(entry.length);
  return Buffer.concat([length, entry]);
}

function counted(text: string): Buffer {
  return Buffer.concat([uint16(Buffer.byteLength(text)), Buffer.from(text)]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
