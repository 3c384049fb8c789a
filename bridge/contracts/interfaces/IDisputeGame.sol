// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {BaseHash, ContextId, EdgeId, NodeHash, StateHash} from "../libraries/Ids.sol";

/// @notice The place where rivals meet; its hash is the context's id.
/// @param level 0 chain, 1 execution, 2 inference, 0x30 + k tensor of words with 2^k elements.
/// @param origin The game's hash at level 0, otherwise the context of the leaf above.
/// @param position Index of the first leaf below; of the first element at level 3.
/// @param height Of the nodes that meet here.
/// @param base Hash of all that lies left.
struct Context {
    uint8 level;
    ContextId origin;
    uint64 position;
    uint8 height;
    BaseHash base;
}

/// @param firstAt L1 block of the first edge, zero while there is none.
/// @param secondAt L1 block of the second, zero while there is none.
/// @param settled Whether one of its roots has won.
struct ContextState {
    uint64 firstAt;
    uint64 secondAt;
    bool settled;
}

/// @param isFirst Whether it was the first in its context: only that one gains time by itself.
/// @param cached L1 blocks credited to it so far.
struct Edge {
    bool exists;
    bool isFirst;
    bool proven;
    uint64 cached;
}

/// @notice Root of a level, which somebody stands for.
/// @param stake Wei; zero after payout.
/// @param claimed The leaf that it ends in; zero at level 0.
struct Root {
    address staker;
    uint96 stake;
    EdgeId claimed;
}

/// @notice What lies left of a leaf. In full at level 2 and where position is 0: `head` is the state that the level starts
/// with, `lefts` the roots of all complete subtrees left of the leaf, in order. At levels 0 and 1 in short: `head` is the
/// base before the last of them, `lefts` that one alone.
/// @param path Siblings of the leaf before this one, lowest first, up to the last of lefts, whose right-most leaf it is.
/// @param pre Hash of the state before the step: that leaf, or head where there is none.
struct Witness {
    bytes32 head;
    NodeHash[] lefts;
    NodeHash[] path;
    StateHash pre;
}

/// @title The board on which claims are disputed
/// @notice Whoever disputes commits, at each level, to one complete binary tree over the states after each step. Its nodes
/// are edges of a board; two nodes at one place after one past are rivals. An edge without a rival gains time. "No-op"
/// means: it changes nothing, takes nothing and is no error, so that whoever comes second loses nothing.
interface IDisputeGame {
    /// @param left The nodes below.
    event EdgeOpened(EdgeId indexed edge, NodeHash left, NodeHash right);
    /// @param edge The leaf that the tree ends in.
    /// @param ctx Where the tree's root, of this node, meets its rivals.
    event LevelOpened(
        EdgeId indexed sub,
        EdgeId indexed edge,
        ContextId indexed ctx,
        NodeHash node,
        uint8 level,
        uint8 height,
        address staker
    );
    event TensorOpened(EdgeId indexed edge, EdgeId indexed child);
    event EdgeProven(EdgeId indexed edge);
    event TimerUpdated(EdgeId indexed edge, uint64 cached);
    event LevelSettled(ContextId indexed ctx, EdgeId indexed edge);
    event StakeLost(EdgeId indexed edge, uint256 tariff, uint256 burned);
    event Withdrawn(address indexed account, uint256 amount);

    /// @notice At deployment: the rules of disputes do not fit each other.
    error BadParameters();
    /// @notice A leaf, or at level 3 a word, is not opened into two nodes; what is neither word nor part is not split.
    error IsLeaf();
    /// @notice There is no such edge, or it has no rival: its own time runs.
    error NotRivalled(EdgeId edge);
    /// @notice These are not what the node was hashed from.
    error BadPreimage();
    /// @notice This is not what lies left of the leaf.
    error BadWitness();
    /// @notice The rules say something else of this place.
    error WrongKind();
    /// @notice The state is not the last leaf of the tree.
    error BadEnd();
    /// @param given Wei sent; in a multicall, what the caller is credited with.
    error BadStake(uint256 given, uint256 required);
    /// @notice The step ends in another state than the leaf claims.
    error WrongPost(NodeHash post);
    /// @notice The board does not hold the edge.
    error UnknownEdge(EdgeId edge);
    /// @notice What is shown does not lie below the edge.
    error NotLinked();
    /// @notice Not enough L1 blocks have passed. Wait.
    error TooEarly();
    /// @notice Nobody staked on the edge.
    error NotRoot(EdgeId edge);
    /// @notice The root has not lost to another.
    error NotLoser(EdgeId edge);
    /// @notice Neither a multicall nor a withdrawal is part of a multicall.
    error InMulticall();
    /// @notice The account does not take the ether that is paid out to it.
    error TransferFailed();

