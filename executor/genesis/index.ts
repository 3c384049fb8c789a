// Predeploys and their typed ABIs.
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
