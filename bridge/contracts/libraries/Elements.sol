// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Binary32} from "./Binary32.sol";

/// @title Elements of tensors as they are packed: little-endian
/// @notice Twin of executor/tensor/elements.ts. `packed`: an element's bytes in their order, right-aligned in a word. A value is
/// an integer |v| < 2^53 in two's complement of 256 bits, or the 32 bits of a canonical binary32.
library Elements {
    /// @notice No element type has this code.
    error UnknownDtype();
    /// @notice No element of the dtype.
    error OutsideDtype();

    uint256 internal constant U8 = 1;
    uint256 internal constant I8 = 2;
    uint256 internal constant I32 = 3;
    uint256 internal constant I64 = 4;
    uint256 internal constant F32 = 5;

    /// @notice Bytes of an element.
    function bytesOf(uint256 dtype) internal pure returns (uint256) {
        if (dtype == 0 || dtype > F32) revert UnknownDtype();
        unchecked {
            // A byte each, the lowest of dtype 0.
            return (0x040804010100 >> (8 * dtype)) & 0xff;
        }
    }

    /// @notice The value of packed bytes; both zeros of binary32 are 0.
    function decode(uint256 dtype, uint256 packed) internal pure returns (uint256 value) {
        unchecked {
            uint256 bits = 8 * bytesOf(dtype);
            if (packed >> bits != 0) revert OutsideDtype();
            value = _reverse(packed) >> (64 - bits);
            if (dtype == F32) return Binary32.canonical(value);
            if (dtype != U8) {
                assembly ("memory-safe") {
                    value := signextend(sub(shr(3, bits), 1), value)
                }
            }
            _check(dtype, value);
        }
    }

    /// @notice Packed bytes as they are read of a tensor whose record declares the bounds `lo` and `hi` (i64, or the bits of a
    /// binary32): NaN as lo, everything else as the nearest value of the interval, zero without a sign.
    function canonical(uint256 dtype, uint256 packed, uint256 lo, uint256 hi) internal pure returns (uint256) {
        unchecked {
            uint256 bits = 8 * bytesOf(dtype);
            uint256 raw = _reverse(packed) >> (64 - bits);
            bool isNan = dtype == F32 && raw & 0x7fffffff > 0x7f800000;
            int256 key = _keyOf(dtype, raw, bits);
            if (isNan || key < _keyOf(dtype, lo, 64)) raw = lo;
            else if (key > _keyOf(dtype, hi, 64)) raw = hi;
            else if (key == 0) raw = 0;
            return _reverse(raw & ((1 << bits) - 1)) >> (64 - bits);
        }
    }

    /// @dev A number in the order of the values: an integer itself, of a binary32 its bits as sign and size.
    function _keyOf(uint256 dtype, uint256 raw, uint256 bits) private pure returns (int256 key) {
        unchecked {
            if (dtype == F32) {
                key = int256(raw & 0x7fffffff);
                return raw & 0x80000000 == 0 ? key : -key;
            }
            if (dtype == U8) return int256(raw);
            assembly ("memory-safe") {
                key := signextend(sub(shr(3, bits), 1), raw)
            }
        }
    }

    /// @notice The packed bytes of a value.
    function encode(uint256 dtype, uint256 value) internal pure returns (uint256 packed) {
        unchecked {
            uint256 bits = 8 * bytesOf(dtype);
            if (dtype == F32) value = Binary32.canonical(value);
            else _check(dtype, value);
            return _reverse(value & ((1 << bits) - 1)) >> (64 - bits);
        }
    }

    /// @dev INVARIANT: an integer is one of its dtype.
    function _check(uint256 dtype, uint256 value) private pure {
        int256 v = int256(value);
        (int256 lo, int256 hi) = (-(2 ** 53 - 1), 2 ** 53 - 1);
        if (dtype == U8) (lo, hi) = (0, 255);
        else if (dtype == I8) (lo, hi) = (-128, 127);
        else if (dtype == I32) (lo, hi) = (-(2 ** 31), 2 ** 31 - 1);
        if (v < lo || v > hi) revert OutsideDtype();
    }

    /// @dev Eight bytes in the other order.
    function _reverse(uint256 x) private pure returns (uint256) {
        x = ((x & 0x00ff00ff00ff00ff) << 8) | ((x >> 8) & 0x00ff00ff00ff00ff);
        x = ((x & 0x0000ffff0000ffff) << 16) | ((x >> 16) & 0x0000ffff0000ffff);
        return ((x & 0xffffffff) << 32) | (x >> 32);
    }
}
