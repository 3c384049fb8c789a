// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {NodeHash} from "../libraries/Ids.sol";
import {Past} from "./ILeafRules.sol";

/// @title Level 3's step: one element of one operator's output
/// @notice Evidence, read in order, each part's length known from what stands before it:
/// `state (128) ++ rest (301) ++ registers (342)` of the machine before the call, `identity (192)` of its program,
/// `u16 size ++ record ++ path` of the operator. A position at or beyond the output's count is the zero element, and that is
/// all. INPUT: the words that hold the element in the call's input, and their siblings. Other kinds: for each operand of
/// which an element is read, in order, its tensor's root, `root ++ path` to the left subtree of level 2 that has its leaf or
/// `record (24) ++ root ++ path` of the constant, then the words and their siblings (`TensorOpening`); last, for TOPK, the
/// element as a u32. Paths are siblings, lowest first.
interface ITensorStepVerifier {
    /// @notice Hash of the one right element, as part of height 0. Reverts with ILeafRules.BadEvidence for any other evidence.
    /// @param k 2^k elements of the output make a word.
    /// @param position Of the element.
    /// @param operator Position of the operator's leaf at level 2.
    /// @param past Of that leaf: `start` and `lefts` are read.
    function elementOf(uint8 k, uint64 position, uint64 operator, Past calldata past, bytes calldata evidence)
        external
        pure
        returns (NodeHash post);
}
