import { isHostEntry } from "@dex/oidc";
import { commaList, type ValueKind } from "@dex/runtime";

/** Hosts of a policy. Refused where one of them is something else, since it would let in or keep out nobody. */
export const hostList: ValueKind<readonly string[]> = {
  expected: "a comma-separated list of hosts such as agents.example, *.agents.example or agents.example:8443",
  parse: (value) => {
    const entries = commaList.parse(value);
    return entries?.every(isHostEntry) === true ? entries : undefined;
  },
};
