// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {Reference} from "../libraries/MachineState.sol";
import {Program} from "../libraries/Program.sol";
import {Stack} from "./Stack.sol";

/// @notice Words of a tree that stand side by side, with what surrounds them.
/// @param data The words; they may be changed.
/// @param first Index of the first.
/// @param depth Of the tree.
/// @param siblings Where in calldata they stand: of each level the left one before the right one, the lowest level first.
struct Window {
    bytes data;
    uint256 first;
    uint256 depth;
    uint256 siblings;
}

/// @title Trees of raw words: memory, calldata, returned data, chunks of code
/// @notice Leaves are the words, inner nodes `K(left ++ right)`, depth ceil(log2 count), zero words behind. Evidence of a
/// range: its words, then the siblings.
library Words {
    using EvidenceReader for Evidence;

    /// @notice Opens the words in which bytes `offset` to `offset + length` (at least one) of the tree lie.
    function open(Evidence memory unread, bytes32 root, uint256 count, uint256 offset, uint256 length)
        internal
        pure
        returns (Window memory window)
    {
        uint256 first = offset / 32;
        uint256 size = (offset + length + 31) / 32 - first;
        return openWords(unread, root, count, first, size);
    }

    /// @notice Opens `size` (at least one) words from `first` on.
    function openWords(Evidence memory unread, bytes32 root, uint256 count, uint256 first, uint256 size)
        internal
        pure
        returns (Window memory window)
    {
        if (first + size > count) revert ILeafRules.BadEvidence();
        window.data = unread.take(32 * size);
        window.first = first;
        window.depth = Program.ceilLog2(count);
        window.siblings = unread.offset;
        unread.take(32 * _siblings(first, size, window.depth));
        if (fold(window) != root) revert ILeafRules.BadEvidence();
    }

    /// @dev How many nodes surround `size` words from `first` on: one a level where it is one word.
    function _siblings(uint256 first, uint256 size, uint256 depth) private pure returns (uint256 count) {
        if (size == 1) return depth;
        unchecked {
            uint256 last = first + size - 1;
            for (; depth > 0; --depth) {
                count += (first & 1) + ((last & 1) ^ 1);
                first >>= 1;
                last >>= 1;
            }
        }
    }

    /// @notice Root of the tree with the window's words as they are now.
    function fold(Window memory window) internal pure returns (bytes32 root) {
        (bytes memory data, uint256 first, uint256 depth, uint256 from) =
            (window.data, window.first, window.depth, window.siblings);
        if (data.length == 32) return _climb(bytes32(data), first, depth, from);
        assembly ("memory-safe") {
            // Scratch behind all that is allocated: a word for a left sibling, the level, a word for a right one.
            let base := add(mload(64), 32)
            let size := shr(5, mload(data))
            mcopy(base, add(data, 32), mload(data))
            let level := base
            for {} depth { depth := sub(depth, 1) } {
                if and(first, 1) {
                    level := sub(level, 32)
                    mstore(level, calldataload(from))
                    from := add(from, 32)
                    size := add(size, 1)
                    first := sub(first, 1)
                }
                if and(size, 1) {
                    mstore(add(level, shl(5, size)), calldataload(from))
                    from := add(from, 32)
                    size := add(size, 1)
                }
                size := shr(1, size)
                first := shr(1, first)
                for { let i := 0 } lt(i, size) { i := add(i, 1) } {
                    mstore(add(base, shl(5, i)), keccak256(add(level, shl(6, i)), 64))
                }
                level := base
            }
            root := mload(level)
        }
    }

    /// @dev Root above one word.
    function _climb(bytes32 word, uint256 index, uint256 depth, uint256 from) private pure returns (bytes32 root) {
        assembly ("memory-safe") {
            root := word
            for { let end := add(from, shl(5, depth)) } lt(from, end) { from := add(from, 32) } {
                let side := shl(5, and(index, 1))
                mstore(side, root)
                mstore(xor(side, 32), calldataload(from))
                root := keccak256(0, 64)
                index := shr(1, index)
            }
        }
    }

    /// @notice Root of a tree of `from` words once it has `to`, zero words behind.
    function grow(bytes32 root, uint256 from, uint256 to) internal pure returns (bytes32) {
        if (to <= from) return root;
        uint256 zero;
        uint256 node = uint256(root);
        uint256 before = Program.ceilLog2(from);
        uint256 depth = Program.ceilLog2(to);
        unchecked {
            for (uint256 i; i < depth; ++i) {
                if (from > 0 && i >= before) node = Stack.link(node, zero);
                zero = Stack.link(zero, zero);
            }
        }
        return bytes32(from > 0 ? node : zero);
    }

    /// @notice `size` bytes of what is referred to, from its byte `from` on; zeros behind its end. No evidence where all of
    /// them are.
    function read(Evidence memory unread, Reference memory source, uint256 from, uint256 size)
        internal
        pure
        returns (bytes memory bytes_)
    {
        bytes_ = new bytes(size);
        if (from >= source.length) return bytes_;
        uint256 there = source.length - from;
        if (there > size) there = size;
        uint256 offset = source.offset + from;
        bytes memory data = open(unread, source.root, source.words, offset, there).data;
        assembly ("memory-safe") {
            mcopy(add(bytes_, 32), add(add(data, 32), and(offset, 31)), there)
        }
    }

    /// @notice Root of the window's tree with `bytes_` written from byte `offset` of the tree on. INVARIANT: the window has
    /// them.
    function write(Window memory window, uint256 offset, bytes memory bytes_) internal pure returns (bytes32) {
        bytes memory data = window.data;
        uint256 into = offset - 32 * window.first;
        assembly ("memory-safe") {
            mcopy(add(add(data, 32), into), add(bytes_, 32), mload(bytes_))
        }
        return fold(window);
    }
}
