// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {Tag} from "../libraries/Tag.sol";

/// @title A tree to which leaves are appended: one peak for each one-bit of their number, the lowest bit first
/// @notice Twin of `appendLeaf` in executor/foundation/merkle.ts. Evidence: `u32 count ++ peaks`, whose tagged hash is known.
library Frontier {
    using EvidenceReader for Evidence;

    /// @notice Hash of the frontier with this hash once it has the leaf.
    function append(Evidence memory unread, bytes32 hash, bytes32 leaf) internal pure returns (bytes32) {
        uint256 count = unread.number(4);
        bytes32[] memory peaks = unread.words(_ones(count));
        if (_hash(count, peaks) != hash) revert ILeafRules.BadEvidence();
        uint256 joined;
        for (; count >> joined & 1 == 1; ++joined) {
            leaf = keccak256(abi.encodePacked(Tag.INNER, peaks[joined], leaf));
        }
        bytes32[] memory grown = new bytes32[](peaks.length - joined + 1);
        grown[0] = leaf;
        for (uint256 i = 1; i < grown.length; ++i) {
            grown[i] = peaks[joined + i - 1];
        }
        return _hash(count + 1, grown);
    }

    function _hash(uint256 count, bytes32[] memory peaks) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tag.FRONTIER, uint32(count), peaks));
    }

    function _ones(uint256 count) private pure returns (uint256 ones) {
        for (; count != 0; count &= count - 1) {
            ++ones;
        }
    }
}
