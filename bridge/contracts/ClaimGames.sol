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
    /// @dev A registry that was in force, and the first game that is not of it nor of one before it.
    struct Term {
        IClaimRegistry registry;
        uint64 endGame;
    }

    /// @notice None of the OP Stack's own, nor of its games of many chains.
    uint32 public constant GAME_TYPE = 0x61737361;
    uint256 private constant MAX_DELAY = 30 days;

    /// @notice Says when another registry takes over.
    address public immutable CONFIG;
    /// @inheritdoc IClaimGames
    uint256 public immutable disputeGameFinalityDelaySeconds;

    /// @notice Whose claims are listed now.
    IClaimRegistry public registry;
    ClaimId[] private _claims;
    /// @dev Oldest first.
    Term[] private _former;

    /// @param first The chain's first registry.
    constructor(IClaimRegistry first, address config, uint256 finalityDelay) {
        // INVARIANT: no deployment keeps money for good: the wait ends.
        if (finalityDelay > MAX_DELAY) revert DelayTooLong(finalityDelay, MAX_DELAY);
        CONFIG = config;
        disputeGameFinalityDelaySeconds = finalityDelay;
        _enter(first);
    }

    /// @inheritdoc IClaimListing
    function present(ClaimId id, bytes32 outputRoot, bool isRival) external {
        IClaimRegistry decider = registry;
        // INVARIANT: every game is a claim, listed once; what former rules decide is finite.
        if (msg.sender != address(decider)) return _letPass(isRival);
        if (outputRoot == 0) return;
        bytes memory code = _creationCode(_implementationOf(decider), id);
        address game = _created(code);
        // INVARIANT: no claim is kept out because another's game has its address, which 2^80 hashes find: it is not listed.
        if (game.code.length != 0) return;
        _claims.push(id);
        address made;
        assembly ("memory-safe") {
            made := create2(0, add(code, 32), mload(code), 0)
        }
        assert(made == game);
        emit DisputeGameCreated(game, GAME_TYPE, outputRoot);
    }

    /// @inheritdoc IClaimGames
    function succeed(IClaimRegistry next) external {
        // INVARIANT: a registry takes over by the owner's announcement alone, and what was listed before stays as it is.
        if (msg.sender != CONFIG) revert OnlyConfig(msg.sender);
        _former.push(Term(registry, uint64(_claims.length)));
        _enter(next);
    }

    /// @inheritdoc IClaimGames
    function registries() external view returns (IClaimRegistry[] memory all) {
        uint256 former = _former.length;
        all = new IClaimRegistry[](former + 1);
        for (uint256 i; i < former; ++i) {
            all[i] = _former[i].registry;
        }
        all[former] = registry;
    }

    /// @inheritdoc IClaimGames
    function gameCount() external view returns (uint256) {
        return _claims.length;
    }

    /// @inheritdoc IClaimGames
    function gameAtIndex(uint256 index) external view returns (uint32 gameType, uint64 timestamp, IClaimGame proxy) {
        ClaimId id = _claims[index];
        IClaimRegistry decider = _registryOf(index);
        return (GAME_TYPE, decider.claimOf(id).createdAt, IClaimGame(_addressOf(decider, id)));
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
            if (!_registryOf(i - 1).isRejected(_claims[i - 1])) games[found++] = _describe(i - 1);
        }
        assembly ("memory-safe") {
            mstore(games, found)
        }
    }

    /// @inheritdoc IClaimGames
    function isGameProper(IClaimGame game) external view returns (bool) {
        (IClaimRegistry decider, ClaimId id) = _claimOf(game);
        return !id.isNoClaim() && !decider.isRejected(id);
    }

    /// @inheritdoc IClaimGames
    function isGameRespected(IClaimGame game) external view returns (bool) {
        (, ClaimId id) = _claimOf(game);
        return !id.isNoClaim();
    }

    /// @inheritdoc IClaimGames
    function isGameFinalized(IClaimGame game) external view returns (bool) {
        (IClaimRegistry decider, ClaimId id) = _claimOf(game);
        if (id.isNoClaim()) return false;
        Claim memory claim = decider.claimOf(id);
        return claim.status == ClaimStatus.CONFIRMED
            && block.timestamp - claim.confirmedAt > disputeGameFinalityDelaySeconds;
    }

    /// @inheritdoc IClaimGames
    function respectedGameType() external pure returns (uint32) {
        return GAME_TYPE;
    }

    /// @inheritdoc IClaimGames
    function version() external pure returns (string memory) {
        return "1.1.0";
    }

    function _describe(uint256 index) private view returns (GameSearchResult memory) {
        ClaimId id = _claims[index];
        IClaimRegistry decider = _registryOf(index);
        Claim memory claim = decider.claimOf(id);
        return GameSearchResult({
            index: index,
            metadata: bytes32(abi.encodePacked(GAME_TYPE, claim.createdAt, _addressOf(decider, id))),
            timestamp: claim.createdAt,
            rootClaim: claim.outputRoot,
            extraData: abi.encode(uint256(claim.blockNumber))
        });
    }

    /// @dev Its claims are listed from now on, each behind a proxy of one contract.
    function _enter(IClaimRegistry next) private {
        registry = next;
        address implementation = address(new ClaimGame{salt: 0}(next, GAME_TYPE));
        assert(implementation == _implementationOf(next));
        emit RegistryEntered(next, _claims.length);
    }

    function _letPass(bool isRival) private view {
        for (uint256 i = _former.length; i != 0; --i) {
            if (address(_former[i - 1].registry) != msg.sender) continue;
            if (isRival) return;
            revert Superseded(registry);
        }
        revert OnlyRegistry(msg.sender);
    }

    /// @dev Only the registry in force lists games, so each has a stretch of them.
    function _registryOf(uint256 index) private view returns (IClaimRegistry) {
        uint256 former = _former.length;
        for (uint256 i; i < former; ++i) {
            if (index < _former[i].endGame) return _former[i].registry;
        }
        return registry;
    }

    /// @dev Zero for what is no game of this list. A game's address follows from its registry and its claim.
    function _claimOf(IClaimGame game) private view returns (IClaimRegistry decider, ClaimId id) {
        if (address(game).code.length == 0) return (decider, id);
        (bool ok, bytes memory answer) = address(game).staticcall(abi.encodeCall(IClaimGame.claimId, ()));
        if (!ok || answer.length != 32) return (decider, id);
        ClaimId told = ClaimId.wrap(bytes32(answer));
        decider = registry;
        if (_addressOf(decider, told) == address(game)) return (decider, told);
        for (uint256 i = _former.length; i != 0; --i) {
            decider = _former[i - 1].registry;
            if (_addressOf(decider, told) == address(game)) return (decider, told);
        }
    }

    /// @dev EIP-1167's proxy of 45 bytes, and the id behind it.
    function _creationCode(address implementation, ClaimId id) private pure returns (bytes memory) {
        return abi.encodePacked(
            hex"3d604d80600a3d3981f3363d3d373d3d3d363d73", implementation, hex"5af43d82803e903d91602b57fd5bf3", id
        );
    }

    function _implementationOf(IClaimRegistry decider) private view returns (address) {
        return _created(abi.encodePacked(type(ClaimGame).creationCode, abi.encode(decider, GAME_TYPE)));
    }

    function _addressOf(IClaimRegistry decider, ClaimId id) private view returns (address) {
        return _created(_creationCode(_implementationOf(decider), id));
    }

    /// @dev Where this contract creates what runs this code first.
    function _created(bytes memory code) private view returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), bytes32(0), keccak256(code))))));
    }
}
