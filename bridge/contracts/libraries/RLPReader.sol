// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice One decoded item: where its payload lies in the bytes that were read, and whether it is a list.
struct RLPItem {
    uint256 start;
    uint256 end;
    bool isList;
}

/// @title Canonical RLP, read in place
/// @notice Only the shortest form of an item passes, so that two different encodings never mean the same.
library RLPReader {
    /// @notice The bytes end inside of an item.
    error RLPEndsEarly();
    /// @notice An item has a shorter form.
    error RLPNotCanonical();
    /// @notice A list where bytes belong, or bytes where a list belongs.
    error RLPUnexpectedKind();
    /// @notice Bytes follow where the item ends.
    error RLPBytesLeftOver();

    /// @notice The list that fills `data`.
    function readList(bytes memory data) internal pure returns (RLPItem memory item) {
        uint256 next;
        (item, next) = read(data, 0, data.length);
        if (next != data.length) revert RLPBytesLeftOver();
        if (!item.isList) revert RLPUnexpectedKind();
    }

    /// @notice The item at `offset`, which ends before `end`.
    /// @return item Its payload.
    /// @return next Where the item after it begins.
    function read(bytes memory data, uint256 offset, uint256 end) internal pure returns (RLPItem memory item, uint256 next) {
        if (offset >= end) revert RLPEndsEarly();
        uint256 first = uint8(data[offset]);
        if (first < 0x80) return (RLPItem(offset, offset + 1, false), offset + 1);
        item.isList = first >= 0xc0;
        uint256 length = first - (item.isList ? 0xc0 : 0x80);
        item.start = offset + 1;
        if (length > 55) {
            uint256 size = length - 55;
            // INVARIANT: a length fits 4 bytes; no calldata is longer.
            if (size > 4 || data.length < item.start + size || end < item.start + size) revert RLPNotCanonical();
            length = 0;
            for (uint256 i; i < size; ++i) {
                length = length << 8 | uint8(data[item.start + i]);
            }
            // INVARIANT: the shortest form: no leading zero, and no long form of a short length.
            if (data[item.start] == 0 || length < 56) revert RLPNotCanonical();
            item.start += size;
        }
        next = item.start + length;
        item.end = next;
        if (next > end) revert RLPEndsEarly();
        // INVARIANT: a byte below 0x80 is its own encoding.
        if (!item.isList && length == 1 && uint8(data[item.start]) < 0x80) revert RLPNotCanonical();
    }

    /// @notice The string of exactly 32 bytes at `offset`.
    function readWord(bytes memory data, uint256 offset, uint256 end) internal pure returns (bytes32 value, uint256 next) {
        next = offset + 33;
        if (next > end) revert RLPEndsEarly();
        if (uint8(data[offset]) != 0xa0) revert RLPUnexpectedKind();
        assembly ("memory-safe") {
            value := mload(add(add(data, 33), offset))
        }
    }

    /// @notice The unsigned integer at `offset`, in the shortest form.
    function readUint(bytes memory data, uint256 offset, uint256 end) internal pure returns (uint256 value, uint256 next) {
        RLPItem memory item;
        (item, next) = read(data, offset, end);
        uint256 length = item.end - item.start;
        if (item.isList || length > 32) revert RLPUnexpectedKind();
        if (length == 0) return (0, next);
        if (data[item.start] == 0) revert RLPNotCanonical();
        for (uint256 i = item.start; i < item.end; ++i) {
            value = value << 8 | uint8(data[i]);
        }
    }

    /// @notice The list at `offset`.
    function readListAt(bytes memory data, uint256 offset, uint256 end)
        internal
        pure
        returns (RLPItem memory item, uint256 next)
    {
        (item, next) = read(data, offset, end);
        if (!item.isList) revert RLPUnexpectedKind();
    }
}
