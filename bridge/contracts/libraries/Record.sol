// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {EdgeId} from "./Ids.sol";

/// @notice One slot of the board. Of a context: when edges came to it, and what became of the first of them. Of an edge
/// that came to a context later: what became of it; its times are zero.
///
/// | bits | field |
/// | --- | --- |
/// | 0 | there is something |
/// | 1 | proven |
/// | 8..47 | firstAt: L1 block of the context's first edge |
/// | 48..87 | secondAt: L1 block of its second, zero while there is none |
/// | 88..127 | cached: L1 blocks credited so far; all ones: forever |
/// | 128..255 | upper half of the first edge's id |
///
/// Whether an edge is opened is not kept: its right child is there, or its tensor, which nothing else puts there.
///
/// Half an id suffices. The right node of a context follows from the context, as the game's hash has the inbox's lineage,
/// so that to be taken for it another node needs 2^128 hashes, and no choice of contexts makes that fewer: an id is the
/// hash of context and node. Two wrong nodes that are taken for each other, which 2^64 hashes find, gain nothing: of the
/// children of either one is wrong after a right past, and meets the right one there.
type Record is uint256;

using Records for Record global;

/// @title Records
/// @notice Fields of the board's records. Each change is of the value; the caller stores it.
library Records {
    /// @notice An L1 block number, a count of blocks or a Unix time that 40 bits do not hold: not in 30,000 years.
    error TimeOutOfRange(uint256 value);

    /// @notice Credited to what is proven, and to what stands on that alone: all time there is.
    uint64 internal constant FOREVER = type(uint64).max;
    /// @notice Of an edge that is not the first of its context.
    Record internal constant LATER = Record.wrap(EXISTS);

    uint256 private constant EXISTS = 1;
    uint256 private constant PROVEN = 2;
    uint256 private constant FIRST_AT = 8;
    uint256 private constant SECOND_AT = 48;
    uint256 private constant CACHED = 88;
    uint256 private constant ID = 128;
    /// @dev All ones of a time.
    uint256 private constant MASK = type(uint40).max;

    /// @notice Of a context that gets its first edge now.
    function first(EdgeId edge) internal view returns (Record) {
        return Record.wrap(EXISTS | uint256(time(block.number)) << FIRST_AT | _id(edge) >> ID << ID);
    }

    function exists(Record self) internal pure returns (bool) {
        return Record.unwrap(self) != 0;
    }

    /// @notice Whether the record is of a context whose first edge is this one.
    function isOf(Record self, EdgeId edge) internal pure returns (bool) {
        return Record.unwrap(self) >> ID == _id(edge) >> ID;
    }

    /// @notice Whether it is that of a context's first edge: only that one has time of its own.
    function isFirst(Record self) internal pure returns (bool) {
        return firstAt(self) != 0;
    }

    /// @notice Whether the edge is there and has a rival. Of two edges in a context each has one.
    function isRivalled(Record self) internal pure returns (bool) {
        return isFirst(self) ? secondAt(self) != 0 : exists(self);
    }

    function isProven(Record self) internal pure returns (bool) {
        return Record.unwrap(self) & PROVEN != 0;
    }

    function firstAt(Record self) internal pure returns (uint64) {
        return uint64(Record.unwrap(self) >> FIRST_AT & MASK);
    }

    function secondAt(Record self) internal pure returns (uint64) {
        return uint64(Record.unwrap(self) >> SECOND_AT & MASK);
    }

    /// @return L1 blocks, or FOREVER.
    function cached(Record self) internal pure returns (uint64) {
        uint256 packed = Record.unwrap(self) >> CACHED & MASK;
        return packed == MASK ? FOREVER : uint64(packed);
    }

    /// @notice L1 blocks for which the edge was alone in its context.
    function own(Record self) internal view returns (uint64) {
        if (!isFirst(self)) return 0;
        uint64 end = secondAt(self);
        return (end == 0 ? uint64(block.number) : end) - firstAt(self);
    }

    /// @notice Own time, or what was credited with it: never both, so no block counts twice.
    function timer(Record self) internal view returns (uint64) {
        if (isProven(self)) return FOREVER;
        uint64 alone = own(self);
        uint64 credited = cached(self);
        return alone > credited ? alone : credited;
    }

    function withRival(Record self) internal view returns (Record) {
        return Record.wrap(Record.unwrap(self) | uint256(time(block.number)) << SECOND_AT);
    }

    function asProven(Record self) internal pure returns (Record) {
        return Record.wrap(Record.unwrap(self) | PROVEN);
    }

    /// @param blocks Or FOREVER.
    function withCached(Record self, uint64 blocks) internal pure returns (Record) {
        uint256 packed = blocks == FOREVER ? MASK : time(blocks);
        return Record.wrap(Record.unwrap(self) & ~(MASK << CACHED) | packed << CACHED);
    }

    /// @notice A time as it is kept.
    function time(uint256 value) internal pure returns (uint40) {
        // INVARIANT: what is kept is what was meant: nothing reaches the mark for all time there is.
        if (value >= MASK) revert TimeOutOfRange(value);
        return uint40(value);
    }

    function _id(EdgeId edge) private pure returns (uint256) {
        return uint256(EdgeId.unwrap(edge));
    }
}
