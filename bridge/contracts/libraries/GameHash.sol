// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {BaseHash, ClaimId, ContextId, EdgeId, NodeHash, StateHash} from "./Ids.sol";
import {Tag} from "./Tag.sol";

/// @title Hashes of the dispute game's board
/// @notice Twin of bridge/claims/game-hash.ts. An id is the content's hash, so it survives reorgs and front-running.
library GameHash {
    /// @notice Bytes of `0x20 ++ u256 chainId ++ address registry ++ bytes32 parentClaim ++ u64 limitBatch ++ bytes32 lineage`.
    uint256 internal constant GAME_SIZE = 125;

    function inner(NodeHash left, NodeHash right) internal pure returns (NodeHash) {
        return NodeHash.wrap(_hash(Tag.INNER, NodeHash.unwrap(left), NodeHash.unwrap(right)));
    }

    /// @notice Origin of level 0: the claims on one parent, up to one inbox position.
    /// @param lineage Of the inbox there: with it a context says which node is right in it.
    function game(address registry, ClaimId parent, uint64 limitBatch, bytes32 lineage)
        internal
        view
        returns (ContextId)
    {
        return ContextId.wrap(
            keccak256(abi.encodePacked(Tag.GAME, block.chainid, registry, parent, limitBatch, lineage))
        );
    }

    /// @notice Inbox record before which a game's range ends.
    /// @param preimage Of the game's hash.
    function limitOf(bytes memory preimage) internal pure returns (uint64 limit) {
        assembly ("memory-safe") {
            limit := shr(192, mload(add(preimage, 117)))
        }
    }

    /// @notice All that lies left of a level's root: where it comes from and the state that it starts with.
    function levelBase(ContextId origin, StateHash start) internal pure returns (BaseHash) {
        return BaseHash.wrap(_hash(Tag.LEVEL_BASE, ContextId.unwrap(origin), StateHash.unwrap(start)));
    }

    /// @notice All that lies left of a right child.
    function rightBase(BaseHash base, NodeHash left) internal pure returns (BaseHash) {
        return BaseHash.wrap(_hash(Tag.RIGHT_BASE, BaseHash.unwrap(base), NodeHash.unwrap(left)));
    }

    /// @notice Where rivals meet.
    function context(uint8 level, ContextId origin, uint64 position, uint8 height, BaseHash base)
        internal
        pure
        returns (ContextId id)
    {
        (bytes1 tag, ContextId from) = (Tag.CONTEXT, origin);
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, tag)
            mstore8(add(at, 1), level)
            mstore(add(at, 2), from)
            mstore(add(at, 34), shl(192, position))
            mstore8(add(at, 42), height)
            mstore(add(at, 43), base)
            id := keccak256(at, 75)
        }
    }

    function edge(ContextId ctx, NodeHash node) internal pure returns (EdgeId) {
        return EdgeId.wrap(_hash(Tag.EDGE, ContextId.unwrap(ctx), NodeHash.unwrap(node)));
    }

    /// @notice Leaf of level 2: an operator and the root of its tensor.
    function operatorLeaf(uint32 operator, NodeHash tensorRoot) internal pure returns (NodeHash) {
        return NodeHash.wrap(keccak256(abi.encodePacked(Tag.OPERATOR_LEAF, operator, tensorRoot)));
    }

    /// @notice Leaf of a tensor's tree: 32 bytes of packed elements.
    function word(bytes32 packed) internal pure returns (NodeHash) {
        return NodeHash.wrap(keccak256(abi.encodePacked(Tag.TENSOR_WORD, packed)));
    }

    /// @notice Node below a word: 2^height packed elements.
    function part(uint8 height, bytes calldata packed) internal pure returns (NodeHash) {
        return NodeHash.wrap(keccak256(abi.encodePacked(Tag.TENSOR_PART, height, packed)));
    }

    /// @dev keccak256(tag ++ a ++ b), behind the memory that is in use: a move takes eight of them.
    function _hash(bytes1 tag, bytes32 a, bytes32 b) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, tag)
            mstore(add(at, 1), a)
            mstore(add(at, 33), b)
            hash := keccak256(at, 65)
        }
    }

    /// @notice Root of the tree whose right-most leaf is `leaf`, with the left siblings `path`, lowest first.
    function rootOverLast(NodeHash leaf, NodeHash[] calldata path) internal pure returns (NodeHash node) {
        node = leaf;
        for (uint256 i; i < path.length; ++i) {
            node = inner(path[i], node);
        }
    }
}
