// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {Kzg} from "../steps/Kzg.sol";
import {Evidence, EvidenceReader} from "./Evidence.sol";
import {GameHash} from "./GameHash.sol";
import {NodeHash} from "./Ids.sol";
import {Program} from "./Program.sol";
import {Tag} from "./Tag.sol";

/// @title An artifact as L1 has it: chunks, of which a root commits to every byte
/// @notice Twin of executor/protocol/model-content.ts. A leaf is `K(0x1a ++ record)`, record `u8 kind ++ hash ++ u32 start ++
/// u32 length`; an artifact is told by `K(root ++ u32 length ++ u32 chunks)`.
library Content {
    using EvidenceReader for Evidence;

    uint256 internal constant CALLDATA = 1;
    uint256 internal constant BLOB = 2;
    /// @notice Bytes of a blob: 31 of each of its 4,096 elements.
    uint256 internal constant BLOB_BYTES = 126_976;
    /// @notice Of a manifest, for each chunk.
    uint256 internal constant ENTRY_SIZE = 37;

    uint256 private constant RECORD_SIZE = 41;
    uint256 private constant PIECE = 31;

    function hashOf(bytes32 root, uint32 length, uint32 chunks) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(root, length, chunks));
    }

    function leaf(uint256 kind, bytes32 hash, uint256 start, uint256 length) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tag.CONTENT_CHUNK, uint8(kind), hash, uint32(start), uint32(length)));
    }

    /// @notice Writes chunk `index` of a manifest.
    function writeEntry(bytes memory manifest, uint256 index, uint256 kind, bytes32 hash, uint256 length) internal pure {
        assembly ("memory-safe") {
            let to := add(add(manifest, 32), mul(ENTRY_SIZE, index))
            mstore8(to, kind)
            mstore(add(to, 1), hash)
            mstore8(add(to, 33), shr(24, length))
            mstore8(add(to, 34), shr(16, length))
            mstore8(add(to, 35), shr(8, length))
            mstore8(add(to, 36), length)
        }
    }

    /// @notice Root of the tree over the leaves, which are used up; missing ones are zero.
    function rootOf(bytes32[] memory leaves) internal pure returns (bytes32) {
        NodeHash zero;
        for (uint256 count = leaves.length; count > 1; count = (count + 1) / 2) {
            for (uint256 i; i < count; i += 2) {
                NodeHash right = i + 1 < count ? NodeHash.wrap(leaves[i + 1]) : zero;
                leaves[i / 2] = NodeHash.unwrap(GameHash.inner(NodeHash.wrap(leaves[i]), right));
            }
            zero = GameHash.inner(zero, zero);
        }
        return leaves[0];
    }

    /// @notice Byte `position` of the artifact; 0 behind its end, of which there is no evidence. Evidence: `u32 index ++ record ++
    /// path` of the chunk in which it lies, then of calldata the chunk's bytes, of a blob `element (32) ++ points (96)`.
    function byteAt(Evidence memory evidence, bytes32 root, uint256 length, uint256 chunks, uint256 position)
        internal
        view
        returns (uint8)
    {
        if (position >= length) return 0;
        uint256 index = evidence.number(4);
        bytes calldata record = evidence.take(RECORD_SIZE);
        NodeHash node = NodeHash.wrap(keccak256(abi.encodePacked(Tag.CONTENT_CHUNK, record)));
        // INVARIANT: the path's length is the tree's height, so that an inner node never passes for a leaf.
        node = Program.rootOver(node, index, evidence.words(Program.ceilLog2(chunks)));
        if (index >= chunks || NodeHash.unwrap(node) != root) revert ILeafRules.BadEvidence();
        uint256 start = uint32(bytes4(record[33:37]));
        uint256 size = uint32(bytes4(record[37:41]));
        // INVARIANT: chunks lie one behind the other, so one alone has the byte.
        if (position < start || position - start >= size) revert ILeafRules.BadEvidence();
        bytes32 hash = bytes32(record[1:33]);
        if (uint8(record[0]) == CALLDATA) {
            bytes calldata chunk = evidence.take(size);
            if (keccak256(chunk) != hash) revert ILeafRules.BadEvidence();
            return uint8(chunk[position - start]);
        }
        bytes32 element = evidence.word();
        Kzg.check(hash, (position - start) / PIECE, element, evidence.take(Kzg.POINTS));
        // The highest byte carries nothing.
        return uint8(element[1 + (position - start) % PIECE]);
    }
}
