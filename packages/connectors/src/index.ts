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
  connectorConfigSchema,
  connectorKinds,
  type KeptSecrets,
  keepSecrets,
  MAX_CONNECTORS,
  openConnector,
  type ParsedConnectors,
  parseConnectorConfigs,
  redactConnector,
} from "./registry.ts";
export {
  describeUnopenable,
  makeConnectorSealer,
  openSealedConnector,
  type SealedConnector,
  sealConnector,
  type UnsealedConnector,
} from "./sealed-secrets.ts";
