// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice The L1 block that the current L2 block refers to. Written by the state transition when a block begins.
/// @dev Storage: slot 0 = timestamp << 64 | number.
interface IL1Block {
    /// @return Number of the L1 block.
    function number() external view returns (uint64);

    /// @return Timestamp of the L1 block, in seconds.
    function timestamp() external view returns (uint64);
}
