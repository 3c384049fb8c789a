// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ContextId, NodeHash, StateHash} from "../libraries/Ids.sol";

/// @notice What stands at a leaf: one step that is proven, a tree of the next level, or an operator's tensor.
enum LeafKind {
    PROVE,
    REFINE,
    DESCEND
}

/// @param level Of the tree below (REFINE, DESCEND): 1, 2, or 0x30 + k.
/// @param height Of the tree below.
/// @param post Hash of the state after the step (PROVE).
struct Leaf {
    LeafKind kind;
    uint8 level;
    uint8 height;
    StateHash post;
}

/// @notice What lies left of a leaf, checked by the game against the leaf's base.
/// @param origin Of the leaf's level: the game's hash at level 0, otherwise the context of the leaf above.
/// @param start Hash of the state that the level starts with; at levels 0 and 1 zero unless position is 0.
/// @param lefts Roots of the complete subtrees left of the leaf, in order; at levels 0 and 1 the last one only.
/// @param pre Hash of the state before the step.
struct Past {
    ContextId origin;
    StateHash start;
    NodeHash[] lefts;
    StateHash pre;
}

/// @title The rules that decide what a leaf is: never an argument of the caller
/// @notice Evidence is the preimages that a rule reads. Wrong, short or long evidence reverts; it never selects another
/// answer.
interface ILeafRules {
    /// @notice The evidence is not what the leaf's rule reads: another length, or it opens to another hash.
    error BadEvidence();
    /// @notice At deployment: a well-formed program may have higher trees.
    error HeightsTooSmall();
    /// @notice A proof never fails for want of gas: it reverts, and may be sent again.
    error NotEnoughGas();

    /// @notice Levels 0, 1 and 2.
    function leafOf(uint8 level, uint64 position, Past calldata past, bytes calldata evidence)
        external
        view
        returns (Leaf memory);

    /// @notice Level 3: hash of one element, as part of height 0.
    /// @param operator Position of the operator's leaf at level 2, whose past is given.
    function elementOf(uint8 k, uint64 position, uint64 operator, Past calldata past, bytes calldata evidence)
        external
        view
        returns (NodeHash post);
}
