// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {NodeHash} from "./Ids.sol";
import {Program} from "./Program.sol";
import {Tag} from "./Tag.sol";

/// @title Roots of trees over 32-byte words, filled up with zero words to a power of two
library WordRoots {
    /// @notice Root of a tensor's tree: leaves `0x13 ++ word`, inner nodes `0x01 ++ left ++ right`. At least one word.
    function tensorRoot(bytes32[] memory words) internal pure returns (NodeHash) {
        (bytes32[] memory nodes, uint256 height) = _filledUp(words);
        bytes1 tag = Tag.TENSOR_WORD;
        assembly ("memory-safe") {
            // In scratch space: the tag, then the word.
            mstore(0, tag)
            let leaf := add(nodes, 32)
            let end := add(leaf, shl(add(height, 5), 1))
            for {} lt(leaf, end) { leaf := add(leaf, 32) } {
                mstore(1, mload(leaf))
                mstore(leaf, keccak256(0, 33))
            }
        }
        tag = Tag.INNER;
        while (height > 0) {
            --height;
            assembly ("memory-safe") {
                // The tag and 64 bytes end one byte behind the scratch space: the free memory pointer is put back.
                let free := mload(64)
                mstore(0, tag)
                let to := add(nodes, 32)
                let from := to
                let end := add(to, shl(add(height, 5), 1))
                for {} lt(to, end) { to := add(to, 32) } {
                    mstore(1, mload(from))
                    mstore(33, mload(add(from, 32)))
                    mstore(to, keccak256(0, 65))
                    from := add(from, 64)
                }
                mstore(64, free)
            }
        }
        return NodeHash.wrap(nodes[0]);
    }

    /// @notice Root of the machine's memory over these words: leaves are the words, inner nodes `left ++ right`. Zero for
    /// no word.
    function memoryRoot(bytes32[] memory words) internal pure returns (bytes32) {
        if (words.length == 0) return 0;
        (bytes32[] memory nodes, uint256 height) = _filledUp(words);
        while (height > 0) {
            --height;
            assembly ("memory-safe") {
                let to := add(nodes, 32)
                let from := to
                let end := add(to, shl(add(height, 5), 1))
                for {} lt(to, end) { to := add(to, 32) } {
                    mstore(to, keccak256(from, 64))
                    from := add(from, 64)
                }
            }
        }
        return nodes[0];
    }

    /// @dev A copy with zero words behind, 2^height in all.
    function _filledUp(bytes32[] memory words) private pure returns (bytes32[] memory nodes, uint256 height) {
        height = Program.ceilLog2(words.length);
        nodes = new bytes32[](uint256(1) << height);
        assembly ("memory-safe") {
            mcopy(add(nodes, 32), add(words, 32), shl(5, mload(words)))
        }
    }
}
