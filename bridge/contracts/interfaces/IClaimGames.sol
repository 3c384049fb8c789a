// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IClaimGame} from "./IClaimGame.sol";
import {IClaimRegistry} from "./IClaimRegistry.sol";

/// @notice One game as the OP Stack's tools list it.
/// @param metadata u32 type ++ u64 time ++ address of the game.
struct GameSearchResult {
    uint256 index;
    bytes32 metadata;
    uint64 timestamp;
    bytes32 rootClaim;
    bytes extraData;
}

/// @title Claims, listed with the faces of the OP Stack's DisputeGameFactory and AnchorStateRegistry
interface IClaimGames {
    event DisputeGameCreated(address indexed disputeProxy, uint32 indexed gameType, bytes32 indexed rootClaim);

    /// @notice The games from this one on are claims of this registry.
    event RegistryEntered(IClaimRegistry indexed registry, uint256 firstGame);

    /// @notice Only the system's configuration says which registry takes over.
    error OnlyConfig(address caller);
    /// @notice Seconds; at deployment.
    error DelayTooLong(uint256 given, uint256 most);

    /// @notice Claims of another registry are listed from now on; those that were stay games of theirs.
    function succeed(IClaimRegistry next) external;
    /// @notice All registries that were ever in force, oldest first.
    function registries() external view returns (IClaimRegistry[] memory);
    function gameCount() external view returns (uint256);
    function gameAtIndex(uint256 index) external view returns (uint32 gameType, uint64 timestamp, IClaimGame proxy);

    /// @notice The newest `count` games that have not lost, from index `start` downwards.
    function findLatestGames(uint32 gameType, uint256 start, uint256 count)
        external
        view
        returns (GameSearchResult[] memory);

    /// @notice Whether it is a game of this list that has not lost.
    function isGameProper(IClaimGame game) external view returns (bool);
    function isGameRespected(IClaimGame game) external view returns (bool);
    /// @notice Whether its claim is confirmed, and the finality delay is over.
    function isGameFinalized(IClaimGame game) external view returns (bool);
    function respectedGameType() external view returns (uint32);
    function disputeGameFinalityDelaySeconds() external view returns (uint256);
    function version() external pure returns (string memory);
}
