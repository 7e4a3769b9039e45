export { type CommonMembers, type ConnectorGrantType, readCommonMembers } from "./common-members.ts";
export type * from "./connector.ts";
export type {
  AttemptAdmission,
  Capabilities,
  Capability,
  ConnectorParts,
  MappingTrace,
  OpenedConnector,
  PasswordCheck,
  UseOnce,
} from "./connector-kind.ts";
export { displayNameOf } from "./display-name.ts";
export {
  capabilitiesOf,
  connectorConfigSchema,
  connectorKinds,
  type KeptSecrets,
  keepSecrets,
  MAX_CONNECTORS,
  openConnector,
  type ParsedConnectors,
  parseConnectorConfigs,
  redactConnector,
  secretAudienceOf,
  whyNotTogether,
} from "./registry.ts";
export {
  describeUnopenable,
  makeConnectorSealer,
  openSealedConnector,
  type SealedConnector,
  sealConnector,
  type UnsealedConnector,
} from "./sealed-secrets.ts";
