// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Where an item's payload lies in the bytes that hold it.
/// @param list Whether it is a list.
/// @param end Where the next item begins; 0 for what is no item in canonical form.
struct Item {
    bool list;
    uint256 start;
    uint256 end;
}

/// @title RLP in memory, in its canonical form alone
library Rlp {
    /// @notice The item that begins at byte `from`. It must end at or before `limit`.
    function read(bytes memory data, uint256 from, uint256 limit) internal pure returns (Item memory item) {
        (bool list, uint256 start, uint256 end) = span(data, from, limit);
        return Item(list, start, end);
    }

    /// @notice The same, without a place in memory.
    function span(bytes memory data, uint256 from, uint256 limit)
        internal
        pure
        returns (bool list, uint256 start, uint256 end)
    {
        assembly ("memory-safe") {
            let place := add(add(data, 32), from)
            let first := byte(0, mload(place))
            switch lt(first, 0x80)
            case 1 {
                start := from
                end := add(from, 1)
            }
            default {
                list := gt(first, 0xbf)
                let length := sub(first, add(0x80, shl(6, list)))
                start := add(from, 1)
                switch gt(length, 55)
                case 1 {
                    let size := sub(length, 55)
                    length := shr(sub(256, shl(3, size)), mload(add(place, 1)))
                    start := add(start, size)
                    end := add(start, length)
                    // At most four bytes of length, the shortest form.
                    if or(or(gt(size, 4), iszero(byte(1, mload(place)))), lt(length, 56)) { end := 0 }
                }
                default {
                    end := add(start, length)
                    // A byte below 0x80 is its own item.
                    if and(eq(first, 0x81), lt(byte(1, mload(place)), 0x80)) { end := 0 }
                }
            }
            if gt(end, limit) { end := 0 }
        }
    }

    /// @notice A byte string of at most 32 bytes as a number.
    function number(bytes memory data, Item memory item) internal pure returns (uint256 value) {
        (uint256 start, uint256 size) = (item.start, item.end - item.start);
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), mload(add(add(data, 32), start)))
        }
    }

    /// @notice An integer in its shortest form.
    function encode(uint256 value) internal pure returns (bytes memory) {
        if (value == 0) return hex"80";
        if (value < 0x80) return abi.encodePacked(uint8(value));
        uint256 size = 1;
        while (size < 32 && value >> (8 * size) != 0) ++size;
        bytes memory whole = abi.encodePacked(uint8(0x80 + size), value << (256 - 8 * size));
        assembly ("memory-safe") {
            mstore(whole, add(1, size))
        }
        return whole;
    }

    /// @notice Header of an item, which is a list or of several bytes; one of a list begins at 0xc0.
    function header(uint256 length, uint256 first) internal pure returns (bytes memory) {
        if (length < 56) return abi.encodePacked(uint8(first + length));
        uint256 size = 1;
        while (length >> (8 * size) != 0) ++size;
        bytes memory whole = abi.encodePacked(uint8(first + 55 + size), uint32(length << (8 * (4 - size))));
        assembly ("memory-safe") {
            mstore(whole, add(1, size))
        }
        return whole;
    }
}
