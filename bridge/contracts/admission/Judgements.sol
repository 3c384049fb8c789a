// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {Named, Sums} from "../interfaces/IProgramRules.sol";
import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {NodeHash, StateHash} from "../libraries/Ids.sol";
import {Lefts} from "../libraries/Lefts.sol";
import {Operator, Program} from "../libraries/Program.sol";
import {Tag} from "../libraries/Tag.sol";
import {Frontier} from "../steps/Frontier.sol";

/// @notice What is known of an artifact between two records that are judged.
/// @param index Records that were judged.
/// @param cursor Bytes of the operators' records that were judged.
/// @param dataCursor Where the next constant's data begin in the artifact.
/// @param outputBytes Of the packed output, so far.
/// @param constants Hash of the append-only tree of constants' records.
/// @param operators The same of operators' records.
struct Judgement {
    bytes header;
    uint32 index;
    uint32 cursor;
    uint64 dataCursor;
    Sums sums;
    uint32 outputBytes;
    bytes32 constants;
    bytes32 operators;
}

/// @title The states between, and what their parts say
library Judgements {
    using EvidenceReader for Evidence;

    function hashOf(Judgement memory now_) internal pure returns (bytes32) {
        Sums memory sums = now_.sums;
        bytes memory numbers = abi.encodePacked(
            now_.index,
            now_.cursor,
            now_.dataCursor,
            sums.inputEnd,
            sums.tensorBytes,
            sums.weight,
            sums.openingBytes,
            sums.nextOutput,
            now_.outputBytes
        );
        return keccak256(abi.encodePacked(Tag.ADMISSION, now_.header, numbers, now_.constants, now_.operators));
    }

    /// @notice Evidence: the state's bytes without the tag.
    function open(Evidence memory unread, StateHash hash) internal pure returns (Judgement memory now_) {
        now_.header = unread.take(Program.HEADER_SIZE);
        now_.index = uint32(unread.number(4));
        now_.cursor = uint32(unread.number(4));
        now_.dataCursor = uint64(unread.number(8));
        Sums memory sums = now_.sums;
        sums.inputEnd = uint64(unread.number(8));
        sums.tensorBytes = uint64(unread.number(8));
        sums.weight = uint64(unread.number(8));
        sums.openingBytes = uint32(unread.number(4));
        sums.nextOutput = uint32(unread.number(4));
        now_.outputBytes = uint32(unread.number(4));
        now_.constants = unread.word();
        now_.operators = unread.word();
        if (hashOf(now_) != StateHash.unwrap(hash)) revert ILeafRules.BadEvidence();
    }

    // --- a header that is well-formed ----------------------------------------------------------------------------------

    function countsOf(bytes memory header)
        internal
        pure
        returns (uint256 constants, uint256 operators, uint256 outputs)
    {
        return (constantsOf(header), _uint(header, 12, 4), _uint(header, 20, 4));
    }

    function constantsOf(bytes memory header) internal pure returns (uint256) {
        return _uint(header, 16, 4);
    }

    function gasOf(bytes memory header) internal pure returns (uint256) {
        return _uint(header, 24, 8);
    }

    function operatorsSize(bytes memory header) internal pure returns (uint256) {
        return _uint(header, 40, 4);
    }

    function metaSize(bytes memory header) internal pure returns (uint256) {
        return _uint(header, 44, 4);
    }

    function metaHashOf(bytes memory header) internal pure returns (bytes32) {
        return bytes32(_uint(header, 48, 32));
    }

    /// @notice Bytes of all records: constants, operators, outputs, meta.
    function recordsSize(bytes memory header) internal pure returns (uint256) {
        (uint256 constants,, uint256 outputs) = countsOf(header);
        return Program.CONSTANT_RECORD_SIZE * constants + operatorsSize(header) + Program.OUTPUT_SIZE * outputs
            + metaSize(header);
    }

    // --- records -------------------------------------------------------------------------------------------------------

    /// @notice Where a constant's data begin in the artifact, as its record says.
    function dataOffset(bytes memory record) internal pure returns (uint256) {
        return _uint(record, 24, 8);
    }

    /// @notice What an operator's record declares.
    function named(bytes memory record) internal pure returns (Named memory) {
        Operator memory op = Program.decodeOperator(record);
        uint256 bounds = Program.RECORD_HEAD + 4 * op.extents.length;
        return Named(
            true,
            uint8(op.dtype),
            uint32(Program.countOf(op)),
            uint64(_uint(record, bounds, 8)),
            uint64(_uint(record, bounds + 8, 8))
        );
    }

    /// @notice Evidence: `u16 size ++ record ++ path` of operator `index` < count.
    function operatorBefore(Evidence memory unread, uint256 count, bytes32[] memory peaks, uint256 index)
        internal
        pure
        returns (bytes memory record)
    {
        record = unread.take(unread.number(2));
        bytes32 leaf = keccak256(abi.encodePacked(Tag.OPERATOR_RECORD, uint32(index), record));
        _requireLeaf(unread, count, peaks, index, leaf);
    }

    /// @notice Evidence: `record ++ dataRoot ++ path` of constant `index` < count.
    function namedConstant(Evidence memory unread, uint256 count, bytes32[] memory peaks, uint256 index)
        internal
        pure
        returns (Named memory)
    {
        bytes memory record = unread.take(Program.CONSTANT_RECORD_SIZE);
        bytes32 leaf = keccak256(abi.encodePacked(Tag.CONSTANT_RECORD, uint32(index), record, unread.word()));
        _requireLeaf(unread, count, peaks, index, leaf);
        uint256 bounds = Program.CONSTANT_BOUNDS;
        return Named(
            true,
            uint8(record[0]),
            uint32(_uint(record, 4, 4)),
            uint64(_uint(record, bounds, 8)),
            uint64(_uint(record, bounds + 8, 8))
        );
    }

    /// @notice Root of the tree over the leaves of the frontier with this hash.
    function rootOf(Evidence memory unread, bytes32 frontier) internal pure returns (bytes32) {
        (uint256 count, bytes32[] memory peaks) = Frontier.open(unread, frontier);
        return Frontier.root(count, peaks);
    }

    /// @dev Peaks stand lowest first, complete subtrees left of a position highest first.
    function _requireLeaf(Evidence memory unread, uint256 count, bytes32[] memory peaks, uint256 index, bytes32 leaf)
        private
        pure
    {
        (uint256 which, uint256 height) = Lefts.locate(count, index);
        NodeHash node = Program.rootOver(NodeHash.wrap(leaf), index, unread.words(height));
        if (NodeHash.unwrap(node) != peaks[peaks.length - 1 - which]) revert ILeafRules.BadEvidence();
    }

    function _uint(bytes memory data, uint256 offset, uint256 size) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), mload(add(add(data, 32), offset)))
        }
    }
}
