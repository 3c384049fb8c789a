// Predeploys and their typed ABIs.
export {
  digitClassifier,
  inferencePredeploy,
  messagePasserPredeploy,
  messengerPredeploy,
  mintableToken,
  modelRegistryPredeploy,
  standardBridgePredeploy,
  tokenFactoryPredeploy,
} from "./predeploys.gen.ts";
