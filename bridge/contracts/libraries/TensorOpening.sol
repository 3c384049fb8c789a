// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {Evidence, EvidenceReader} from "./Evidence.sol";
import {Tag} from "./Tag.sol";
import {TensorAccess} from "./TensorAccess.sol";

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

    /// @notice Where the runs' bytes lie in memory, 0 for dead ones. Evidence is read only if a run is live.
    /// @param first First elements of the runs, or DEAD.
    /// @param length Elements of each run.
    function open(Evidence memory evidence, WordTree memory tree, uint256[] memory first, uint256 length)
        internal
        pure
        returns (uint256[] memory pointers)
    {
        unchecked {
            pointers = new uint256[](first.length);
            uint256[] memory sorted = _liveAscending(first);
            if (sorted.length == 0) return pointers;
            uint256[] memory indices = _indices(tree, sorted, length, pointers);
            uint256 count = indices.length;
            bytes calldata words = evidence.take(32 * count);
            uint256 buffer;
            assembly ("memory-safe") {
                // Runs are read by whole words: one more may be touched.
                buffer := mload(0x40)
                mstore(0x40, add(buffer, add(shl(5, count), 32)))
                calldatacopy(buffer, words.offset, shl(5, count))
            }
            for (uint256 i; i < sorted.length; ++i) {
                pointers[uint32(sorted[i])] += buffer;
            }
            if (_fold(evidence, tree, indices, buffer) != tree.root) revert ILeafRules.BadEvidence();
        }
    }

    /// @dev `first << 32 | run` of the live runs, ascending.
    function _liveAscending(uint256[] memory first) private pure returns (uint256[] memory keys) {
        unchecked {
            keys = new uint256[](first.length);
            uint256 live;
            uint256 last;
            bool isAscending = true;
            for (uint256 t; t < first.length; ++t) {
                uint256 element = first[t];
                if (element == TensorAccess.DEAD) continue;
                // INVARIANT: an element of a well-formed program lies in its tensor, which `_indices` tests.
                if (element >> 192 != 0) revert ILeafRules.BadEvidence();
                uint256 key = (element << 32) | t;
                if (key < last) isAscending = false;
                last = key;
                keys[live++] = key;
            }
            assembly ("memory-safe") {
                mstore(keys, live)
            }
            if (!isAscending) keys = _sort(keys);
        }
    }

    /// @dev Merge sort, bottom up.
    function _sort(uint256[] memory keys) private pure returns (uint256[] memory) {
        unchecked {
            uint256 count = keys.length;
            uint256[] memory merged = new uint256[](count);
            for (uint256 width = 1; width < count; width *= 2) {
                assembly ("memory-safe") {
                    let from := add(keys, 32)
                    let end := add(from, shl(5, count))
                    let to := add(merged, 32)
                    for {} lt(from, end) {} {
                        let middle := add(from, shl(5, width))
                        if gt(middle, end) { middle := end }
                        let last := add(middle, shl(5, width))
                        if gt(last, end) { last := end }
                        let left := from
                        let right := middle
                        for {} lt(from, last) { from := add(from, 32) } {
                            let takesLeft := lt(right, last)
                            switch takesLeft
                            case 0 { takesLeft := 1 }
                            default {
                                switch lt(left, middle)
                                case 0 { takesLeft := 0 }
                                default { takesLeft := lt(mload(left), mload(right)) }
                            }
                            switch takesLeft
                            case 0 {
                                mstore(to, mload(right))
                                right := add(right, 32)
                            }
                            default {
                                mstore(to, mload(left))
                                left := add(left, 32)
                            }
                            to := add(to, 32)
                        }
                    }
                }
                (keys, merged) = (merged, keys);
            }
            return keys;
        }
    }

    /// @dev The words that the runs touch, each once, ascending; in `pointers` where each run begins among their bytes.
    function _indices(WordTree memory tree, uint256[] memory sorted, uint256 length, uint256[] memory pointers)
        private
        pure
        returns (uint256[] memory indices)
    {
        unchecked {
            uint256 size = tree.size;
            indices = new uint256[](sorted.length * ((31 + length * size) / 32 + 1));
            uint256 count;
            uint256 next; // the word after the last one
            for (uint256 i; i < sorted.length; ++i) {
                uint256 element = sorted[i] >> 32;
                // INVARIANT: in a tensor of a well-formed program.
                if (element + length > tree.count) revert ILeafRules.BadEvidence();
                uint256 from = (element * size) / 32;
                uint256 to = ((element + length) * size - 1) / 32;
                if (from > next || count == 0) next = from;
                for (; next <= to; ++next) {
                    indices[count++] = next;
                }
                // Words from `from` to the last one are adjacent.
                pointers[uint32(sorted[i])] = 32 * (count - (next - from)) + (element * size) % 32;
            }
            assembly ("memory-safe") {
                mstore(indices, count)
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
