// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatchInbox, Record} from "../interfaces/IBatchInbox.sol";
import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {Kzg} from "./Kzg.sol";

/// @notice A batch's data, authenticated: bytes in calldata, or the hashes of its blobs.
/// @param size Bytes that it has.
/// @param offset Where in calldata they stand; nowhere for blobs.
/// @param hashes Of the blobs.
/// @param opened Bytes of the blobs that are opened so far.
/// @param first Field element, of all blobs, in which they begin.
struct Batch {
    uint256 size;
    uint256 offset;
    bytes32[] hashes;
    bytes opened;
    uint256 first;
}

/// @title What L1 holds of a batch, and its bytes
/// @notice Evidence of calldata: `u32 size ++ bytes`; of blobs: `u8 n ++ versioned hashes`; of a forced batch nothing. Of each
/// field element of a blob that is read: `commitment 48 ++ proof 48 ++ the whole element 32`.
library Batches {
    using EvidenceReader for Evidence;

    uint256 internal constant CALLDATA = 0;
    uint256 internal constant BLOBS = 1;
    uint256 internal constant FORCED = 2;

    /// @notice Bytes of a batch in one field element, and in one blob.
    uint256 internal constant ELEMENT = 31;
    uint256 private constant ELEMENTS = 4096;
    uint256 private constant BLOB = ELEMENT * ELEMENTS;

    /// @notice Opens the data of a record. The record's lineage says what they are.
    function open(Evidence memory unread, IBatchInbox inbox, uint64 index, Record memory record)
        internal
        view
        returns (Batch memory batch)
    {
        bytes32 dataHash;
        if (record.kind == BLOBS) {
            batch.hashes = unread.words(unread.number(1));
            batch.size = batch.hashes.length * BLOB;
            dataHash = keccak256(abi.encodePacked(batch.hashes));
        } else {
            batch.size = record.kind == CALLDATA ? unread.number(4) : 0;
            batch.offset = unread.offset;
            dataHash = keccak256(unread.take(batch.size));
        }
        bytes32 lineage = keccak256(
            abi.encodePacked(
                inbox.lineageAt(index),
                record.kind,
                dataHash,
                record.l1Number,
                record.l1Timestamp,
                record.delayedEnd,
                inbox.accumulatorAt(record.delayedEnd)
            )
        );
        if (lineage != record.lineage) revert ILeafRules.BadEvidence();
    }

    /// @notice The `size` bytes (at most 32) from `from` on as a number. Of blobs the elements up to there are opened, from
    /// the first that was ever read on. INVARIANT: the batch has them, and nothing before what was read first is read.
    function number(Evidence memory unread, Batch memory batch, uint256 from, uint256 size)
        internal
        view
        returns (uint256 value)
    {
        uint256 place = from;
        if (batch.hashes.length > 0) {
            if (batch.opened.length == 0) batch.first = from / ELEMENT;
            uint256 next = batch.first + batch.opened.length / ELEMENT;
            for (uint256 last = (from + size - 1) / ELEMENT; next <= last; ++next) {
                batch.opened = abi.encodePacked(batch.opened, element(unread, batch, next));
            }
            bytes memory opened = batch.opened;
            place = from - ELEMENT * batch.first;
            assembly ("memory-safe") {
                value := mload(add(add(opened, 32), place))
            }
        } else {
            place += batch.offset;
            assembly ("memory-safe") {
                value := calldataload(place)
            }
        }
        value >>= 256 - 8 * size;
    }

    /// @notice Opens one field element of the blobs: its low 31 bytes.
    function element(Evidence memory unread, Batch memory batch, uint256 index) internal view returns (bytes31) {
        uint256 blob = index / ELEMENTS;
        if (blob >= batch.hashes.length) revert ILeafRules.BadEvidence();
        bytes calldata points = unread.take(Kzg.POINTS);
        bytes32 whole = unread.word();
        Kzg.check(batch.hashes[blob], index % ELEMENTS, whole, points);
        return bytes31(whole << 8);
    }
}
