// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IClaimGame} from "./interfaces/IClaimGame.sol";
import {Claim, ClaimStatus, IClaimRegistry} from "./interfaces/IClaimRegistry.sol";
import {ClaimId} from "./libraries/Ids.sol";

/// @title ClaimGame
/// @notice Runs behind minimal proxies, one a claim, whose code ends in the claim's id. It keeps nothing.
contract ClaimGame is IClaimGame {
    uint8 private constant IN_PROGRESS = 0;
    uint8 private constant CHALLENGER_WINS = 1;
    uint8 private constant DEFENDER_WINS = 2;
    /// @dev Bytes of a minimal proxy before the id.
    uint256 private constant PROXY_SIZE = 45;

    /// @inheritdoc IClaimGame
    IClaimRegistry public immutable registry;
    /// @inheritdoc IClaimGame
    uint32 public immutable gameType;

    constructor(IClaimRegistry registry_, uint32 gameType_) {
        (registry, gameType) = (registry_, gameType_);
    }

    /// @inheritdoc IClaimGame
    function claimId() public view returns (ClaimId id) {
        assembly ("memory-safe") {
            extcodecopy(address(), 0, PROXY_SIZE, 32)
            id := mload(0)
        }
    }

    /// @inheritdoc IClaimGame
    function createdAt() external view returns (uint64) {
        return _claim().createdAt;
    }

    /// @inheritdoc IClaimGame
    function resolvedAt() external view returns (uint64) {
        return _claim().confirmedAt;
    }

    /// @inheritdoc IClaimGame
    function status() external view returns (uint8) {
        if (_claim().status == ClaimStatus.CONFIRMED) return DEFENDER_WINS;
        return registry.isRejected(claimId()) ? CHALLENGER_WINS : IN_PROGRESS;
    }

    /// @inheritdoc IClaimGame
    function gameCreator() external view returns (address) {
        return registry.rootOf(claimId().toEdge()).staker;
    }

    /// @inheritdoc IClaimGame
    function rootClaim() external view returns (bytes32) {
        return _claim().outputRoot;
    }

    /// @inheritdoc IClaimGame
    function extraData() external view returns (bytes memory) {
        return abi.encode(l2BlockNumber());
    }

    /// @inheritdoc IClaimGame
    function l2BlockNumber() public view returns (uint256) {
        return _claim().blockNumber;
    }

    /// @inheritdoc IClaimGame
    function l2SequenceNumber() external view returns (uint256) {
        return l2BlockNumber();
    }

    function _claim() private view returns (Claim memory) {
        return registry.claimOf(claimId());
    }
}
