// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IInference, Number} from "../interfaces/IInference.sol";

/// @title Decimal numbers to and from binary32, correctly rounded
library Float32 {
    /// @dev Above this many decimals the greatest value, 2^127, is below half the smallest subnormal, 2^-150.
    int256 private constant MAX_DECIMALS = 83;
    /// @dev Below this, the smallest integer, 1, is above the greatest float32.
    int256 private constant MIN_DECIMALS = -38;

    /// @dev x = q * 2^exponent (+ sticky), q with its highest bit at 254 before the division by 5^decimals, and so with
    /// at least 61 bits after it: enough to round once. Ties to even. Zero is +0.
    function fromDecimal(int128 value, int128 decimals) internal pure returns (uint32) {
        if (value == 0) return 0;
        uint256 sign;
        uint256 q;
        int256 d = decimals;
        unchecked {
            if (value < 0) (sign, q) = (0x80000000, uint256(-int256(value)));
            else q = uint256(int256(value));
            if (d > MAX_DECIMALS) return 0;
            if (d < MIN_DECIMALS) revert IInference.NumberOutOfRange(value, decimals);
            bool sticky;
            int256 exponent = -d;
            if (d < 0) q *= 5 ** uint256(-d);
            uint256 up = 254 - log2(q);
            q <<= up;
            exponent -= int256(up);
            if (d > 0) {
                uint256 divisor = 5 ** uint256(d);
                sticky = q % divisor != 0;
                q /= divisor;
            }
            int256 e = int256(log2(q)) + exponent;
            // The last place of the result: 2^ulp.
            int256 ulp = e < -126 ? -149 : e - 23;
            uint256 shift = uint256(ulp - exponent);
            // A float this small is less than half of the last place.
            if (shift > 255) return 0;
            uint256 mantissa = q >> shift;
            uint256 rest = q - (mantissa << shift);
            uint256 half = 1 << (shift - 1);
            if (rest > half || (rest == half && (sticky || mantissa & 1 == 1))) ++mantissa;
            // The hidden bit adds one to the exponent; so does a carry out of the mantissa.
            uint256 bits = e < -126 ? mantissa : (uint256(e + 126) << 23) + mantissa;
            if (bits >= 0x7f800000) revert IInference.NumberOutOfRange(value, decimals);
            // One zero.
            return bits == 0 ? 0 : uint32(sign | bits);
        }
    }

    /// @dev x = mantissa * 2^e; n = round(x * 10^decimals) with decimals such that n has nine digits.
    function toDecimal(uint32 bits) internal pure returns (int128, int128) {
        unchecked {
            uint256 biased = (bits >> 23) & 0xff;
            if (biased == 0xff) revert IInference.NotFinite(bits);
            uint256 mantissa = bits & 0x7fffff;
            if (biased == 0) {
                if (mantissa == 0) return (0, 0);
                biased = 1;
            } else {
                mantissa |= 0x800000;
            }
            int256 e = int256(biased) - 150;
            // 1233 / 4096 is a little less than log10(2): the estimate is floor(log10 x), or one below it.
            int256 decimals = 8 - (((e + int256(log2(mantissa))) * 1233) >> 12);
            (uint256 n, bool up) = _scale(mantissa, e, decimals);
            if (n >= 1e9) (n, up) = _scale(mantissa, e, --decimals);
            if (up) ++n;
            while (n % 10 == 0 && decimals > 0) {
                n /= 10;
                --decimals;
            }
            if (decimals < 0 && decimals >= -29) {
                n *= 10 ** uint256(-decimals);
                decimals = 0;
            }
            return (bits >> 31 == 1 ? -int128(uint128(n)) : int128(uint128(n)), int128(decimals));
        }
    }

    /// @return n floor(mantissa * 2^e * 10^decimals).
    /// @return up Whether the nearest integer, ties to even, is n + 1.
    function _scale(uint256 mantissa, int256 e, int256 decimals) private pure returns (uint256 n, bool up) {
        unchecked {
            int256 shift = e + decimals;
            if (decimals >= 0) {
                mantissa *= 5 ** uint256(decimals);
                if (shift >= 0) return (mantissa << uint256(shift), false);
                n = mantissa >> uint256(-shift);
                uint256 rest = mantissa - (n << uint256(-shift));
                uint256 half = 1 << uint256(-shift - 1);
                up = rest > half || (rest == half && n & 1 == 1);
            } else {
                // Here x >= 10^8, so shift >= 0; an odd divisor has no ties.
                uint256 divisor = 5 ** uint256(-decimals);
                mantissa <<= uint256(shift);
                n = mantissa / divisor;
                up = 2 * (mantissa % divisor) > divisor;
            }
        }
    }

    /// @dev Index of the highest one-bit of x > 0.
    function log2(uint256 x) internal pure returns (uint256 n) {
        assembly {
            n := shl(7, lt(0xffffffffffffffffffffffffffffffff, x))
            n := or(n, shl(6, lt(0xffffffffffffffff, shr(n, x))))
            n := or(n, shl(5, lt(0xffffffff, shr(n, x))))
            n := or(n, shl(4, lt(0xffff, shr(n, x))))
            n := or(n, shl(3, lt(0xff, shr(n, x))))
            n := or(n, shl(2, lt(0xf, shr(n, x))))
            n := or(n, shl(1, lt(0x3, shr(n, x))))
            n := or(n, lt(0x1, shr(n, x)))
        }
    }
}
