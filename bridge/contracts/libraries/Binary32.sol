// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title IEEE 754 binary32 in integers: round to nearest, ties to even; subnormals are kept; zero has no sign
/// @notice A value is its 32 bits in a uint256, finite and never 0x80000000: `canonical` admits what comes from outside, and
/// every result is canonical again. What would be infinite or no number reverts.
library Binary32 {
    /// @notice Infinite or no number.
    error NotFinite();
    /// @notice The reciprocal of zero, or the root of a negative number.
    error OutsideDomain();

    uint256 internal constant SIGN = 0x80000000;
    uint256 internal constant MAGNITUDE = 0x7fffffff;
    uint256 internal constant INFINITY = 0x7f800000;
    /// @dev The unit of the smallest binade is 2^-149, that of biased exponent e is 2^(max(e, 1) - 150).
    int256 internal constant LEAST_UNIT = -149;

    /// @notice The value of 32 bits from outside; both zeros are 0.
    function canonical(uint256 bits) internal pure returns (uint256) {
        uint256 size = bits & MAGNITUDE;
        if (size >= INFINITY || bits > 0xffffffff) revert NotFinite();
        return size == 0 ? 0 : bits;
    }

    function neg(uint256 a) internal pure returns (uint256) {
        return a == 0 ? 0 : a ^ SIGN;
    }

    function abs(uint256 a) internal pure returns (uint256) {
        return a & MAGNITUDE;
    }

    function add(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            // The larger magnitude first.
            if ((a & MAGNITUDE) < (b & MAGNITUDE)) (a, b) = (b, a);
            (uint256 m, int256 unit) = _split(a);
            (uint256 n, int256 least) = _split(b);
            uint256 distance = uint256(unit - least);
            // b is below a quarter of a's unit, so below half the unit of the binade beneath it.
            if (distance > 25 || n == 0) return a;
            m <<= distance;
            return _round(a & SIGN, (a ^ b) & SIGN == 0 ? m + n : m - n, least);
        }
    }

    function sub(uint256 a, uint256 b) internal pure returns (uint256) {
        return add(a, neg(b));
    }

    function mul(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            (uint256 m, int256 unit) = _split(a);
            (uint256 n, int256 other) = _split(b);
            return _round((a ^ b) & SIGN, m * n, unit + other);
        }
    }

    function div(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            if (b == 0) revert OutsideDomain();
            (uint256 m, int256 unit) = _split(a);
            (uint256 n, int256 other) = _split(b);
            // At least 2^27 unless it is 0: the last bit, which stands for the remainder, lies below the one that rounds.
            m <<= 51;
            uint256 quotient = m / n;
            if (quotient * n != m) quotient |= 1;
            return _round((a ^ b) & SIGN, quotient, unit - other - 51);
        }
    }

    function sqrt(uint256 a) internal pure returns (uint256) {
        unchecked {
            if (a & SIGN != 0) revert OutsideDomain();
            if (a == 0) return 0;
            (uint256 m, int256 unit) = _split(a);
            // An even exponent, and a root of at least 2^27: its last bit stands for the remainder.
            uint256 shift = 54 + (uint256(unit) & 1);
            m <<= shift;
            uint256 root = _root(m);
            if (root * root != m) root |= 1;
            return _round(0, root, (unit - int256(shift)) / 2);
        }
    }

    function lt(uint256 a, uint256 b) internal pure returns (bool) {
        return _order(a) < _order(b);
    }

    function le(uint256 a, uint256 b) internal pure returns (bool) {
        return _order(a) <= _order(b);
    }

    function min(uint256 a, uint256 b) internal pure returns (uint256) {
        return lt(b, a) ? b : a;
    }

    function max(uint256 a, uint256 b) internal pure returns (uint256) {
        return lt(a, b) ? b : a;
    }

    /// @notice The largest integral binary32 that is not above a.
    function floor(uint256 a) internal pure returns (uint256) {
        unchecked {
            (uint256 m, int256 unit) = _split(a);
            if (unit >= 0) return a;
            uint256 below = uint256(-unit);
            uint256 whole = m >> below;
            if (a & SIGN != 0 && whole << below != m) ++whole;
            return _round(a & SIGN, whole, 0);
        }
    }

    /// @notice The nearest integral binary32, ties to even.
    function rne(uint256 a) internal pure returns (uint256) {
        unchecked {
            (uint256 m, int256 unit) = _split(a);
            return unit >= 0 ? a : _round(a & SIGN, _shiftToEven(m, uint256(-unit)), 0);
        }
    }

    /// @notice The nearest integer, ties to even: |result| <= 2^128.
    function toInt(uint256 a) internal pure returns (int256) {
        unchecked {
            (uint256 m, int256 unit) = _split(a);
            int256 size = int256(unit >= 0 ? m << uint256(unit) : _shiftToEven(m, uint256(-unit)));
            return a & SIGN == 0 ? size : -size;
        }
    }

    /// @notice One rounding of an integer |v| < 2^127.
    function fromInt(int256 v) internal pure returns (uint256) {
        unchecked {
            return v < 0 ? _round(SIGN, uint256(-v), 0) : _round(0, uint256(v), 0);
        }
    }

    /// @notice 2^a, a normal number: -126 <= a <= 127.
    function pow2(int256 a) internal pure returns (uint256) {
        unchecked {
            if (a < -126 || a > 127) revert OutsideDomain();
            return uint256(a + 127) << 23;
        }
    }

    /// @dev |a| = m * 2^unit, m < 2^24.
    function _split(uint256 a) private pure returns (uint256 m, int256 unit) {
        assembly ("memory-safe") {
            let exponent := and(shr(23, a), 0xff)
            m := or(and(a, 0x7fffff), shl(23, iszero(iszero(exponent))))
            unit := sub(add(exponent, iszero(exponent)), 150)
        }
    }

    /// @dev The binary32 nearest to m * 2^unit: m < 2^128, unit > -400.
    function _round(uint256 sign, uint256 m, int256 unit) private pure returns (uint256 bits) {
        unchecked {
            if (m == 0) return 0;
            int256 shift = int256(_log2(m)) - 23;
            if (unit + shift < LEAST_UNIT) shift = LEAST_UNIT - unit;
            m = shift > 0 ? _shiftToEven(m, uint256(shift)) : m << uint256(-shift);
            // The leading bit of m, where it has one, counts as one more in the exponent; so does a carry.
            bits = (uint256(unit + shift - LEAST_UNIT) << 23) + m;
            if (bits >= INFINITY) revert NotFinite();
            // What rounds to nothing has no sign.
            if (bits != 0) bits |= sign;
        }
    }

    /// @dev m / 2^shift to the nearest integer, ties to even; m < 2^128, 0 < shift < 256.
    function _shiftToEven(uint256 m, uint256 shift) private pure returns (uint256 rounded) {
        assembly ("memory-safe") {
            // One less than a half, and one more where the integer below is odd.
            rounded := add(sub(shl(sub(shift, 1), 1), 1), and(shr(shift, m), 1))
            rounded := shr(shift, add(m, rounded))
        }
    }

    /// @dev Position of the leading one of 0 < x < 2^128.
    function _log2(uint256 x) private pure returns (uint256 r) {
        assembly ("memory-safe") {
            r := shl(6, lt(0xffffffffffffffff, x))
            r := or(r, shl(5, lt(0xffffffff, shr(r, x))))
            r := or(r, shl(4, lt(0xffff, shr(r, x))))
            r := or(r, shl(3, lt(0xff, shr(r, x))))
            r := or(r, shl(2, lt(0xf, shr(r, x))))
            // Of 1..15, a nibble each.
            r := or(r, and(shr(shl(2, shr(r, x)), 0x3333333322221100), 3))
        }
    }

    /// @dev The integer below the root of 2^54 <= x < 2^80, by Newton's method from above.
    function _root(uint256 x) private pure returns (uint256 r) {
        unchecked {
            r = 2 << (_log2(x) >> 1);
            for (;;) {
                uint256 next = (r + x / r) >> 1;
                if (next >= r) return r;
                r = next;
            }
        }
    }

    /// @dev Integers in the order of the values.
    function _order(uint256 a) private pure returns (int256) {
        unchecked {
            return a & SIGN == 0 ? int256(a) : -int256(a & MAGNITUDE);
        }
    }
}
