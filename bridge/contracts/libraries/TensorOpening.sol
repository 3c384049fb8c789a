// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {Evidence, EvidenceReader} from "./Evidence.sol";
import {Tag} from "./Tag.sol";
import {Run} from "./TensorAccess.sol";

/// @notice A tree of words.
/// @param size Bytes of an element.
/// @param count Elements that may be read.
/// @param isTagged A tensor's tree, otherwise one of the machine's memory.
struct WordTree {
    bytes32 root;
    uint256 height;
    uint256 size;
    uint256 count;
    bool isTagged;
}

/// @title Many words of one tree, opened at once
/// @notice Twin of executor/tensor/multi-proof.ts. Evidence: the words that the runs touch, each once, ascending; then the
/// siblings that do not follow from them, level by level from the leaves on, ascending.
library TensorOpening {
    using EvidenceReader for Evidence;

    /// @notice Puts in place of each run's first element the address at which its bytes now lie in memory. Without runs no
    /// evidence is read.
    function open(Evidence memory evidence, WordTree memory tree, Run[] memory runs) internal pure {
        unchecked {
            if (runs.length == 0) return;
            uint256[] memory indices = _place(tree, runs);
            uint256 count = indices.length;
            bytes calldata words = evidence.take(32 * count);
            uint256 buffer;
            assembly ("memory-safe") {
                // Runs are read by whole words: one more may be touched.
                buffer := mload(0x40)
                mstore(0x40, add(buffer, add(shl(5, count), 32)))
                calldatacopy(buffer, words.offset, shl(5, count))
                let end := add(add(runs, 32), shl(5, mload(runs)))
                for { let to := add(runs, 32) } lt(to, end) { to := add(to, 32) } {
                    mstore(to, add(mload(to), shl(64, buffer)))
                }
            }
            if (_fold(evidence, tree, indices, buffer) != tree.root) revert ILeafRules.BadEvidence();
        }
    }

    /// @dev The words that the runs touch, each once, ascending; in the runs where each begins among their bytes.
    function _place(WordTree memory tree, Run[] memory runs) private pure returns (uint256[] memory indices) {
        uint256[] memory order = _orderOf(tree, runs);
        (uint256 size, uint256 limit) = (tree.size, tree.count);
        uint256 overrun;
        assembly ("memory-safe") {
            // Nothing else is allocated before the list is complete.
            indices := mload(0x40)
            let count := 0
            let next := 0 // the word after the last one
            for { let i := 32 } iszero(gt(i, shl(5, mload(runs)))) { i := add(i, 32) } {
                let slot := add(add(runs, 32), shl(5, and(mload(add(order, i)), 0xffffffff)))
                let run := mload(slot)
                let element := shr(64, run)
                let length := and(shr(32, run), 0xffffffff)
                overrun := or(overrun, gt(add(element, length), limit))
                let first := mul(element, size)
                let from := shr(5, first)
                let to := shr(5, sub(add(first, mul(length, size)), 1))
                if or(gt(from, next), iszero(count)) { next := from }
                for {} iszero(gt(next, to)) { next := add(next, 1) } {
                    count := add(count, 1)
                    mstore(add(indices, shl(5, count)), next)
                }
                // Words from `from` to the last one are adjacent.
                let place := add(shl(5, sub(add(count, from), next)), and(first, 31))
                mstore(slot, or(shl(64, place), and(run, 0xffffffffffffffff)))
            }
            mstore(indices, count)
            mstore(0x40, add(indices, shl(5, add(count, 1))))
        }
        // INVARIANT: what a well-formed program reads lies in the tensor.
        if (overrun != 0) revert ILeafRules.BadEvidence();
    }

    /// @dev The runs in the order of their first words: `word << 32 | run`, ascending.
    function _orderOf(WordTree memory tree, Run[] memory runs) private pure returns (uint256[] memory order) {
        unchecked {
            order = new uint256[](runs.length);
            uint256 size = tree.size;
            uint256 isScattered;
            uint256 words;
            assembly ("memory-safe") {
                let last := 0
                let t := 0
                for { let i := 32 } iszero(gt(i, shl(5, mload(runs)))) { i := add(i, 32) } {
                    let word := shr(5, mul(shr(64, mload(add(runs, i))), size))
                    isScattered := or(isScattered, lt(word, last))
                    words := or(words, word)
                    last := word
                    mstore(add(order, i), or(shl(32, word), t))
                    t := add(t, 1)
                }
            }
            if (isScattered == 0) return order;
            // INVARIANT: what a well-formed program reads lies in the tensor; so the words have few bytes.
            if (words >> 32 != 0) revert ILeafRules.BadEvidence();
            uint256[] memory other = new uint256[](runs.length);
            for (uint256 shift = 32; words != 0; words >>= 8) {
                _sortByByte(order, other, shift);
                (order, other) = (other, order);
                shift += 8;
            }
        }
    }

    /// @dev One pass of a radix sort, stable.
    function _sortByByte(uint256[] memory from, uint256[] memory to, uint256 shift) private pure {
        assembly ("memory-safe") {
            // For each value of the byte: how many are below it, times 32.
            let places := mload(0x40)
            calldatacopy(places, calldatasize(), 8224)
            let begin := add(from, 32)
            let end := add(begin, shl(5, mload(from)))
            for { let item := begin } lt(item, end) { item := add(item, 32) } {
                let next := add(add(places, 32), and(shl(5, shr(shift, mload(item))), 0x1fe0))
                mstore(next, add(mload(next), 32))
            }
            let sum := add(to, 32)
            for { let place := places } lt(place, add(places, 8192)) { place := add(place, 32) } {
                sum := add(sum, mload(place))
                mstore(place, sum)
            }
            for { let item := begin } lt(item, end) { item := add(item, 32) } {
                let value := mload(item)
                let place := add(places, and(shl(5, shr(shift, value)), 0x1fe0))
                mstore(mload(place), value)
                mstore(place, add(mload(place), 32))
            }
        }
    }

    /// @dev The root above the words in `buffer`; `indices` is used up.
    function _fold(Evidence memory evidence, WordTree memory tree, uint256[] memory indices, uint256 buffer)
        private
        pure
        returns (bytes32)
    {
        unchecked {
            uint256 count = indices.length;
            uint256[] memory nodes = new uint256[](count);
            bool isTagged = tree.isTagged;
            bytes1 leafTag = Tag.TENSOR_WORD;
            assembly ("memory-safe") {
                let preimage := mload(0x40)
                mstore(preimage, leafTag)
                for { let i := 0 } lt(i, shl(5, count)) { i := add(i, 32) } {
                    let node := mload(add(buffer, i))
                    if isTagged {
                        mstore(add(preimage, 1), node)
                        node := keccak256(preimage, 33)
                    }
                    mstore(add(add(nodes, 32), i), node)
                }
            }
            uint256 offset = evidence.offset;
            for (uint256 h; h < tree.height; ++h) {
                (count, offset) = _raise(indices, nodes, count, offset, isTagged);
            }
            if (offset > evidence.end) revert ILeafRules.BadEvidence();
            evidence.offset = offset;
            // INVARIANT: one node is left, as all indices are below 2^height.
            if (count != 1 || indices[0] != 0) revert ILeafRules.BadEvidence();
            return bytes32(nodes[0]);
        }
    }

    /// @dev One level up; siblings that are not among the nodes are read from calldata at `offset`.
    function _raise(uint256[] memory indices, uint256[] memory nodes, uint256 count, uint256 offset, bool isTagged)
        private
        pure
        returns (uint256 parents, uint256 next)
    {
        bytes1 tag = Tag.INNER;
        assembly ("memory-safe") {
            let preimage := mload(0x40)
            mstore(preimage, tag)
            // Inner nodes of memory are untagged.
            let start := add(preimage, iszero(isTagged))
            let size := add(64, isTagged)
            let places := add(indices, 32)
            let hashes := add(nodes, 32)
            let end := shl(5, count)
            let to := 0
            for { let i := 0 } lt(i, end) { i := add(i, 32) } {
                let index := mload(add(places, i))
                let own := and(index, 1)
                mstore(add(add(preimage, 1), shl(5, own)), mload(add(hashes, i)))
                let sibling := 0
                let isHere := 0
                if iszero(own) {
                    let after_ := add(i, 32)
                    if lt(after_, end) { isHere := eq(mload(add(places, after_)), add(index, 1)) }
                }
                switch isHere
                case 0 {
                    sibling := calldataload(offset)
                    offset := add(offset, 32)
                }
                default {
                    i := add(i, 32)
                    sibling := mload(add(hashes, i))
                }
                mstore(add(add(preimage, 33), sub(0, shl(5, own))), sibling)
                mstore(add(places, to), shr(1, index))
                mstore(add(hashes, to), keccak256(start, size))
                to := add(to, 32)
            }
            parents := shr(5, to)
            next := offset
        }
    }
}
