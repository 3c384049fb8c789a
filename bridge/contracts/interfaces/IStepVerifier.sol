// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title One step of the machine
interface IStepVerifier {
    /// @notice Hash of the state behind the one with hash `pre`. `evidence` opens what the step reads, in one form alone:
    /// anything else reverts, as does a step that is another contract's.
    function step(bytes32 pre, bytes calldata evidence) external view returns (bytes32 post);
}
