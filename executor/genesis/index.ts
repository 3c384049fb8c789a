// Predeploys and their typed ABIs; preinstalls.
export {
  digitClassifier,
  feeVaultPredeploy,
  gasPriceOraclePredeploy,
  inferencePredeploy,
  messagePasserPredeploy,
  messengerPredeploy,
  mintableToken,
  modelRegistryPredeploy,
  standardBridgePredeploy,
  tokenFactoryPredeploy,
} from "./predeploys.gen.ts";
export { type InstalledAccount, MULTICALL3, preinstallsOn } from "./preinstalls.ts";