    /// @notice Puts the two children of a rivalled node on the board. No-op when they are there.
    function open(Context calldata ctx, NodeHash node, NodeHash left, NodeHash right) external payable;

    /// @notice As `open`, for a tensor's word, or a part of one.
    /// @param packed Its elements, 2^(height - k) * 32 bytes.
    function openWord(Context calldata ctx, NodeHash node, bytes calldata packed) external payable;

    /// @notice Stands for a rivalled leaf with a tree of the next level, by a stake. No-op when the tree's root is there, or
    /// its context is settled: the stake is credited back.
    /// @param evidence What the rules ask for.
    /// @param subNode Root of the tree, whose last leaf is `node`.
    /// @param path Siblings of that leaf, lowest first.
    function refine(
        Context calldata ctx,
        NodeHash node,
        Witness calldata witness,
        bytes calldata evidence,
        NodeHash subNode,
        NodeHash[] calldata path
    ) external payable;

    /// @notice Puts the tensor of a rivalled operator's leaf on the board. No-op when it is there.
    function descend(
        Context calldata ctx,
        NodeHash node,
        Witness calldata witness,
        bytes calldata evidence,
        NodeHash tensorRoot
    ) external payable;

    /// @notice Proves a rivalled leaf of levels 0 to 2. No-op when it is proven.
    function prove(Context calldata ctx, NodeHash node, Witness calldata witness, bytes calldata evidence)
        external
        payable;

    /// @notice Proves one rivalled element of a tensor. No-op when it is proven.
    /// @param operator Context of the operator's leaf at level 2, of which the witness is.
    function proveElement(
        Context calldata ctx,
        NodeHash node,
        Context calldata operator,
        Witness calldata witness,
        bytes calldata evidence
    ) external payable;

    /// @notice Credits an edge with the time of what lies below it.
    /// @param shown What links it: `left ++ right` of an opened node; the elements of an opened word or part; the tensor's
    /// root of an operator's leaf; `context ++ node` of a tree that ends in a leaf of level 0 or 1.
    function update(Context calldata ctx, NodeHash node, bytes calldata shown) external payable;

    /// @notice Pays the stake of a root of level 1 or 2 back whose time has come. No-op when its context is settled.
    function settle(Context calldata ctx, NodeHash node) external payable;

    /// @notice Takes the stake of a root of level 1 or 2 that lost to a rival: the tariff to the winner, the rest burned.
    function collect(Context calldata ctx, NodeHash node) external payable;

    /// @notice Calls this contract in order, all or nothing. Stakes are taken from the value sent, then from the caller's
    /// credit; what is left is credited.
    function multicall(bytes[] calldata calls) external payable;

    /// @notice Pays the caller what it is credited with.
    function withdraw() external;

    /// @param ctx Where the edge meets its rivals.
    function edgeOf(ContextId ctx, EdgeId edge) external view returns (Edge memory);
    function contextState(ContextId ctx) external view returns (ContextState memory);
    function rootOf(EdgeId edge) external view returns (Root memory);
    /// @return The root that won a context, or zero.
    function winners(ContextId ctx) external view returns (EdgeId);
    /// @return L1 blocks counted for an edge as far as it was updated; all of 2^64 - 1 when it is proven.
    function timerOf(ContextId ctx, NodeHash node) external view returns (uint64);
    function credits(address account) external view returns (uint256);
    /// @return Wei of stakes that are not decided yet.
    function held() external view returns (uint256);
    /// @return Wei that nobody gets again.
    function burned() external view returns (uint256);
}
