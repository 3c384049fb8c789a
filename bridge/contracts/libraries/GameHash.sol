// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Tag} from "./Tag.sol";

/// @title Hashes of the dispute game's board
/// @notice Twin of bridge/claims/game-hash.ts. An id is the content's hash, so it survives reorgs and front-running.
library GameHash {
    /// @notice Bytes of `0x20 ++ u256 chainId ++ address game ++ bytes32 parentClaim ++ u64 limitBatch`.
    uint256 internal constant GAME_SIZE = 93;

    function inner(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tag.INNER, left, right));
    }

    /// @notice Origin of level 0: the claims on one parent, up to one inbox position.
    function game(address registry, bytes32 parent, uint64 limitBatch) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(Tag.GAME, block.chainid, registry, parent, limitBatch));
    }

    /// @notice Inbox record before which a game's range ends.
    /// @param preimage Of the game's hash.
    function limitOf(bytes memory preimage) internal pure returns (uint64 limit) {
        assembly ("memory-safe") {
            limit := shr(192, mload(add(preimage, 117)))
        }
    }

    /// @notice All that lies left of a level's root: where it comes from and the state that it starts with.
    function levelBase(bytes32 origin, bytes32 start) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tag.LEVEL_BASE, origin, start));
    }

    /// @notice All that lies left of a right child.
    function rightBase(bytes32 base, bytes32 left) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tag.RIGHT_BASE, base, left));
    }

    /// @notice Where rivals meet.
    function context(uint8 level, bytes32 origin, uint64 position, uint8 height, bytes32 base)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(Tag.CONTEXT, level, origin, position, height, base));
    }

    function edge(bytes32 ctx, bytes32 node) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tag.EDGE, ctx, node));
    }

    /// @notice Leaf of level 2: an operator and the root of its tensor.
    function operatorLeaf(uint32 operator, bytes32 tensorRoot) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tag.OPERATOR_LEAF, operator, tensorRoot));
    }

    /// @notice Leaf of a tensor's tree: 32 bytes of packed elements.
    function word(bytes32 packed) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tag.TENSOR_WORD, packed));
    }

    /// @notice Node below a word: 2^height packed elements.
    function part(uint8 height, bytes calldata packed) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tag.TENSOR_PART, height, packed));
    }

    /// @notice Root of the tree whose right-most leaf is `leaf`, with the left siblings `path`, lowest first.
    function rootOverLast(bytes32 leaf, bytes32[] calldata path) internal pure returns (bytes32 node) {
        node = leaf;
        for (uint256 i; i < path.length; ++i) {
            node = inner(path[i], node);
        }
    }
}
