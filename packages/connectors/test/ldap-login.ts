// A connector of type ldap in front of a real directory, and the people in it.

import { type JsonObject, silentLogger, systemClock, systemRandom } from "@dex/runtime";
import type { RunningSlapd } from "@dex/testing";
import type { AskedOfUpstream, LoginOutcome, PasswordLogin } from "../src/connector.ts";
import type { ConnectorParts } from "../src/connector-kind.ts";
import { ldapKind } from "../src/ldap/ldap.ts";

export const PEOPLE = "ou=People,dc=example,dc=org";
export const GROUPS = "ou=Groups,dc=example,dc=org";
export const JANE = { login: "jane", password: "foo of jane" };
export const SERVICE = { dn: "cn=service,dc=example,dc=org", password: "canary of the service" };

const person = (uid: string, more: string) => `dn: uid=${uid},${PEOPLE}
objectClass: inetOrgPerson
uid: ${uid}
sn: ${uid}
${more}
`;
const group = (cn: string, members: readonly string[], parent = GROUPS) => `dn: cn=${cn},${parent}
objectClass: groupOfNames
cn: ${cn}
${members.map((member) => `member: ${member}`).join("\n")}
`;
const unit = (dn: string) => `dn: ${dn}\nobjectClass: organizationalUnit\nou: ${dn.slice(3).split(",")[0]}\n`;
const jane = `uid=jane,${PEOPLE}`;
const john = `uid=john,${PEOPLE}`;
const numbered = Array.from({ length: 40 }, (_, n) =>
  person(`user${n}`, `cn: User ${n}\nmail: user${n}@example.com\nuserPassword: password ${n}`),
);
/** In 1,500 groups, more than twice what the directory gives at a time. */
const many = Array.from({ length: 1500 }, (_, n) => group(`many${n}`, [`uid=busy,${PEOPLE}`], `ou=Many,${GROUPS}`));

export const LDIF = [
  unit(PEOPLE),
  unit(GROUPS),
  unit(`ou=Many,${GROUPS}`),
  unit(`ou=Grand,${GROUPS}`),
  unit(`ou=Twins,${PEOPLE}`),
  `dn: ${SERVICE.dn}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: service\nuserPassword: ${SERVICE.password}\n`,
  person(
    "jane",
    `cn: Jane Doe\nmail: jane@example.com\ndepartmentNumber: 1000\ndepartmentNumber: 1001\nuserPassword: ${JANE.password}`,
  ),
  person("john", "cn: John Roe\nmail: john@example.com\nuserPassword: bar of john"),
  person("nomail", "cn: Nobody\nuserPassword: secret of nomail"),
  person("smith (ext)", "cn: Smith\nmail: smith@example.com\nuserPassword: secret of smith"),
  person("o'neil\\, m\\+n", "cn: Neil\nmail: neil@example.com\nuserPassword: secret of neil").replace(
    "uid: o'neil\\, m\\+n",
    "uid: o'neil, m+n",
  ),
  person("busy", "cn: Busy\nmail: busy@example.com\nuserPassword: secret of busy"),
  person("jürgen", "cn: Jurgen\nmail: juergen@example.com\nuserPassword: secret of juergen"),
  `dn: cn=twin1,ou=Twins,${PEOPLE}\nobjectClass: inetOrgPerson\ncn: twin1\nsn: t\nuid: twin\nmail: t@example.com\nuserPassword: secret of twin\n`,
  `dn: cn=twin2,ou=Twins,${PEOPLE}\nobjectClass: inetOrgPerson\ncn: twin2\nsn: t\nuid: twin\nmail: u@example.com\nuserPassword: secret of twin\n`,
  person("thousand", "cn: Thousand\nmail: thousand@example.com\nuserPassword: secret of thousand"),
  ...Array.from({ length: 1000 }, (_, n) => group(`grand${n}`, [`uid=thousand,${PEOPLE}`], `ou=Grand,${GROUPS}`)),
  unit(`ou=Cities,${PEOPLE}`),
  ...["Seattle", "Portland"].flatMap((city) => [
    unit(`ou=${city},ou=Cities,${PEOPLE}`),
    `dn: cn=Ann,ou=${city},ou=Cities,${PEOPLE}\nobjectClass: inetOrgPerson\ncn: Ann\nsn: of ${city}\nuid: ann-${city}\nmail: ann@${city.toLowerCase()}.example\nuserPassword: secret of ${city}\n`,
  ]),
  group("admins", [john, jane]),
  group("developers", [jane]),
  group("childGroup", [jane]),
  group("intermediateGroup", [`cn=childGroup,${GROUPS}`, john]),
  group("parentGroup", [`cn=intermediateGroup,${GROUPS}`]),
  group("circle1", [`cn=circle2,${GROUPS}`, jane]),
  group("circle2", [`cn=circle1,${GROUPS}`]),
  `dn: cn=thousand,${GROUPS}\nobjectClass: posixGroup\ncn: thousand\ngidNumber: 1000\nmemberUid: jane\n`,
  `dn: cn=second,${GROUPS}\nobjectClass: posixGroup\ncn: second\ngidNumber: 1001\nmemberUid: nobody\n`,
  ...numbered,
  ...many,
].join("\n");

/** The configuration of dex v2 for it, in clear text on loopback. */
export function v2(slapd: RunningSlapd, change: JsonObject = {}, userSearch: JsonObject = {}): JsonObject {
  return {
    host: `${slapd.host}:${slapd.port}`,
    insecureNoSSL: true,
    bindDN: SERVICE.dn,
    bindPW: SERVICE.password,
    userSearch: { baseDN: PEOPLE, username: "uid", nameAttr: "cn", ...userSearch },
    ...change,
  };
}

export function openLdap(config: JsonObject, parts: Partial<ConnectorParts> = {}) {
  const opened = ldapKind.open(
    { id: "dir", type: "ldap", config },
    {
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      checkPassword: async () => ({ kind: "unavailable", detail: "not used here" }),
      ...parts,
    },
  );
  if (opened.kind === "refused") throw new Error(opened.reason);
  const { connector } = opened;
  if (connector.login.kind !== "password") throw new Error("expected a form");
  return { connector, login: connector.login, close: () => connector.close?.() };
}

/** What a client that wants everything asks. */
export const ALL_ASKED: AskedOfUpstream = { groups: true, offlineAccess: true };

export function verify(
  login: PasswordLogin,
  name: string,
  password: string,
  asked: AskedOfUpstream = { groups: true, offlineAccess: false },
): Promise<LoginOutcome> {
  return login.verify({ login: name, password, source: "::1", asked, now: systemClock() });
}
