// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Binary32} from "../libraries/Binary32.sol";
import {ScalarMachine} from "../libraries/ScalarMachine.sol";

/// @notice A closed interval, its ends as `Elements` has values: integers in two's complement, or bits of a binary32.
struct Bounds {
    uint256 lo;
    uint256 hi;
}

/// @title Bounds of what the scalar programs of MAP compute
/// @notice Twin of `instructionIntervals` in executor/tensor/interval.ts: each instruction is run on ends of its operands'
/// intervals, which bounds it, as rounding is monotone. What has no bounds, or is no body, reverts by an error without
/// arguments.
contract ProgramIntervals {
    uint256 private constant IMMEDIATE = 0xff;
    uint256 private constant OPERAND = 0x80;

    /// @notice Bounds of the last result, and whether it is a binary32.
    /// @param body u8 m, then m instructions of eight bytes.
    /// @param given Of the operands.
    /// @param floats Bit j: operand j is a binary32.
    function bounds(bytes calldata body, Bounds[] calldata given, uint256 floats)
        external
        pure
        returns (Bounds memory last, bool isFloat)
    {
        uint256 count = uint8(body[0]);
        Bounds[] memory results = new Bounds[](count);
        // Bit s: source s is there and of that type.
        uint256 all = (1 << given.length) - 1;
        uint256 known = (all & ~floats) << OPERAND;
        uint256 knownFloats = (all & floats) << OPERAND;
        for (uint256 i; i < count; ++i) {
            uint256 code = uint64(bytes8(body[1 + 8 * i:9 + 8 * i]));
            ScalarMachine.Signature memory signature = ScalarMachine.signatureOf(code);
            Bounds[3] memory ends;
            for (uint256 p; p < signature.arity; ++p) {
                bool wantsFloat = p == 0 ? signature.isFirstFloat : signature.areOthersFloat;
                uint256 source = code >> (48 - 8 * p) & 0xff;
                if (source == IMMEDIATE) {
                    uint256 value = ScalarMachine.immediateOf(code, wantsFloat);
                    ends[p] = Bounds(value, value);
                } else {
                    if ((wantsFloat ? knownFloats : known) >> source & 1 == 0) revert ScalarMachine.BadBody();
                    ends[p] = source >= OPERAND ? given[source - OPERAND] : results[source];
                }
            }
            isFloat = signature.isResultFloat;
            last = _apply(code >> 56, ends);
            // INVARIANT: an integer is exact in every implementation.
            if (!isFloat && !(_isExact(last.lo) && _isExact(last.hi))) revert ScalarMachine.IntegerTooLarge();
            results[i] = last;
            if (isFloat) knownFloats |= 1 << i;
            else known |= 1 << i;
        }
    }

    /// @notice Units of one element, that of the operands aside. A body that is well-formed.
    function weightOf(bytes calldata body) external pure returns (uint256 units) {
        uint256 count = uint8(body[0]);
        for (uint256 i; i < count; ++i) {
            uint256 op = uint8(body[1 + 8 * i]);
            if (op == ScalarMachine.FDIV || op == ScalarMachine.FSQRT) units += 4;
            else units += op == ScalarMachine.POW2 ? 6 : 1;
        }
    }

    function _isExact(uint256 value) private pure returns (bool) {
        int256 v = int256(value);
        return v > -(2 ** 53) && v < 2 ** 53;
    }

    function _apply(uint256 op, Bounds[3] memory ends) private pure returns (Bounds memory) {
        Bounds memory a = ends[0];
        Bounds memory b = ends[1];
        Bounds memory c = ends[2];
        if (op == ScalarMachine.SEL || op == ScalarMachine.FSEL) return _union(op == ScalarMachine.FSEL, b, c);
        if (
            (op >= ScalarMachine.LT && op <= ScalarMachine.EQ) || (op >= ScalarMachine.FLT && op <= ScalarMachine.FEQ)
        ) return Bounds(0, 1);
        if (op == ScalarMachine.SUB || op == ScalarMachine.FSUB) return Bounds(_run(op, a.lo, b.hi), _run(op, a.hi, b.lo));
        if (op == ScalarMachine.FNEG) return Bounds(Binary32.neg(a.hi), Binary32.neg(a.lo));
        if (op == ScalarMachine.FABS) {
            uint256 low = Binary32.max(a.lo, Binary32.neg(a.hi));
            return Bounds(Binary32.max(low, 0), Binary32.max(Binary32.neg(a.lo), a.hi));
        }
        if (op == ScalarMachine.DIV && int256(b.lo) <= 0 && int256(b.hi) >= 0) revert Binary32.OutsideDomain();
        if (op == ScalarMachine.FDIV && Binary32.le(b.lo, 0) && Binary32.le(0, b.hi)) revert Binary32.OutsideDomain();
        bool isFloat = op == ScalarMachine.FMUL || op == ScalarMachine.FDIV;
        if (isFloat || op == ScalarMachine.MUL || op == ScalarMachine.DIV) {
            Bounds memory one = _two(op, a.lo, b);
            Bounds memory other = _two(op, a.hi, b);
            return _union(isFloat, _union(isFloat, one, Bounds(one.hi, one.lo)), _union(isFloat, other, Bounds(other.hi, other.lo)));
        }
        // Not decreasing in any operand. POW2 and FSQRT refuse what lies outside of their domain.
        return Bounds(_run(op, a.lo, b.lo), _run(op, a.hi, b.hi));
    }

    function _two(uint256 op, uint256 a, Bounds memory b) private pure returns (Bounds memory) {
        return Bounds(_run(op, a, b.lo), _run(op, a, b.hi));
    }

    function _run(uint256 op, uint256 a, uint256 b) private pure returns (uint256) {
        return ScalarMachine.evaluate(op, a, b, 0);
    }

    function _union(bool isFloat, Bounds memory a, Bounds memory b) private pure returns (Bounds memory) {
        if (isFloat) return Bounds(Binary32.min(a.lo, b.lo), Binary32.max(a.hi, b.hi));
        return Bounds(
            int256(a.lo) < int256(b.lo) ? a.lo : b.lo,
            int256(a.hi) > int256(b.hi) ? a.hi : b.hi
        );
    }
}
