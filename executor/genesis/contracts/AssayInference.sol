// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Calls a model
/// @notice `using` nothing: `bytes memory out = AssayInference.infer(modelId, packed);`
/// Packed tensors are little-endian, in the order of the model's schema, each zero-padded to a multiple of 32 bytes.
library AssayInference {
    /// @dev Native: input modelId ++ packed inputs, output the packed outputs.
    address internal constant INFER = 0x42000000000000000000000000000000000000a1;

    /// @notice The gas is short, or an element lies outside the model's interval (NaN and infinity always do).
    error InferenceFailed(bytes32 modelId);

    /// @notice Reverts with the reason that the call gave (IInfer), and with InferenceFailed if it gave none.
    /// @param modelId Id of a registered model.
    /// @param packed The input tensors.
    /// @return output The output tensors.
    function infer(bytes32 modelId, bytes memory packed) internal view returns (bytes memory output) {
        bool ok;
        (ok, output) = tryInfer(modelId, packed);
        if (ok) return output;
        if (output.length == 0) revert InferenceFailed(modelId);
        assembly ("memory-safe") {
            revert(add(output, 32), mload(output))
        }
    }

    /// @notice Goes on where the call fails: `bytes4(answer) == IInfer.UnknownModel.selector`.
    /// @return ok Whether the model ran.
    /// @return answer The output tensors, or the reason as IInfer encodes it; empty where there is none.
    function tryInfer(bytes32 modelId, bytes memory packed) internal view returns (bool ok, bytes memory answer) {
        return INFER.staticcall(bytes.concat(modelId, packed));
    }
}
