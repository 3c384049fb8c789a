// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ClaimGame} from "./ClaimGame.sol";
import {IClaimGame} from "./interfaces/IClaimGame.sol";
import {GameSearchResult, IClaimGames} from "./interfaces/IClaimGames.sol";
import {IClaimListing} from "./interfaces/IClaimListing.sol";
import {Claim, ClaimStatus, IClaimRegistry} from "./interfaces/IClaimRegistry.sol";
import {ClaimId} from "./libraries/Ids.sol";

/// @title ClaimGames
contract ClaimGames is IClaimGames, IClaimListing {
    /// @notice None of the OP Stack's own, nor of its games of many chains.
    uint32 public constant GAME_TYPE = 0x61737361;
    uint256 private constant MAX_DELAY = 30 days;

    IClaimRegistry public immutable REGISTRY;
    address public immutable IMPLEMENTATION;
    /// @inheritdoc IClaimGames
    uint256 public immutable disputeGameFinalityDelaySeconds;

    ClaimId[] private _claims;

    constructor(IClaimRegistry registry, uint256 finalityDelay) {
        // INVARIANT: no deployment keeps money for good: the wait ends.
        if (finalityDelay > MAX_DELAY) revert DelayTooLong(finalityDelay, MAX_DELAY);
        REGISTRY = registry;
        IMPLEMENTATION = address(new ClaimGame(registry, GAME_TYPE));
        disputeGameFinalityDelaySeconds = finalityDelay;
    }

    /// @inheritdoc IClaimListing
    function present(ClaimId id) external {
        // INVARIANT: every game is a claim, listed once.
        if (msg.sender != address(REGISTRY)) revert OnlyRegistry(msg.sender);
        address game = _addressOf(id);
        // INVARIANT: no claim is kept out because another's game has its address, which 2^80 hashes find: it is not listed.
        if (game.code.length != 0) return;
        _claims.push(id);
        bytes memory code = _creationCode(id);
        address made;
        assembly ("memory-safe") {
            made := create2(0, add(code, 32), mload(code), 0)
        }
        assert(made == game);
        emit DisputeGameCreated(game, GAME_TYPE, REGISTRY.claimOf(id).outputRoot);
    }

    /// @inheritdoc IClaimGames
    function gameCount() external view returns (uint256) {
        return _claims.length;
    }

    /// @inheritdoc IClaimGames
    function gameAtIndex(uint256 index) external view returns (uint32 gameType, uint64 timestamp, IClaimGame proxy) {
        ClaimId id = _claims[index];
        return (GAME_TYPE, REGISTRY.claimOf(id).createdAt, IClaimGame(_addressOf(id)));
    }

    /// @inheritdoc IClaimGames
    function findLatestGames(uint32 gameType, uint256 start, uint256 count)
        external
        view
        returns (GameSearchResult[] memory games)
    {
        if (gameType != GAME_TYPE || start >= _claims.length || count == 0) return games;
        games = new GameSearchResult[](count > start ? start + 1 : count);
        uint256 found;
        for (uint256 i = start + 1; i != 0 && found < games.length; --i) {
            if (!REGISTRY.isRejected(_claims[i - 1])) games[found++] = _describe(i - 1);
        }
        assembly ("memory-safe") {
            mstore(games, found)
        }
    }

    /// @inheritdoc IClaimGames
    function isGameProper(IClaimGame game) external view returns (bool) {
        ClaimId id = _idOf(game);
        return !id.isNoClaim() && !REGISTRY.isRejected(id);
    }

    /// @inheritdoc IClaimGames
    function isGameRespected(IClaimGame game) external view returns (bool) {
        return !_idOf(game).isNoClaim();
    }

    /// @inheritdoc IClaimGames
    function isGameFinalized(IClaimGame game) external view returns (bool) {
        ClaimId id = _idOf(game);
        if (id.isNoClaim()) return false;
        Claim memory claim = REGISTRY.claimOf(id);
        return claim.status == ClaimStatus.CONFIRMED
            && block.timestamp - claim.confirmedAt > disputeGameFinalityDelaySeconds;
    }

    /// @inheritdoc IClaimGames
    function respectedGameType() external pure returns (uint32) {
        return GAME_TYPE;
    }

    /// @inheritdoc IClaimGames
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    function _describe(uint256 index) private view returns (GameSearchResult memory) {
        ClaimId id = _claims[index];
        Claim memory claim = REGISTRY.claimOf(id);
        return GameSearchResult({
            index: index,
            metadata: bytes32(abi.encodePacked(GAME_TYPE, claim.createdAt, _addressOf(id))),
            timestamp: claim.createdAt,
            rootClaim: claim.outputRoot,
            extraData: abi.encode(uint256(claim.blockNumber))
        });
    }

    /// @dev Zero for what is no game of this list. A game's address follows from its claim.
    function _idOf(IClaimGame game) private view returns (ClaimId id) {
        if (address(game).code.length == 0) return id;
        (bool ok, bytes memory answer) = address(game).staticcall(abi.encodeCall(IClaimGame.claimId, ()));
        if (!ok || answer.length != 32) return id;
        ClaimId told = ClaimId.wrap(bytes32(answer));
        if (_addressOf(told) == address(game)) id = told;
    }

    /// @dev EIP-1167's proxy of 45 bytes, and the id behind it.
    function _creationCode(ClaimId id) private view returns (bytes memory) {
        return abi.encodePacked(
            hex"3d604d80600a3d3981f3363d3d373d3d3d363d73", IMPLEMENTATION, hex"5af43d82803e903d91602b57fd5bf3", id
        );
    }

    function _addressOf(ClaimId id) private view returns (address) {
        bytes32 hash = keccak256(abi.encodePacked(hex"ff", address(this), bytes32(0), keccak256(_creationCode(id))));
        return address(uint160(uint256(hash)));
    }
}
