// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Where a level or its nodes stand: a place at which rivals meet, or, as what level 0 comes from, the game.
type ContextId is bytes32;
/// @notice A node at its place; zero is none.
type EdgeId is bytes32;
/// @notice A node of a tree, at any height.
type NodeHash is bytes32;
/// @notice All that lies left of a place.
type BaseHash is bytes32;
/// @notice A claim; zero is none.
type ClaimId is bytes32;
/// @notice What stands between two steps of a level: a chain state, a machine's; at level 2 the output of an operator.
type StateHash is bytes32;

using {otherContext as !=} for ContextId global;
using {sameEdge as ==, otherEdge as !=, isNoEdge, toClaim} for EdgeId global;
using {sameNode as ==, otherNode as !=} for NodeHash global;
using {otherBase as !=} for BaseHash global;
using {isNoClaim, toEdge} for ClaimId global;
using {otherState as !=, toLeaf} for StateHash global;

function otherContext(ContextId a, ContextId b) pure returns (bool) {
    return ContextId.unwrap(a) != ContextId.unwrap(b);
}

function sameEdge(EdgeId a, EdgeId b) pure returns (bool) {
    return EdgeId.unwrap(a) == EdgeId.unwrap(b);
}

function otherEdge(EdgeId a, EdgeId b) pure returns (bool) {
    return EdgeId.unwrap(a) != EdgeId.unwrap(b);
}

function isNoEdge(EdgeId id) pure returns (bool) {
    return EdgeId.unwrap(id) == 0;
}

/// @notice The claim whose level-0 root this edge is.
function toClaim(EdgeId root) pure returns (ClaimId) {
    return ClaimId.wrap(EdgeId.unwrap(root));
}

function sameNode(NodeHash a, NodeHash b) pure returns (bool) {
    return NodeHash.unwrap(a) == NodeHash.unwrap(b);
}

function otherNode(NodeHash a, NodeHash b) pure returns (bool) {
    return NodeHash.unwrap(a) != NodeHash.unwrap(b);
}

function otherBase(BaseHash a, BaseHash b) pure returns (bool) {
    return BaseHash.unwrap(a) != BaseHash.unwrap(b);
}

function isNoClaim(ClaimId id) pure returns (bool) {
    return ClaimId.unwrap(id) == 0;
}

/// @notice The edge of a claim's level-0 root.
function toEdge(ClaimId id) pure returns (EdgeId) {
    return EdgeId.wrap(ClaimId.unwrap(id));
}

function otherState(StateHash a, StateHash b) pure returns (bool) {
    return StateHash.unwrap(a) != StateHash.unwrap(b);
}

/// @notice A state as the leaf of the tree over a level's states.
function toLeaf(StateHash state) pure returns (NodeHash) {
    return NodeHash.wrap(StateHash.unwrap(state));
}
