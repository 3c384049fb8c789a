// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title What the registry of claims asks of the dispute game
interface IDisputeGame {
    /// @notice L1 blocks that the game has credited to the root edge of a claim; all of 2^64 - 1 when proven. It never
    /// falls, and of two rivals at most one ever reaches the challenge period.
    function timerOf(bytes32 edge) external view returns (uint64);
}
