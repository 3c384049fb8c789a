// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Calls a model
/// @notice `using` nothing: `bytes memory out = AssayInference.infer(modelId, packed);`
/// Packed tensors are little-endian, in the order of the model's schema, each zero-padded to a multiple of 32 bytes.
library AssayInference {
    /// @dev Native: input modelId ++ packed inputs, output the packed outputs.
    address internal constant INFER = 0x42000000000000000000000000000000000000a1;

    /// @notice The model is not registered, the input has another length or an element outside the model's interval
    /// (NaN and infinity always are), or the gas is short.
    error InferenceFailed(bytes32 modelId);

    /// @param modelId Id of a registered model.
    /// @param packed The input tensors.
    /// @return output The output tensors.
    function infer(bytes32 modelId, bytes memory packed) internal view returns (bytes memory output) {
        bool ok;
        (ok, output) = INFER.staticcall(bytes.concat(modelId, packed));
        if (!ok) revert InferenceFailed(modelId);
    }
}
