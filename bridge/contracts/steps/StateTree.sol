// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {Tag} from "../libraries/Tag.sol";
import {Stack} from "./Stack.sol";

/// @notice Where a key is in a tree, or would be.
/// @param siblings Where in calldata those that are not empty stand, the deepest first.
/// @param bitmap Bit i, most significant first: whether the sibling at depth i + 1 is not empty.
/// @param found Whether the tree has the key.
/// @param value What it has there; zero without one.
/// @param own The preimage of the value, where values are hashes of accounts.
/// @param node Hash of what is at the path's end.
/// @param otherKey Of the leaf at the path's end, where that is another's.
struct Path {
    bytes32 root;
    bytes32 key;
    uint256 depth;
    uint256 bitmap;
    uint256 siblings;
    bool found;
    uint256 value;
    bytes own;
    uint256 node;
    bytes32 otherKey;
}

/// @title The compact sparse Merkle tree: reading, putting, removing one key
/// @notice Twin of executor/state/proof.ts. Evidence of a path: `u16 depth ++ bitmap, ceil(depth / 8) bytes ++ siblings ++
/// u8 terminal`, then for 1 (the key's own leaf) its value or the value's preimage, for 2 (another) key and value. Of a
/// removal, behind it and unless the leaf is the whole tree: what the deepest sibling is made of, `u8 1 ++ key ++ value` of a
/// leaf or `u8 2 ++ left ++ right`, for a lone leaf rises.
library StateTree {
    using EvidenceReader for Evidence;

    uint256 private constant NONE = 0;
    uint256 private constant OWN = 1;
    uint256 private constant OTHER = 2;
    uint256 private constant LEAF = 1;
    uint256 private constant BRANCH = 2;

    /// @notice Opens the path to a key. `ownSize`: bytes that open the key's own value, 32 for the value itself.
    function open(Evidence memory unread, bytes32 root, bytes32 key, uint256 ownSize)
        internal
        pure
        returns (Path memory path)
    {
        (path.root, path.key) = (root, key);
        uint256 depth = unread.number(2);
        if (depth > 256) revert ILeafRules.BadEvidence();
        path.depth = depth;
        uint256 size = (depth + 7) / 8;
        path.bitmap = size == 0 ? 0 : unread.number(size) << (256 - 8 * size);
        // INVARIANT: no bit below the terminal.
        if (depth < 256 && path.bitmap << depth != 0) revert ILeafRules.BadEvidence();
        path.siblings = unread.offset;
        for (uint256 bits = path.bitmap; bits != 0; bits &= bits - 1) {
            if (unread.number(32) == 0) revert ILeafRules.BadEvidence();
        }
        uint256 terminal = unread.number(1);
        if (terminal == OWN) {
            path.found = true;
            if (ownSize == 32) {
                path.value = unread.number(32);
            } else {
                path.own = unread.take(ownSize);
                path.value = uint256(keccak256(path.own));
            }
            path.node = leaf(key, path.value);
        } else if (terminal == OTHER) {
            path.otherKey = unread.word();
            // INVARIANT: the leaf lies on the key's path, and is not the key's.
            uint256 apart = uint256(path.otherKey ^ key);
            if (apart == 0 || (depth != 0 && apart >> (256 - depth) != 0)) revert ILeafRules.BadEvidence();
            path.node = leaf(path.otherKey, unread.number(32));
        } else if (terminal != NONE) {
            revert ILeafRules.BadEvidence();
        }
        if (_fold(path, path.node, depth, path.siblings) != root) revert ILeafRules.BadEvidence();
    }

    /// @notice Root of the tree with this value under the path's key.
    function put(Path memory path, uint256 value) internal pure returns (bytes32) {
        uint256 node = leaf(path.key, value);
        uint256 depth = path.depth;
        if (!path.found && path.node != 0) {
            // The two leaves part at the first bit in which their keys differ, below what the path has.
            uint256 key = uint256(path.key);
            uint256 apart = key ^ uint256(path.otherKey);
            uint256 fork;
            while (apart >> (255 - fork) == 0) ++fork;
            node = _join(key, fork, node, path.node);
            while (fork > depth) {
                --fork;
                node = _join(key, fork, node, 0);
            }
        }
        return _fold(path, node, depth, path.siblings);
    }

    /// @notice Root of the tree without the path's key.
    function remove(Evidence memory unread, Path memory path) internal pure returns (bytes32) {
        if (!path.found) return path.root;
        uint256 depth = path.depth;
        if (depth == 0) return 0;
        uint256 kind = unread.number(1);
        uint256 left = unread.number(32);
        uint256 right = unread.number(32);
        uint256 opened;
        if (kind == LEAF) opened = leaf(bytes32(left), right);
        else if (kind == BRANCH) opened = Stack.link(left, right);
        else revert ILeafRules.BadEvidence();
        // INVARIANT: beside a leaf there is always something.
        uint256 from = path.siblings;
        uint256 sibling;
        assembly ("memory-safe") {
            sibling := calldataload(from)
        }
        if (path.bitmap << (depth - 1) == 0 || sibling != opened) revert ILeafRules.BadEvidence();
        if (kind == BRANCH) return _fold(path, 0, depth, from);
        // Up to the next branch with something on its other side.
        --depth;
        while (depth > 0 && path.bitmap >> (256 - depth) & 1 == 0) --depth;
        return _fold(path, sibling, depth, from + 32);
    }

    /// @notice `K(0x08 ++ key ++ value)`.
    function leaf(bytes32 key, uint256 value) internal pure returns (uint256) {
        return uint256(keccak256(abi.encodePacked(Tag.STATE_LEAF, key, value)));
    }

    /// @dev Root over `node` at a depth of the path, with the siblings above it, the deepest of them at `from`.
    function _fold(Path memory path, uint256 node, uint256 depth, uint256 from) private pure returns (bytes32) {
        uint256 key = uint256(path.key);
        uint256 bitmap = path.bitmap;
        assembly ("memory-safe") {
            for {} depth {} {
                let bit := sub(256, depth)
                depth := sub(depth, 1)
                let sibling := 0
                if and(shr(bit, bitmap), 1) {
                    sibling := calldataload(from)
                    from := add(from, 32)
                }
                let side := shl(5, and(shr(bit, key), 1))
                mstore(side, node)
                mstore(xor(side, 32), sibling)
                node := keccak256(0, 64)
            }
        }
        return bytes32(node);
    }

    /// @dev The branch at a depth of the key's path, with `own` on its side.
    function _join(uint256 key, uint256 depth, uint256 own, uint256 other) private pure returns (uint256) {
        return key >> (255 - depth) & 1 == 1 ? Stack.link(other, own) : Stack.link(own, other);
    }
}
