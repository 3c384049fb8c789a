// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatchInbox} from "./interfaces/IBatchInbox.sol";
import {IClaimListing} from "./interfaces/IClaimListing.sol";
import {
    Claim, ClaimParameters, ClaimStatus, Context, IClaimRegistry, Root
} from "./interfaces/IClaimRegistry.sol";
import {IDisputeGame} from "./interfaces/IDisputeGame.sol";
import {ChainState} from "./libraries/ChainState.sol";
import {GameHash} from "./libraries/GameHash.sol";

/// @title ClaimRegistry
/// @notice Nobody owns it: what it was made with never changes.
contract ClaimRegistry is IClaimRegistry {
    uint8 private constant LEVEL = 0;

    IBatchInbox public immutable INBOX;
    IClaimListing public immutable LISTING;
    /// @notice Decides between rivals. Without one a claim with a rival stays open.
    IDisputeGame public immutable GAME;
    /// @notice The chain's first state; confirmed from the start.
    bytes32 public immutable GENESIS;

    uint8 private immutable HEIGHT;
    uint64 private immutable PERIOD;
    uint64 private immutable SPACING;
    uint96 private immutable BOND;
    uint96 private immutable TARIFF;

    mapping(bytes32 ctx => Context) private _contexts;
    mapping(bytes32 ctx => bytes32) public winners;
    mapping(bytes32 id => Claim) private _claims;
    mapping(bytes32 id => Root) private _roots;
    mapping(address account => uint256) public credits;
    /// @notice Wei that nobody gets again.
    uint256 public burned;
    /// @notice Wei of bonds that are still at stake.
    uint256 public held;
    ClaimParameters private _parameters;

    /// @param genesis The chain state after the genesis block.
    constructor(
        IBatchInbox inbox,
        IClaimListing listing,
        IDisputeGame game,
        bytes memory genesis,
        ClaimParameters memory given
    ) {
        uint256 moves;
        for (uint256 i; i < 4; ++i) {
            moves += uint256(given.heights[i]) + 1;
        }
        // INVARIANT: an honest answer to every move fits into the period, whatever is censored.
        if (given.period <= given.censorship + (given.delay + 1) * moves) revert BadParameters();
        // INVARIANT: whoever quarrels with himself burns at least half a bond.
        if (given.tariff > given.bond / 2 || given.heights[0] > 63) revert BadParameters();
        if (!ChainState.isValid(genesis)) revert BadEnd();
        (INBOX, LISTING, GAME, _parameters) = (inbox, listing, game, given);
        (HEIGHT, PERIOD, SPACING) = (given.heights[0], given.period, given.spacing);
        (BOND, TARIFF) = (given.bond, given.tariff);
        bytes32 endState = keccak256(genesis);
        GENESIS = endState;
        // The first claims derive what is in the inbox by now: nothing, when both are deployed together.
        _claims[endState] = Claim({
            parent: 0,
            endState: endState,
            outputRoot: ChainState.outputRoot(genesis),
            limitBatch: 0,
            limitDelayed: 0,
            madeAt: uint64(block.number),
            status: ClaimStatus.CONFIRMED,
            isFirst: true,
            blockNumber: ChainState.number(genesis),
            createdAt: uint64(block.timestamp),
            confirmedAt: uint64(block.timestamp)
        });
    }

    /// @inheritdoc IClaimRegistry
    function propose(bytes32 parent, bytes calldata endState, bytes32 node, bytes32[] calldata path)
        external
        payable
        returns (bytes32 id)
    {
        // INVARIANT: no claim stands on one that is known to be wrong.
        if (!_isAlive(parent)) revert UnknownParent(parent);
        if (!ChainState.isValid(endState) || path.length != HEIGHT) revert BadEnd();
        // INVARIANT: the claimed state is the tree's last leaf, at its full height.
        if (GameHash.rootOverLast(keccak256(endState), path) != node) revert BadEnd();
        if (block.number < _claims[parent].madeAt + SPACING) revert TooEarly();
        if (msg.value != BOND) revert BadStake(msg.value, BOND);
        bytes32 ctx = _contextOn(parent);
        id = GameHash.edge(ctx, node);
        if (_claims[id].status != ClaimStatus.NONE || _contexts[ctx].settled) {
            credits[msg.sender] += msg.value;
            return id;
        }
        _roots[id] = Root({staker: msg.sender, stake: BOND});
        held += BOND;
        _open(id, parent, endState, _enter(ctx));
        emit ClaimProposed(
            id, parent, node, endState, _claims[id].limitBatch, _claims[id].limitDelayed, msg.sender
        );
        if (_claims[id].outputRoot != 0) LISTING.present(id);
    }

    /// @inheritdoc IClaimRegistry
    function settle(bytes32 id) external {
        Claim storage claim = _claims[id];
        Root storage root = _roots[id];
        if (root.staker == address(0)) revert NotRoot(id);
        bytes32 ctx = _contextOn(claim.parent);
        if (_timer(id, ctx) < PERIOD) revert TooEarly();
        // INVARIANT: a confirmed claim stands on confirmed claims down to genesis.
        if (_claims[claim.parent].status != ClaimStatus.CONFIRMED) revert ParentOpen(claim.parent);
        // INVARIANT: at most one claim is ever confirmed on a parent.
        if (_contexts[ctx].settled) return;
        _contexts[ctx].settled = true;
        winners[ctx] = id;
        (claim.status, claim.confirmedAt) = (ClaimStatus.CONFIRMED, uint64(block.timestamp));
        credits[root.staker] += _release(root);
        emit LevelSettled(ctx, id);
        emit ClaimConfirmed(id);
    }

    /// @inheritdoc IClaimRegistry
    function collect(bytes32 id) external {
        Root storage root = _roots[id];
        bytes32 ctx = _contextOn(_claims[id].parent);
        bytes32 winner = winners[ctx];
        if (root.staker == address(0) || !_contexts[ctx].settled || winner == id) revert NotLoser(id);
        if (root.stake == 0) return;
        uint256 lost = _release(root);
        credits[_roots[winner].staker] += TARIFF;
        burned += lost - TARIFF;
        emit StakeLost(id, TARIFF, lost - TARIFF);
    }

    /// @inheritdoc IClaimRegistry
    function forfeit(bytes32 id) external {
        Claim storage claim = _claims[id];
        if (_roots[id].staker == address(0)) revert NotRoot(id);
        if (!_hasLost(claim.parent)) revert ParentAlive(claim.parent);
        if (claim.status == ClaimStatus.FORFEITED) return;
        claim.status = ClaimStatus.FORFEITED;
        burned += _release(_roots[id]);
        emit ClaimForfeited(id);
    }

    /// @inheritdoc IClaimRegistry
    function withdraw() external {
        uint256 amount = credits[msg.sender];
        // INVARIANT: the credit is gone before its owner's code runs.
        credits[msg.sender] = 0;
        emit Withdrawn(msg.sender, amount);
        (bool ok,) = msg.sender.call{value: amount}("");
        if (!ok) revert TransferFailed();
    }

    /// @inheritdoc IClaimRegistry
    function claimOf(bytes32 id) external view returns (Claim memory) {
        return _claims[id];
    }

    /// @inheritdoc IClaimRegistry
    function rootOf(bytes32 id) external view returns (Root memory) {
        return _roots[id];
    }

    /// @inheritdoc IClaimRegistry
    function contextOf(bytes32 id) external view returns (bytes32 ctx, Context memory state) {
        ctx = _contextOn(_claims[id].parent);
        state = _contexts[ctx];
    }

    /// @inheritdoc IClaimRegistry
    function isRejected(bytes32 id) external view returns (bool) {
        return _hasLost(id) || _hasLost(_claims[id].parent);
    }

    /// @inheritdoc IClaimRegistry
    function timerOf(bytes32 id) external view returns (uint64) {
        return _roots[id].staker == address(0) ? 0 : _timer(id, _contextOn(_claims[id].parent));
    }

    /// @inheritdoc IClaimRegistry
    function parameters() external view returns (ClaimParameters memory) {
        return _parameters;
    }

    /// @dev Rivals are claims in one context: on one parent, up to one position.
    function _contextOn(bytes32 parent) private view returns (bytes32) {
        Claim storage claim = _claims[parent];
        bytes32 game = GameHash.game(address(this), parent, claim.limitBatch, claim.limitDelayed);
        return GameHash.context(LEVEL, game, 0, HEIGHT, GameHash.levelBase(game, claim.endState));
    }

    /// @dev Third and later rivals change nothing.
    /// @return isFirst Whether nobody was there.
    function _enter(bytes32 ctx) private returns (bool isFirst) {
        Context storage context = _contexts[ctx];
        isFirst = context.firstAt == 0;
        if (isFirst) context.firstAt = uint64(block.number);
        else if (context.secondAt == 0) context.secondAt = uint64(block.number);
    }

    function _open(bytes32 id, bytes32 parent, bytes calldata endState, bool isFirst) private {
        _claims[id] = Claim({
            parent: parent,
            endState: keccak256(endState),
            outputRoot: ChainState.outputRoot(endState),
            // INVARIANT: fixed here, once, so that claims on this one have one right length.
            limitBatch: INBOX.recordCount(),
            limitDelayed: INBOX.messageCount(),
            madeAt: uint64(block.number),
            status: ClaimStatus.OPEN,
            isFirst: isFirst,
            blockNumber: ChainState.number(endState),
            createdAt: uint64(block.timestamp),
            confirmedAt: 0
        });
    }

    /// @dev Takes what is at stake out of the root.
    function _release(Root storage root) private returns (uint256 stake) {
        stake = root.stake;
        root.stake = 0;
        held -= stake;
    }

    /// @dev Own time, or what the game says: never both, so no block counts twice.
    function _timer(bytes32 id, bytes32 ctx) private view returns (uint64 timer) {
        Context storage context = _contexts[ctx];
        if (_claims[id].isFirst) {
            timer = (context.secondAt == 0 ? uint64(block.number) : context.secondAt) - context.firstAt;
        }
        if (address(GAME) == address(0)) return timer;
        uint64 decided = GAME.timerOf(id);
        if (decided > timer) timer = decided;
    }

    function _isAlive(bytes32 id) private view returns (bool) {
        ClaimStatus status = _claims[id].status;
        if (status == ClaimStatus.CONFIRMED) return true;
        return status == ClaimStatus.OPEN && !_contexts[_contextOn(_claims[id].parent)].settled;
    }

    function _hasLost(bytes32 id) private view returns (bool) {
        return _claims[id].status != ClaimStatus.NONE && !_isAlive(id);
    }
}
