// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {DisputeGame} from "./DisputeGame.sol";
import {IBatchInbox} from "./interfaces/IBatchInbox.sol";
import {IClaimListing} from "./interfaces/IClaimListing.sol";
import {Claim, ClaimParameters, ClaimStatus, IClaimRegistry} from "./interfaces/IClaimRegistry.sol";
import {ILeafRules} from "./interfaces/ILeafRules.sol";
import {ChainState} from "./libraries/ChainState.sol";
import {GameHash} from "./libraries/GameHash.sol";
import {ClaimId, ContextId, EdgeId, NodeHash, StateHash} from "./libraries/Ids.sol";
import {Records} from "./libraries/Record.sol";

/// @title ClaimRegistry
/// @notice Nobody owns it: what it was made with never changes. Another one can take over what is claimed from then on.
contract ClaimRegistry is IClaimRegistry, DisputeGame {
    /// @dev A claim in four slots. Times fit 40 bits.
    struct Kept {
        ClaimId parent;
        StateHash endState;
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
    /// @notice Whose claims this registry goes on from; zero: from the chain's first state.
    IClaimRegistry public immutable predecessor;

    uint8 private immutable HEIGHT;
    uint64 private immutable SPACING;

    mapping(ClaimId id => Kept) private _claims;
    ClaimParameters private _parameters;
    /// @inheritdoc IClaimRegistry
    ClaimId public anchorClaim;

    /// @param predecessor_ Zero for the chain's first registry.
    /// @param genesis The chain state after the genesis block; empty where there is a predecessor.
    constructor(
        IBatchInbox inbox,
        IClaimListing listing,
        ILeafRules rules,
        IClaimRegistry predecessor_,
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
        (INBOX, LISTING, predecessor, _parameters) = (inbox, listing, predecessor_, given);
        (HEIGHT, SPACING) = (given.heights[0], given.spacing);
        if (address(predecessor_) != address(0)) {
            if (genesis.length != 0) revert BadEnd();
            return;
        }
        // The first claim is the root of no tree: its id is its state. The first claims derive what is in the inbox by now:
        // nothing, when both are deployed together.
        _begin(ClaimId.wrap(keccak256(genesis)), genesis, 0);
    }

    /// @inheritdoc IClaimRegistry
    function start(ClaimId id, bytes calldata endState) external {
        if (address(LISTING.registry()) != address(this) || !anchorClaim.isNoClaim()) revert CannotStart();
        // INVARIANT: it goes on from what was confirmed by the rules before, the newest: whoever begins it chooses nothing.
        if (!predecessor.isLatest(id)) revert NotLatest(id);
        if (StateHash.wrap(keccak256(endState)) != predecessor.claimOf(id).endState) revert BadEnd();
        _begin(id, endState, INBOX.furthest(ChainState.batch(endState), uint256(1) << HEIGHT));
    }

    /// @inheritdoc IClaimRegistry
    function propose(
        ClaimId parent,
        ContextId game,
        bytes calldata endState,
        NodeHash node,
        NodeHash[] calldata path
    ) external payable returns (ClaimId id) {
        // INVARIANT: no claim stands on one that is known to be wrong.
        if (!_isAlive(parent)) revert UnknownParent(parent);
        ContextId expected = gameOn(parent);
        // INVARIANT: nobody stands for another range, or another history of the inbox, than what was computed.
        if (game != expected) revert WrongGame(game, expected);
        if (!ChainState.isValid(endState) || path.length != HEIGHT) revert BadEnd();
        // INVARIANT: the claimed state is the tree's last leaf, at its full height.
        if (GameHash.rootOverLast(StateHash.wrap(keccak256(endState)).toLeaf(), path) != node) revert BadEnd();
        if (block.number < _claims[parent].madeAt + SPACING) revert TooEarly();
        ContextId ctx = _contextIn(game, parent);
        (EdgeId root, bool isNew) = _addRoot(LEVEL, ctx, node, EdgeId.wrap(0));
        id = root.toClaim();
        if (!isNew) return id;
        // INVARIANT: fixed here, once, so that claims on this one have one right length; it fits a tree.
        uint64 limit = INBOX.furthest(_claims[parent].limitBatch, uint256(1) << HEIGHT);
        bytes32 outputRoot = ChainState.outputRoot(endState);
        _claims[id] = Kept({
            parent: parent,
            endState: StateHash.wrap(keccak256(endState)),
            outputRoot: outputRoot,
            limitBatch: limit,
            blockNumber: ChainState.number(endState),
            madeAt: Records.time(block.number),
            createdAt: Records.time(block.timestamp),
            confirmedAt: 0,
            status: ClaimStatus.OPEN
        });
        emit ClaimProposed(id, parent, node, endState, limit, msg.sender);
        // INVARIANT: once another registry has taken over, only rivals come, where somebody has claimed before.
        LISTING.present(id, outputRoot, _isRivalled(ctx));
    }

    /// @inheritdoc IClaimRegistry
    function settle(ClaimId id) external payable free {
        Kept storage claim = _claims[id];
        ContextId ctx = _contextOn(claim.parent);
        _checkTime(ctx, _claimed(id).toEdge());
        // INVARIANT: a confirmed claim stands on confirmed claims down to genesis.
        if (_claims[claim.parent].status != ClaimStatus.CONFIRMED) revert ParentOpen(claim.parent);
        if (!_win(ctx, id.toEdge())) return;
        (claim.status, claim.confirmedAt) = (ClaimStatus.CONFIRMED, Records.time(block.timestamp));
        emit ClaimConfirmed(id);
    }

    /// @inheritdoc IClaimRegistry
    function collect(ClaimId id) external payable free {
        _lose(LEVEL, contextOf(id), id.toEdge());
    }

    /// @inheritdoc IClaimRegistry
    function forfeit(ClaimId id) external payable free {
        Kept storage claim = _claims[_claimed(id)];
        if (!_hasLost(claim.parent)) revert ParentAlive(claim.parent);
        if (claim.status == ClaimStatus.FORFEITED) return;
        claim.status = ClaimStatus.FORFEITED;
        _burn(id.toEdge());
        emit ClaimForfeited(id);
    }

    /// @inheritdoc IClaimRegistry
    function claimOf(ClaimId id) external view returns (Claim memory) {
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
    function gameOn(ClaimId parent) public view returns (ContextId) {
        uint64 limit = _claims[parent].limitBatch;
        // INVARIANT: the game says what its claims are about, so the right one follows from it: nobody chooses both.
        return GameHash.game(address(this), parent, limit, INBOX.lineageAt(limit));
    }

    /// @inheritdoc IClaimRegistry
    function contextOf(ClaimId id) public view returns (ContextId) {
        return _contextOn(_claims[id].parent);
    }

    /// @inheritdoc IClaimRegistry
    function isRejected(ClaimId id) external view returns (bool) {
        return _hasLost(id) || _hasLost(_claims[id].parent);
    }

    /// @inheritdoc IClaimRegistry
    function isLatest(ClaimId id) external view returns (bool) {
        if (_claims[id].status != ClaimStatus.CONFIRMED || _claims[id].outputRoot == 0) return false;
        // Of two confirmed claims one stands on the other.
        for (EdgeId next = winners[_contextOn(id)]; !next.isNoEdge(); next = winners[_contextOn(next.toClaim())]) {
            if (_claims[next.toClaim()].outputRoot != 0) return false;
        }
        return true;
    }

    /// @inheritdoc IClaimRegistry
    function timerOf(ClaimId id) external view returns (uint64) {
        return _claims[id].parent.isNoClaim() ? 0 : _timer(contextOf(id), id.toEdge());
    }

    /// @inheritdoc IClaimRegistry
    function parameters() external view returns (ClaimParameters memory) {
        return _parameters;
    }

    function _begin(ClaimId id, bytes memory state, uint64 limit) private {
        if (!ChainState.isValid(state)) revert BadEnd();
        anchorClaim = id;
        _claims[id] = Kept({
            parent: ClaimId.wrap(0),
            endState: StateHash.wrap(keccak256(state)),
            outputRoot: ChainState.outputRoot(state),
            limitBatch: limit,
            blockNumber: ChainState.number(state),
            madeAt: Records.time(block.number),
            createdAt: Records.time(block.timestamp),
            confirmedAt: Records.time(block.timestamp),
            status: ClaimStatus.CONFIRMED
        });
        emit ClaimsBegun(id, state, limit);
    }

    /// @dev Rivals are claims in one context: on one parent, up to one position.
    function _contextOn(ClaimId parent) private view returns (ContextId) {
        return _contextIn(gameOn(parent), parent);
    }

    function _contextIn(ContextId game, ClaimId parent) private view returns (ContextId) {
        return GameHash.context(LEVEL, game, 0, HEIGHT, GameHash.levelBase(game, _claims[parent].endState));
    }

    /// @dev The first claim has no root, and no edge of another level is a claim.
    function _claimed(ClaimId id) private view returns (ClaimId) {
        if (_claims[id].parent.isNoClaim()) revert NotRoot(id.toEdge());
        return id;
    }

    function _isAlive(ClaimId id) private view returns (bool) {
        ClaimStatus status = _claims[id].status;
        if (status == ClaimStatus.CONFIRMED) return true;
        return status == ClaimStatus.OPEN && !_isSettled(contextOf(id));
    }

    function _hasLost(ClaimId id) private view returns (bool) {
        return _claims[id].status != ClaimStatus.NONE && !_isAlive(id);
    }
}
