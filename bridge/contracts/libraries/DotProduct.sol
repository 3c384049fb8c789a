// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Exact sums over runs of bytes in memory, by multiplications of 256 bits
library DotProduct {
    uint256 private constant LANES = 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff;
    uint256 private constant ONES = 0x0000000100000001000000010000000100000001000000010000000100000001;
    uint256 private constant QUADS = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
    uint256 private constant EIGHTS = 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;

    /// @notice sum of a * w, sum of a, sum of w over `length` unsigned bytes, at most 4,096, that begin at two addresses.
    /// @param flipA The bits of `a` that are to be inverted: 0x80 in each byte makes an i8 the u8 that is 128 more.
    function sums(uint256 a, uint256 w, uint256 length, uint256 flipA, uint256 flipW)
        internal
        pure
        returns (uint256 products, uint256 sumA, uint256 sumW)
    {
        if (length > 1) return _sums(a, w, length, flipA, flipW);
        assembly ("memory-safe") {
            sumA := byte(0, xor(mload(a), flipA))
            sumW := byte(0, xor(mload(w), flipW))
            products := mul(sumA, sumW)
        }
    }

    /// @dev Every fourth byte of 32 is a lane of 32 bits. With one factor's lanes in the other order, the product's highest lane
    /// is the sum of eight products; below 4,096 * 255 * 255 < 2^32 no lane overflows into the next.
    function _sums(uint256 a, uint256 w, uint256 length, uint256 flipA, uint256 flipW)
        private
        pure
        returns (uint256 products, uint256 sumA, uint256 sumW)
    {
        assembly ("memory-safe") {
            for {} length {} {
                let x := xor(mload(a), flipA)
                let y := xor(mload(w), flipW)
                switch lt(length, 32)
                case 1 {
                    let keep := shl(shl(3, sub(32, length)), not(0))
                    x := and(x, keep)
                    y := and(y, keep)
                    length := 0
                }
                default { length := sub(length, 32) }
                a := add(a, 32)
                w := add(w, 32)
                y := or(shr(128, y), shl(128, y))
                y := or(and(shr(64, y), EIGHTS), shl(64, and(y, EIGHTS)))
                y := or(and(shr(32, y), QUADS), shl(32, and(y, QUADS)))
                for { let lane := 0 } lt(lane, 4) { lane := add(lane, 1) } {
                    let p := and(x, LANES)
                    let q := and(y, LANES)
                    products := add(products, mul(p, q))
                    sumA := add(sumA, p)
                    sumW := add(sumW, q)
                    x := shr(8, x)
                    y := shr(8, y)
                }
            }
            products := shr(224, products)
            sumA := shr(224, mul(sumA, ONES))
            sumW := shr(224, mul(sumW, ONES))
        }
    }
}
