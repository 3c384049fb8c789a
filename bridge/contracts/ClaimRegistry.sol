// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {DisputeGame} from "./DisputeGame.sol";
import {IBatchInbox} from "./interfaces/IBatchInbox.sol";
import {IClaimListing} from "./interfaces/IClaimListing.sol";
import {Claim, ClaimParameters, ClaimStatus, IClaimRegistry} from "./interfaces/IClaimRegistry.sol";
import {ILeafRules} from "./interfaces/ILeafRules.sol";
import {ChainState} from "./libraries/ChainState.sol";
import {GameHash} from "./libraries/GameHash.sol";
import {Records} from "./libraries/Record.sol";

/// @title ClaimRegistry
/// @notice Nobody owns it: what it was made with never changes.
contract ClaimRegistry is IClaimRegistry, DisputeGame {
    /// @dev A claim in four slots. Times fit 40 bits.
    struct Kept {
        bytes32 parent;
        bytes32 endState;
        bytes32 outputRoot;
        uint64 limitBatch;
        uint64 blockNumber;
        uint40 madeAt;
        uint40 createdAt;
        uint40 confirmedAt;
        ClaimStatus status;
    }

    uint8 private constant LEVEL = 0;

    IBatchInbox public immutable INBOX;
    IClaimListing public immutable LISTING;
    /// @notice The chain's first state; confirmed from the start.
    bytes32 public immutable GENESIS;

    uint8 private immutable HEIGHT;
    uint64 private immutable SPACING;

    mapping(bytes32 id => Kept) private _claims;
    ClaimParameters private _parameters;

    /// @param genesis The chain state after the genesis block.
    constructor(
        IBatchInbox inbox,
        IClaimListing listing,
        ILeafRules rules,
        bytes memory genesis,
        ClaimParameters memory given
    ) DisputeGame(rules, given.period, given.stakes, given.tariffs) {
        uint256 moves;
        for (uint256 i; i < 4; ++i) {
            moves += uint256(given.heights[i]) + 1;
        }
        // INVARIANT: an honest answer to every move fits into the period, whatever is censored.
        if (given.period <= given.censorship + (given.delay + 1) * moves) revert BadParameters();
        if (given.heights[0] > 63) revert BadParameters();
        if (!ChainState.isValid(genesis)) revert BadEnd();
        (INBOX, LISTING, _parameters) = (inbox, listing, given);
        (HEIGHT, SPACING) = (given.heights[0], given.spacing);
        bytes32 endState = keccak256(genesis);
        GENESIS = endState;
        // The first claims derive what is in the inbox by now: nothing, when both are deployed together.
        _claims[endState] = Kept({
            parent: 0,
            endState: endState,
            outputRoot: ChainState.outputRoot(genesis),
            limitBatch: 0,
            blockNumber: ChainState.number(genesis),
            madeAt: Records.time(block.number),
            createdAt: Records.time(block.timestamp),
            confirmedAt: Records.time(block.timestamp),
            status: ClaimStatus.CONFIRMED
        });
    }

    /// @inheritdoc IClaimRegistry
    function propose(
        bytes32 parent,
        uint64 limitBatch,
        bytes calldata endState,
        bytes32 node,
        bytes32[] calldata path
    ) external payable returns (bytes32 id) {
        // INVARIANT: no claim stands on one that is known to be wrong.
        if (!_isAlive(parent)) revert UnknownParent(parent);
        // INVARIANT: nobody stands for another range than the one that was computed.
        if (limitBatch != _claims[parent].limitBatch) revert WrongLimit(limitBatch, _claims[parent].limitBatch);
        if (!ChainState.isValid(endState) || path.length != HEIGHT) revert BadEnd();
        // INVARIANT: the claimed state is the tree's last leaf, at its full height.
        if (GameHash.rootOverLast(keccak256(endState), path) != node) revert BadEnd();
        if (block.number < _claims[parent].madeAt + SPACING) revert TooEarly();
        bool isNew;
        (id, isNew) = _addRoot(LEVEL, _contextOn(parent), node, 0);
        if (!isNew) return id;
        // INVARIANT: fixed here, once, so that claims on this one have one right length; it fits a tree.
        uint64 limit = INBOX.furthest(limitBatch, uint256(1) << HEIGHT);
        bytes32 outputRoot = ChainState.outputRoot(endState);
        _claims[id] = Kept({
            parent: parent,
            endState: keccak256(endState),
            outputRoot: outputRoot,
            limitBatch: limit,
            blockNumber: ChainState.number(endState),
            madeAt: Records.time(block.number),
            createdAt: Records.time(block.timestamp),
            confirmedAt: 0,
            status: ClaimStatus.OPEN
        });
        emit ClaimProposed(id, parent, node, endState, limit, msg.sender);
        if (outputRoot != 0) LISTING.present(id);
    }

    /// @inheritdoc IClaimRegistry
    function settle(bytes32 id) external payable free {
        Kept storage claim = _claims[id];
        bytes32 ctx = _contextOn(claim.parent);
        _checkTime(ctx, _claimed(id));
        // INVARIANT: a confirmed claim stands on confirmed claims down to genesis.
        if (_claims[claim.parent].status != ClaimStatus.CONFIRMED) revert ParentOpen(claim.parent);
        if (!_win(ctx, id)) return;
        (claim.status, claim.confirmedAt) = (ClaimStatus.CONFIRMED, Records.time(block.timestamp));
        emit ClaimConfirmed(id);
    }

    /// @inheritdoc IClaimRegistry
    function collect(bytes32 id) external payable free {
        _lose(LEVEL, contextOf(id), id);
    }

    /// @inheritdoc IClaimRegistry
    function forfeit(bytes32 id) external payable free {
        Kept storage claim = _claims[_claimed(id)];
        if (!_hasLost(claim.parent)) revert ParentAlive(claim.parent);
        if (claim.status == ClaimStatus.FORFEITED) return;
        claim.status = ClaimStatus.FORFEITED;
        _burn(id);
        emit ClaimForfeited(id);
    }

    /// @inheritdoc IClaimRegistry
    function claimOf(bytes32 id) external view returns (Claim memory) {
        Kept storage claim = _claims[id];
        return Claim({
            parent: claim.parent,
            endState: claim.endState,
            outputRoot: claim.outputRoot,
            limitBatch: claim.limitBatch,
            madeAt: claim.madeAt,
            blockNumber: claim.blockNumber,
            status: claim.status,
            createdAt: claim.createdAt,
            confirmedAt: claim.confirmedAt
        });
    }

    /// @inheritdoc IClaimRegistry
    function contextOf(bytes32 id) public view returns (bytes32) {
        return _contextOn(_claims[id].parent);
    }

    /// @inheritdoc IClaimRegistry
    function isRejected(bytes32 id) external view returns (bool) {
        return _hasLost(id) || _hasLost(_claims[id].parent);
    }

    /// @inheritdoc IClaimRegistry
    function timerOf(bytes32 id) external view returns (uint64) {
        return _claims[id].parent == 0 ? 0 : _timer(contextOf(id), id);
    }

    /// @inheritdoc IClaimRegistry
    function parameters() external view returns (ClaimParameters memory) {
        return _parameters;
    }

    /// @dev Rivals are claims in one context: on one parent, up to one position.
    function _contextOn(bytes32 parent) private view returns (bytes32) {
        Kept storage claim = _claims[parent];
        bytes32 game = GameHash.game(address(this), parent, claim.limitBatch);
        return GameHash.context(LEVEL, game, 0, HEIGHT, GameHash.levelBase(game, claim.endState));
    }

    /// @dev The first claim has no root, and no edge of another level is a claim.
    function _claimed(bytes32 id) private view returns (bytes32) {
        if (_claims[id].parent == 0) revert NotRoot(id);
        return id;
    }

    function _isAlive(bytes32 id) private view returns (bool) {
        ClaimStatus status = _claims[id].status;
        if (status == ClaimStatus.CONFIRMED) return true;
        return status == ClaimStatus.OPEN && !_isSettled(contextOf(id));
    }

    function _hasLost(bytes32 id) private view returns (bool) {
        return _claims[id].status != ClaimStatus.NONE && !_isAlive(id);
    }
}
