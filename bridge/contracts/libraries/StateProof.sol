// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {RLPItem, RLPReader} from "./RLPReader.sol";
import {Tag} from "./Tag.sol";

/// @notice Membership or absence of one key. There is one way to write a proof: whatever else decodes is refused.
/// @param depth Depth of the terminal, in bits: 0 to 256.
/// @param bitmap Bit i, most significant first, is set iff the sibling at depth i + 1 is not empty.
/// @param siblings Those siblings, deepest first, none of them zero.
/// @param terminal Key and value of the leaf at the terminal, the key's own or another's; nothing where it is empty.
struct TreeProof {
    uint256 depth;
    bytes32 bitmap;
    bytes32[] siblings;
    bytes32[] terminal;
}

/// @title Proofs of the state tree
/// @notice Twin of executor/state/proof.ts.
library StateProof {
    /// @notice The bytes are no proof of the state tree.
    error ProofMalformed();
    /// @notice The proof is one of another tree.
    error ProofRoot(bytes32 found, bytes32 expected);

    /// @notice Key of a slot's leaf.
    function slotKey(address account, bytes32 slot) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tag.SLOT_KEY, account, slot));
    }

    /// @notice Reads the list `[depth, bitmap, [siblings], [] or [leaf key, leaf value]]` that `eth_getProof` gives.
    function decode(bytes memory rlp) internal pure returns (TreeProof memory proof) {
        RLPItem memory list = RLPReader.readList(rlp);
        RLPItem memory inner;
        uint256 offset;
        (proof.depth, offset) = RLPReader.readUint(rlp, list.start, list.end);
        (proof.bitmap, offset) = RLPReader.readWord(rlp, offset, list.end);
        (inner, offset) = RLPReader.readListAt(rlp, offset, list.end);
        proof.siblings = _words(rlp, inner);
        (inner, offset) = RLPReader.readListAt(rlp, offset, list.end);
        proof.terminal = _words(rlp, inner);
        if (offset != list.end) revert ProofMalformed();
    }

    /// @notice What the tree with `root` has under `key`.
    /// @return exists Whether there is a leaf.
    /// @return value Its value, zero where there is none.
    function read(bytes32 root, bytes32 key, TreeProof memory proof) internal pure returns (bool exists, bytes32 value) {
        uint256 depth = proof.depth;
        if (depth > 256) revert ProofMalformed();
        // INVARIANT: no bit below the terminal.
        if (depth < 256 && uint256(proof.bitmap) << depth != 0) revert ProofMalformed();
        bytes32 node;
        if (proof.terminal.length == 2) {
            bytes32 leafKey = proof.terminal[0];
            // INVARIANT: the leaf lies on the key's path.
            if (depth != 0 && uint256(leafKey ^ key) >> (256 - depth) != 0) revert ProofMalformed();
            node = keccak256(abi.encodePacked(Tag.STATE_LEAF, leafKey, proof.terminal[1]));
            if (leafKey == key) (exists, value) = (true, proof.terminal[1]);
        } else if (proof.terminal.length != 0) {
            revert ProofMalformed();
        }
        bytes32 found = _fold(key, node, proof);
        if (found != root) revert ProofRoot(found, root);
    }

    function _fold(bytes32 key, bytes32 node, TreeProof memory proof) private pure returns (bytes32) {
        bytes32[] memory siblings = proof.siblings;
        uint256 count = siblings.length;
        uint256 bits = uint256(proof.bitmap);
        uint256 used;
        for (uint256 i = proof.depth; i != 0; --i) {
            uint256 mask = 1 << (256 - i);
            bytes32 sibling;
            if (bits & mask != 0) {
                // INVARIANT: one sibling for each bit, none of them empty.
                if (used == count || siblings[used] == 0) revert ProofMalformed();
                sibling = siblings[used++];
            }
            bool right = uint256(key) & mask != 0;
            assembly ("memory-safe") {
                mstore(0, node)
                mstore(32, node)
                mstore(shl(5, iszero(right)), sibling)
                node := keccak256(0, 64)
            }
        }
        if (used != count) revert ProofMalformed();
        return node;
    }

    function _words(bytes memory rlp, RLPItem memory list) private pure returns (bytes32[] memory words) {
        words = new bytes32[]((list.end - list.start) / 33);
        uint256 offset = list.start;
        for (uint256 i; i < words.length; ++i) {
            (words[i], offset) = RLPReader.readWord(rlp, offset, list.end);
        }
        if (offset != list.end) revert ProofMalformed();
    }
}
