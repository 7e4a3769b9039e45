// A process of its own that delivers, so that a test can kill it: node deliverer.ts <database> <smtp> <instant>
import { Secret, silentLogger } from "@dex/runtime";
import { openStorage } from "@dex/storage";
import { parseMailAddress, startDelivery } from "../src/index.ts";
import { linkFor, openSmtp } from "./outbox-world.ts";

const [databaseUrl = "", smtp = "", instant = ""] = process.argv.slice(2);
const from = parseMailAddress("noreply@id.example.com");
if (from === undefined) throw new Error("the sender is no address");
const storage = openStorage({
  url: new Secret(databaseUrl),
  applicationName: "dex email test",
  namedStatements: true,
  logger: silentLogger,
});
startDelivery({
  outbox: storage.outbox,
  transport: openSmtp(smtp),
  from,
  linkFor,
  openPasswordReset: storage.accountLinks.openPasswordReset,
  brand: { issuerName: "Example Accounts", issuer: new URL("https://id.example.com/dex") },
  logger: silentLogger,
  clock: () => new Date(instant),
  pollSeconds: 0.05,
});
