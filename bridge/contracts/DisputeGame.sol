// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {
    Context, ContextState, Edge, IDisputeGame, Root, Witness
} from "./interfaces/IDisputeGame.sol";
import {ILeafRules, Leaf, LeafKind, Past} from "./interfaces/ILeafRules.sol";
import {GameHash} from "./libraries/GameHash.sol";
import {BaseHash, ContextId, EdgeId, NodeHash, StateHash} from "./libraries/Ids.sol";
import {Record, Records} from "./libraries/Record.sol";

/// @title DisputeGame
/// @notice It only hashes and counts blocks: what a leaf is, and what comes after it, is said by the rules.
abstract contract DisputeGame is IDisputeGame {
    /// @dev An edge that a call is about, by its ids, and what is known of it.
    struct Spot {
        ContextId ctx;
        EdgeId edge;
        Record record;
    }

    uint8 private constant INFERENCE = 2;
    /// @dev Level of tensors whose words are one element; the level of others is so much higher as a word has doublings.
    uint8 private constant TENSOR = 0x30;
    /// @dev A tensor begins with none; of others only what is needed is told.
    StateHash private constant NO_STATE = StateHash.wrap(0);

    ILeafRules public immutable RULES;

    uint64 internal immutable PERIOD;
    uint96 private immutable STAKE_0;
    uint96 private immutable STAKE_1;
    uint96 private immutable STAKE_2;
    uint96 private immutable TARIFF_0;
    uint96 private immutable TARIFF_1;
    uint96 private immutable TARIFF_2;

    /// @dev With the first edge of the context.
    mapping(ContextId ctx => Record) private _contexts;
    /// @dev Those that came to their contexts later.
    mapping(EdgeId edge => Record) private _rivals;
    /// @dev Level and height of the tensors' trees below an operator's leaf: the same for all rivals, as the rules ask the past.
    mapping(ContextId ctx => uint16) private _tensors;
    mapping(EdgeId edge => Root) private _roots;
    /// @inheritdoc IDisputeGame
    mapping(ContextId ctx => EdgeId) public winners;
    /// @inheritdoc IDisputeGame
    mapping(address account => uint256) public credits;
    /// @inheritdoc IDisputeGame
    uint256 public held;
    /// @inheritdoc IDisputeGame
    uint256 public burned;
    /// @dev Within a multicall, whose value is the caller's credit by then.
    bool private transient _batching;

    /// @dev For what takes no stake. In a multicall the value is that of the whole.
    modifier free() {
        if (!_batching && msg.value != 0) revert BadStake(msg.value, 0);
        _;
    }

    modifier alone() {
        if (_batching) revert InMulticall();
        _;
    }

    constructor(ILeafRules rules, uint64 period, uint96[3] memory stakes, uint96[3] memory tariffs) {
        for (uint256 level; level < 3; ++level) {
            // INVARIANT: whoever quarrels with himself burns at least half a stake.
            if (tariffs[level] > stakes[level] / 2) revert BadParameters();
        }
        (RULES, PERIOD) = (rules, period);
        (STAKE_0, STAKE_1, STAKE_2) = (stakes[0], stakes[1], stakes[2]);
        (TARIFF_0, TARIFF_1, TARIFF_2) = (tariffs[0], tariffs[1], tariffs[2]);
    }

    /// @inheritdoc IDisputeGame
    function open(Context calldata ctx, NodeHash node, NodeHash left, NodeHash right) external payable free {
        // INVARIANT: level and height alone say which preimage a node has; with two forms, rivals could have equal children.
        if (ctx.height == 0 || _isPacked(ctx)) revert IsLeaf();
        Spot memory spot = _playable(ctx, node);
        if (GameHash.inner(left, right) != node) revert BadPreimage();
        _open(spot, ctx, [left, right]);
    }

    /// @inheritdoc IDisputeGame
    function openWord(Context calldata ctx, NodeHash node, bytes calldata packed) external payable free {
        if (ctx.height == 0 || !_isPacked(ctx)) revert IsLeaf();
        Spot memory spot = _playable(ctx, node);
        if (!_isWhole(ctx, node, packed)) revert BadPreimage();
        _open(spot, ctx, _halves(ctx, packed));
    }

    /// @inheritdoc IDisputeGame
    function refine(
        Context calldata ctx,
        NodeHash node,
        Witness calldata witness,
        bytes calldata evidence,
        NodeHash subNode,
        NodeHash[] calldata path
    ) external payable {
        Spot memory spot = _playable(ctx, node);
        Leaf memory leaf = _leafAt(ctx, witness, evidence);
        if (leaf.kind != LeafKind.REFINE) revert WrongKind();
        // INVARIANT: the tree ends in this very leaf, at the height that the rules say.
        if (path.length != leaf.height || GameHash.rootOverLast(node, path) != subNode) revert BadEnd();
        // INVARIANT: and it begins with the state before the leaf.
        BaseHash base = GameHash.levelBase(spot.ctx, witness.pre);
        ContextId subCtx = GameHash.context(leaf.level, spot.ctx, 0, leaf.height, base);
        (EdgeId sub, bool isNew) = _addRoot(leaf.level, subCtx, subNode, spot.edge);
        if (isNew) emit LevelOpened(sub, spot.edge, subCtx, subNode, leaf.level, leaf.height, msg.sender);
    }

    /// @inheritdoc IDisputeGame
    function descend(
        Context calldata ctx,
        NodeHash node,
        Witness calldata witness,
        bytes calldata evidence,
        NodeHash tensorRoot
    ) external payable free {
        Spot memory spot = _playable(ctx, node);
        Leaf memory leaf = _leafAt(ctx, witness, evidence);
        if (leaf.kind != LeafKind.DESCEND) revert WrongKind();
        if (GameHash.operatorLeaf(uint32(ctx.position), tensorRoot) != node) revert BadPreimage();
        ContextId tensor = _tensorContext(spot.ctx, leaf.level, leaf.height);
        EdgeId child = GameHash.edge(tensor, tensorRoot);
        if (_recordOf(tensor, child).exists()) return;
        _tensors[spot.ctx] = uint16(leaf.level) << 8 | leaf.height;
        _add(tensor, child);
        emit TensorOpened(spot.edge, child);
    }

    /// @inheritdoc IDisputeGame
    function prove(Context calldata ctx, NodeHash node, Witness calldata witness, bytes calldata evidence)
        external
        payable
        free
    {
        Spot memory spot = _playable(ctx, node);
        Leaf memory leaf = _leafAt(ctx, witness, evidence);
        if (leaf.kind != LeafKind.PROVE) revert WrongKind();
        _prove(spot, node, leaf.post.toLeaf());
    }

    /// @inheritdoc IDisputeGame
    function proveElement(
        Context calldata ctx,
        NodeHash node,
        Context calldata operator,
        Witness calldata witness,
        bytes calldata evidence
    ) external payable free {
        Spot memory spot = _playable(ctx, node);
        if (ctx.level < TENSOR || ctx.height != 0) revert WrongKind();
        // INVARIANT: the witness is of the operator whose tensor this is; only its leaf makes contexts of this origin.
        if (_id(operator) != ctx.origin) revert BadWitness();
        Past memory past = _past(operator, witness);
        _prove(spot, node, RULES.elementOf(ctx.level - TENSOR, ctx.position, operator.position, past, evidence));
    }

    /// @inheritdoc IDisputeGame
    function update(Context calldata ctx, NodeHash node, bytes calldata shown) external payable free {
        Spot memory spot = _spot(ctx, node);
        if (!spot.record.exists()) revert UnknownEdge(spot.edge);
        uint64 own = spot.record.own();
        uint64 below = _below(spot, ctx, node, shown);
        uint64 sum = below > Records.FOREVER - own ? Records.FOREVER : own + below;
        if (sum <= spot.record.cached()) return;
        _store(spot, spot.record.withCached(sum));
        emit TimerUpdated(spot.edge, sum);
    }

    /// @inheritdoc IDisputeGame
    function settle(Context calldata ctx, NodeHash node) external payable free {
        ContextId id = _id(ctx);
        EdgeId edge = GameHash.edge(id, node);
        // A claim is settled by its id: that asks for its parent too.
        if (ctx.level == 0) revert NotRoot(edge);
        _checkTime(id, edge);
        _win(id, edge);
    }

    /// @inheritdoc IDisputeGame
    function collect(Context calldata ctx, NodeHash node) external payable free {
        ContextId id = _id(ctx);
        _lose(ctx.level, id, GameHash.edge(id, node));
    }

    /// @inheritdoc IDisputeGame
    function multicall(bytes[] calldata calls) external payable alone {
        // INVARIANT: the value counts once: from here on it is credit, and no call looks at it.
        if (msg.value != 0) credits[msg.sender] += msg.value;
        _batching = true;
        for (uint256 i; i < calls.length; ++i) {
            (bool ok, bytes memory answer) = address(this).delegatecall(calls[i]);
            if (!ok) {
                assembly ("memory-safe") {
                    revert(add(answer, 32), mload(answer))
                }
            }
        }
        _batching = false;
    }

    /// @inheritdoc IDisputeGame
    function withdraw() external alone {
        uint256 amount = credits[msg.sender];
        // INVARIANT: the credit is gone before its owner's code runs.
        credits[msg.sender] = 0;
        emit Withdrawn(msg.sender, amount);
        (bool ok,) = msg.sender.call{value: amount}("");
        if (!ok) revert TransferFailed();
    }

    /// @inheritdoc IDisputeGame
    function edgeOf(ContextId ctx, EdgeId edge) external view returns (Edge memory) {
        Record record = _recordOf(ctx, edge);
        return Edge({
            exists: record.exists(), isFirst: record.isFirst(), proven: record.isProven(), cached: record.cached()
        });
    }

    /// @inheritdoc IDisputeGame
    function contextState(ContextId ctx) external view returns (ContextState memory) {
        Record record = _contexts[ctx];
        return ContextState({firstAt: record.firstAt(), secondAt: record.secondAt(), settled: _isSettled(ctx)});
    }

    /// @inheritdoc IDisputeGame
    function rootOf(EdgeId edge) external view returns (Root memory) {
        return _roots[edge];
    }

    /// @inheritdoc IDisputeGame
    function timerOf(ContextId ctx, NodeHash node) external view returns (uint64) {
        return _timer(ctx, GameHash.edge(ctx, node));
    }

    /// @dev Makes a root at the caller's stake. Existing, or in a settled context: nothing, and the stake is credited back.
    function _addRoot(uint8 level, ContextId ctx, NodeHash node, EdgeId claimed)
        internal
        returns (EdgeId edge, bool isNew)
    {
        uint96 stake = level == 0 ? STAKE_0 : level == 1 ? STAKE_1 : STAKE_2;
        if (!_batching && msg.value != stake) revert BadStake(msg.value, stake);
        edge = GameHash.edge(ctx, node);
        // INVARIANT: in a context of roots there are only roots: its height is that of the whole tree.
        if (_recordOf(ctx, edge).exists() || _isSettled(ctx)) {
            if (!_batching) credits[msg.sender] += msg.value;
            return (edge, false);
        }
        if (_batching) {
            uint256 credit = credits[msg.sender];
            if (credit < stake) revert BadStake(credit, stake);
            credits[msg.sender] = credit - stake;
        }
        held += stake;
        _roots[edge] = Root({staker: msg.sender, stake: stake, claimed: claimed});
        _add(ctx, edge);
        return (edge, true);
    }

    /// @dev Its stake goes back; its context is decided.
    /// @return isFirst False: the context was decided before.
    function _win(ContextId ctx, EdgeId edge) internal returns (bool isFirst) {
        // INVARIANT: a context has one winner.
        if (_isSettled(ctx)) return false;
        winners[ctx] = edge;
        credits[_roots[edge].staker] += _release(edge);
        emit LevelSettled(ctx, edge);
        return true;
    }

    function _lose(uint8 level, ContextId ctx, EdgeId edge) internal {
        EdgeId winner = winners[ctx];
        if (_roots[edge].staker == address(0) || winner.isNoEdge() || winner == edge) revert NotLoser(edge);
        if (_roots[edge].stake == 0) return;
        uint256 lost = _release(edge);
        uint256 tariff = level == 0 ? TARIFF_0 : level == 1 ? TARIFF_1 : TARIFF_2;
        credits[_roots[winner].staker] += tariff;
        burned += lost - tariff;
        emit StakeLost(edge, tariff, lost - tariff);
    }

    /// @dev Burns what is at stake for a root that nothing can decide any more.
    function _burn(EdgeId edge) internal {
        burned += _release(edge);
    }

    function _checkTime(ContextId ctx, EdgeId edge) internal view {
        if (_roots[edge].staker == address(0)) revert NotRoot(edge);
        if (_timer(ctx, edge) < PERIOD) revert TooEarly();
    }

    function _timer(ContextId ctx, EdgeId edge) internal view returns (uint64) {
        return _recordOf(ctx, edge).timer();
    }

    /// @dev Of the contexts of roots: no other has a winner.
    function _isSettled(ContextId ctx) internal view returns (bool) {
        return !winners[ctx].isNoEdge();
    }

    /// @dev Of a context with a root.
    function _isRivalled(ContextId ctx) internal view returns (bool) {
        return _contexts[ctx].secondAt() != 0;
    }

    function _recordOf(ContextId ctx, EdgeId edge) private view returns (Record record) {
        record = _contexts[ctx];
        // Where nobody was first nobody came later.
        if (record.exists() && !record.isOf(edge)) record = _rivals[edge];
    }

    function _spot(Context calldata ctx, NodeHash node) private view returns (Spot memory spot) {
        spot.ctx = _id(ctx);
        spot.edge = GameHash.edge(spot.ctx, node);
        spot.record = _recordOf(spot.ctx, spot.edge);
    }

    /// @dev A context's record has times, that of a later edge has none.
    function _store(Spot memory spot, Record changed) private {
        if (changed.isFirst()) _contexts[spot.ctx] = changed;
        else _rivals[spot.edge] = changed;
    }

    /// @dev Third and later rivals change nothing.
    function _add(ContextId ctx, EdgeId edge) private {
        Record record = _contexts[ctx];
        if (!record.exists()) {
            _contexts[ctx] = Records.first(edge);
            return;
        }
        if (record.isOf(edge) || _rivals[edge].exists()) return;
        _rivals[edge] = Records.LATER;
        if (record.secondAt() == 0) _contexts[ctx] = record.withRival();
    }

    function _open(Spot memory spot, Context calldata ctx, NodeHash[2] memory children) private {
        (ContextId left, ContextId right) = _childContexts(ctx, children[0]);
        EdgeId last = GameHash.edge(right, children[1]);
        // INVARIANT: right of this left, after this past, that node comes from the opening of this edge alone.
        if (_recordOf(right, last).exists()) return;
        _add(left, GameHash.edge(left, children[0]));
        _add(right, last);
        emit EdgeOpened(spot.edge, children[0], children[1]);
    }

    function _prove(Spot memory spot, NodeHash node, NodeHash post) private {
        if (post != node) revert WrongPost(post);
        if (spot.record.isProven()) return;
        _store(spot, spot.record.asProven());
        emit EdgeProven(spot.edge);
    }

    /// @dev Takes what is at stake out of the root.
    function _release(EdgeId edge) private returns (uint256 stake) {
        Root storage root = _roots[edge];
        stake = root.stake;
        root.stake = 0;
        held -= stake;
    }

    /// @dev INVARIANT: only what has a rival is played on; else the same blocks would count once a level.
    function _playable(Context calldata ctx, NodeHash node) private view returns (Spot memory spot) {
        spot = _spot(ctx, node);
        if (!spot.record.isRivalled()) revert NotRivalled(spot.edge);
    }

    function _leafAt(Context calldata ctx, Witness calldata witness, bytes calldata evidence)
        private
        view
        returns (Leaf memory)
    {
        if (ctx.level > INFERENCE || ctx.height != 0) revert WrongKind();
        return RULES.leafOf(ctx.level, ctx.position, _past(ctx, witness), evidence);
    }

    /// @dev INVARIANT: the witness is what the context's base was made from.
    function _past(Context calldata ctx, Witness calldata witness) private pure returns (Past memory) {
        NodeHash[] calldata lefts = witness.lefts;
        bool isWhole = ctx.position == 0 || ctx.level == INFERENCE;
        StateHash start = StateHash.wrap(witness.head);
        BaseHash base = isWhole ? GameHash.levelBase(ctx.origin, start) : BaseHash.wrap(witness.head);
        for (uint256 i; i < lefts.length; ++i) {
            base = GameHash.rightBase(base, lefts[i]);
        }
        if (base != ctx.base || (!isWhole && lefts.length != 1)) revert BadWitness();
        if (lefts.length == 0) {
            if (witness.path.length != 0 || witness.pre != start) revert BadWitness();
        } else {
            // INVARIANT: pre is the leaf before, at its full depth.
            if (witness.path.length != _trailingZeros(ctx.position)) revert BadWitness();
            if (GameHash.rootOverLast(witness.pre.toLeaf(), witness.path) != lefts[lefts.length - 1]) revert BadWitness();
        }
        return Past({origin: ctx.origin, start: isWhole ? start : NO_STATE, lefts: lefts, pre: witness.pre});
    }

    function _timerBelow(ContextId ctx, EdgeId edge) private view returns (uint64) {
        Record record = _recordOf(ctx, edge);
        if (!record.exists()) revert NotLinked();
        return record.timer();
    }

    /// @dev Time of what lies below the edge, as far as it was updated.
    function _below(Spot memory spot, Context calldata ctx, NodeHash node, bytes calldata shown)
        private
        view
        returns (uint64)
    {
        if (ctx.height != 0) {
            NodeHash[2] memory children;
            if (_isPacked(ctx)) {
                if (!_isWhole(ctx, node, shown)) revert NotLinked();
                children = _halves(ctx, shown);
            } else {
                children = abi.decode(_exactly(shown, 64), (NodeHash[2]));
                if (GameHash.inner(children[0], children[1]) != node) revert NotLinked();
            }
            (ContextId left, ContextId right) = _childContexts(ctx, children[0]);
            uint64 rightTimer = _timerBelow(right, GameHash.edge(right, children[1]));
            uint64 leftTimer = _timerBelow(left, GameHash.edge(left, children[0]));
            return leftTimer < rightTimer ? leftTimer : rightTimer;
        }
        if (shown.length == 32) {
            NodeHash root = NodeHash.wrap(bytes32(shown));
            if (GameHash.operatorLeaf(uint32(ctx.position), root) != node) revert NotLinked();
            uint16 shape = _tensors[spot.ctx];
            ContextId tensor = _tensorContext(spot.ctx, uint8(shape >> 8), uint8(shape));
            return _timerBelow(tensor, GameHash.edge(tensor, root));
        }
        (ContextId subCtx, NodeHash subNode) = abi.decode(_exactly(shown, 64), (ContextId, NodeHash));
        EdgeId sub = GameHash.edge(subCtx, subNode);
        // INVARIANT: a tree speaks for the leaf that it ends in, never for a rival of that.
        if (_roots[sub].claimed != spot.edge) revert NotLinked();
        return _timer(subCtx, sub);
    }

    /// @dev The tree's level and height are those that the rules said: a smaller tree of the same origin is a part of it.
    function _tensorContext(ContextId leaf, uint8 level, uint8 height) private pure returns (ContextId) {
        return GameHash.context(level, leaf, 0, height, GameHash.levelBase(leaf, NO_STATE));
    }

    function _id(Context calldata ctx) private pure returns (ContextId) {
        return GameHash.context(ctx.level, ctx.origin, ctx.position, ctx.height, ctx.base);
    }

    function _childContexts(Context calldata ctx, NodeHash left) private pure returns (ContextId, ContextId) {
        uint8 height = ctx.height - 1;
        uint64 middle = ctx.position + (uint64(1) << height);
        return (
            GameHash.context(ctx.level, ctx.origin, ctx.position, height, ctx.base),
            GameHash.context(ctx.level, ctx.origin, middle, height, GameHash.rightBase(ctx.base, left))
        );
    }

    /// @dev Whether nodes of this place are hashes of packed elements: a word, or a part of one.
    function _isPacked(Context calldata ctx) private pure returns (bool) {
        return ctx.level >= TENSOR && ctx.height <= ctx.level - TENSOR;
    }

    /// @dev Whether the node is this word, or this part of one.
    function _isWhole(Context calldata ctx, NodeHash node, bytes calldata packed) private pure returns (bool) {
        uint8 k = ctx.level - TENSOR;
        if (packed.length != uint256(32) >> (k - ctx.height)) return false;
        return node == (ctx.height == k ? GameHash.word(bytes32(packed)) : GameHash.part(ctx.height, packed));
    }

    function _halves(Context calldata ctx, bytes calldata packed) private pure returns (NodeHash[2] memory) {
        uint256 middle = packed.length / 2;
        uint8 height = ctx.height - 1;
        return [GameHash.part(height, packed[:middle]), GameHash.part(height, packed[middle:])];
    }

    function _exactly(bytes calldata shown, uint256 length) private pure returns (bytes calldata) {
        if (shown.length != length) revert NotLinked();
        return shown;
    }

    function _trailingZeros(uint64 position) private pure returns (uint256 zeros) {
        while (position & 1 == 0) {
            position >>= 1;
            ++zeros;
        }
    }
}
