// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {Tag} from "../libraries/Tag.sol";

/// @title An append-only tree by its peaks: one for each one-bit of the count, the lowest bit first
/// @notice `K(0x4a ++ u32 count ++ peaks)`. Evidence: `u32 count ++ peaks`.
library Frontier {
    using EvidenceReader for Evidence;

    bytes32 internal constant EMPTY = keccak256(abi.encodePacked(Tag.FRONTIER, uint32(0)));

    /// @notice Opens a frontier by its hash.
    function open(Evidence memory unread, bytes32 hash) internal pure returns (uint256 count, bytes32[] memory peaks) {
        count = unread.number(4);
        uint256 ones;
        for (uint256 bits = count; bits != 0; bits &= bits - 1) ++ones;
        peaks = unread.words(ones);
        if (hashOf(count, peaks) != hash) revert ILeafRules.BadEvidence();
    }

    function hashOf(uint256 count, bytes32[] memory peaks) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tag.FRONTIER, uint32(count), peaks));
    }

    /// @notice Root of the tree, filled up with zero subtrees to a power of two; zero when it is empty.
    function root(uint256 count, bytes32[] memory peaks) internal pure returns (bytes32 node) {
        if (count == 0) return 0;
        if (count & (count - 1) == 0) return peaks[0];
        bytes32 zero;
        uint256 next;
        bool begun;
        for (uint256 bits = count - 1; bits != 0; bits >>= 1) {
            if (count & 1 == 1) {
                node = _inner(peaks[next++], begun ? node : zero);
                begun = true;
            } else if (begun) {
                node = _inner(node, zero);
            }
            zero = _inner(zero, zero);
            count >>= 1;
        }
    }

    /// @notice Hash of the frontier with this hash once it has the leaf. Twin of `appendLeaf` in
    /// executor/foundation/merkle.ts.
    function append(Evidence memory unread, bytes32 hash, bytes32 leaf) internal pure returns (bytes32) {
        (uint256 count, bytes32[] memory peaks) = open(unread, hash);
        return grown(count, peaks, leaf);
    }

    /// @notice The same of an opened one.
    function grown(uint256 count, bytes32[] memory peaks, bytes32 leaf) internal pure returns (bytes32) {
        uint256 joined;
        for (; count >> joined & 1 == 1; ++joined) leaf = _inner(peaks[joined], leaf);
        bytes32[] memory next = new bytes32[](peaks.length - joined + 1);
        next[0] = leaf;
        for (uint256 i = 1; i < next.length; ++i) next[i] = peaks[joined + i - 1];
        return hashOf(count + 1, next);
    }

    function _inner(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tag.INNER, left, right));
    }
}
