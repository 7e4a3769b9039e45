// An address of a client, where it publishes its keys and its requests.
import { openHttpServer } from "@dex/runtime";

export interface Published {
  readonly url: string;
  replace(text: string): void;
  /** How often somebody came. */
  visits(): number;
}

export interface OpenedAddress {
  publish(text: string, contentType?: string): Published;
  close(): Promise<void>;
}

/** With `tls` it is an https address, by a certificate that this process must trust. */
export async function openAddress(tls?: { readonly cert: string; readonly key: string }): Promise<OpenedAddress> {
  const texts: string[] = [];
  const types: string[] = [];
  const visits: number[] = [];
  const server = await openHttpServer({
    listen: new URL(tls === undefined ? "http://127.0.0.1:0" : "https://127.0.0.1:0"),
    tls: tls === undefined ? undefined : { cert: Buffer.from(tls.cert), key: Buffer.from(tls.key) },
    handler: (request, response) => {
      const number = Number(request.url?.slice(1));
      visits[number] = (visits[number] ?? 0) + 1;
      response.setHeader("Content-Type", types[number] ?? "application/json");
      response.writeHead(texts[number] === undefined ? 404 : 200).end(texts[number]);
    },
  });
  return {
    publish(text, contentType = "application/json") {
      const number = texts.push(text) - 1;
      types[number] = contentType;
      return {
        url: `${server.url.origin}/${number}`,
        replace: (next) => {
          texts[number] = next;
        },
        visits: () => visits[number] ?? 0,
      };
    },
    close: () => server.close(0),
  };
}
