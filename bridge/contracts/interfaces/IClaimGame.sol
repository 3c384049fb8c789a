// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ClaimId} from "../libraries/Ids.sol";
import {IClaimRegistry} from "./IClaimRegistry.sol";

/// @title One claim, with the face of the OP Stack's dispute game
interface IClaimGame {
    function claimId() external view returns (ClaimId);
    /// @return The registry that decides it, whichever came after.
    function registry() external view returns (IClaimRegistry);
    function gameType() external view returns (uint32);
    function createdAt() external view returns (uint64);
    /// @return Time of the confirmation, or zero.
    function resolvedAt() external view returns (uint64);
    /// @return 0 in progress, 1 the challenger won, 2 the claim is confirmed.
    function status() external view returns (uint8);
    function gameCreator() external view returns (address);
    /// @return The output root.
    function rootClaim() external view returns (bytes32);
    /// @return The L2 block number as a word.
    function extraData() external view returns (bytes memory);
    function l2BlockNumber() external view returns (uint256);
    function l2SequenceNumber() external view returns (uint256);
}
