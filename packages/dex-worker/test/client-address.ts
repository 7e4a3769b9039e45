// An address of a client, where it publishes its keys and its requests.
import { openHttpServer } from "@dex/runtime";

export interface Published {
  readonly url: string;
  replace(text: string): void;
  /** How often somebody came. */
  visits(): number;
}

export interface OpenedAddress {
  publish(text: string): Published;
  close(): Promise<void>;
}

export async function openAddress(): Promise<OpenedAddress> {
  const texts: string[] = [];
  const visits: number[] = [];
  const server = await openHttpServer({
    listen: new URL("http://127.0.0.1:0"),
    handler: (request, response) => {
      const number = Number(request.url?.slice(1));
      visits[number] = (visits[number] ?? 0) + 1;
      response.writeHead(texts[number] === undefined ? 404 : 200).end(texts[number]);
    },
  });
  return {
    publish(text) {
      const number = texts.push(text) - 1;
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
