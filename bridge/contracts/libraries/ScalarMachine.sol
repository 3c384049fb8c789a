// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Binary32} from "./Binary32.sol";
import {Elements} from "./Elements.sol";

/// @title The straight-line scalar programs of MAP
/// @notice Twin of executor/tensor/scalar.ts. Values are those of `Elements`: I an integer, F a binary32. A body that is not
/// well-formed reverts, and so does a result that no well-formed program has: |v| >= 2^53, infinity, a division by zero.
library ScalarMachine {
    /// @notice Lengths, codes, sources, types or unused fields are wrong.
    error BadBody();
    /// @notice An integer reaches 2^53.
    error IntegerTooLarge();

    uint256 internal constant ADD = 1;
    uint256 internal constant SUB = 2;
    uint256 internal constant MUL = 3;
    uint256 internal constant DIV = 4;
    uint256 internal constant MIN = 5;
    uint256 internal constant MAX = 6;
    uint256 internal constant LT = 7;
    uint256 internal constant LE = 8;
    uint256 internal constant EQ = 9;
    uint256 internal constant SEL = 10;
    uint256 internal constant FADD = 16;
    uint256 internal constant FSUB = 17;
    uint256 internal constant FMUL = 18;
    uint256 internal constant FDIV = 19;
    uint256 internal constant FSQRT = 20;
    uint256 internal constant FNEG = 21;
    uint256 internal constant FABS = 22;
    uint256 internal constant FMIN = 23;
    uint256 internal constant FMAX = 24;
    uint256 internal constant FFLOOR = 25;
    uint256 internal constant FRNE = 26;
    uint256 internal constant FLT = 27;
    uint256 internal constant FLE = 28;
    uint256 internal constant FEQ = 29;
    uint256 internal constant FSEL = 30;
    uint256 internal constant I2F = 32;
    uint256 internal constant F2I = 33;
    uint256 internal constant QU8 = 34;
    uint256 internal constant QI8 = 35;
    uint256 internal constant POW2 = 36;

    /// @dev A signature: how many operands (two bits), whether the first, the others, the result are F (a bit each).
    uint256 private constant FIRST_F = 4;
    uint256 private constant OTHERS_F = 8;
    uint256 private constant RESULT_F = 16;
    uint256 private constant II_I = 2;
    uint256 private constant III_I = 3;
    uint256 private constant FF_F = 2 | FIRST_F | OTHERS_F | RESULT_F;
    uint256 private constant F_F = 1 | FIRST_F | RESULT_F;
    uint256 private constant FF_I = 2 | FIRST_F | OTHERS_F;
    uint256 private constant IFF_F = 3 | OTHERS_F | RESULT_F;
    uint256 private constant I_F = 1 | RESULT_F;
    uint256 private constant F_I = 1 | FIRST_F;
    uint256 private constant FI_I = 2 | FIRST_F;

    /// @dev Signatures by code, five bits each; 0 where no instruction has the code.
    uint256 private constant SIGNATURES = (II_I << (5 * ADD)) | (II_I << (5 * SUB)) | (II_I << (5 * MUL))
        | (II_I << (5 * DIV)) | (II_I << (5 * MIN)) | (II_I << (5 * MAX)) | (II_I << (5 * LT)) | (II_I << (5 * LE))
        | (II_I << (5 * EQ)) | (III_I << (5 * SEL)) | (FF_F << (5 * FADD)) | (FF_F << (5 * FSUB)) | (FF_F << (5 * FMUL))
        | (FF_F << (5 * FDIV)) | (F_F << (5 * FSQRT)) | (F_F << (5 * FNEG)) | (F_F << (5 * FABS)) | (FF_F << (5 * FMIN))
        | (FF_F << (5 * FMAX)) | (F_F << (5 * FFLOOR)) | (F_F << (5 * FRNE)) | (FF_I << (5 * FLT)) | (FF_I << (5 * FLE))
        | (FF_I << (5 * FEQ)) | (IFF_F << (5 * FSEL)) | (I_F << (5 * I2F)) | (F_I << (5 * F2I)) | (FI_I << (5 * QU8))
        | (FI_I << (5 * QI8)) | (I_F << (5 * POW2));

    uint256 private constant MOST_INSTRUCTIONS = 64;
    uint256 private constant MOST_OPERANDS = 8;
    /// @dev Source bytes: below 64 an earlier result, from here on an operand, IMMEDIATE the instruction's last four bytes.
    uint256 private constant OPERAND = 0x80;
    uint256 private constant IMMEDIATE = 0xff;

    /// @notice How many operands an instruction has, and which are F.
    struct Signature {
        uint256 arity;
        bool isFirstFloat;
        bool areOthersFloat;
        bool isResultFloat;
    }

    /// @param table In memory: 64 words of results, then the operands.
    /// @param integers Bit s: source s exists and is I.
    /// @param floats Bit s: source s exists and is F; the immediate's bit marks this set.
    struct Sources {
        uint256 table;
        uint256 integers;
        uint256 floats;
    }

    /// @notice The packed element of a MAP.
    /// @param body The record's: u8 m, then m instructions of eight bytes.
    /// @param operands Values, as `Elements.decode` gives them.
    /// @param floats Bit j: operand j is of dtype f32.
    /// @param dtype Of the output.
    function element(bytes calldata body, uint256[] memory operands, uint256 floats, uint256 dtype)
        internal
        pure
        returns (uint256 packed)
    {
        (uint256 value, bool isFloat) = run(body, operands, floats);
        // INVARIANT: the last type is the output's.
        if (isFloat != (dtype == Elements.F32)) revert BadBody();
        return Elements.encode(dtype, value);
    }

    /// @notice The last result of a body, and whether it is F. Parameters as of `element`.
    function run(bytes calldata body, uint256[] memory operands, uint256 floats)
        internal
        pure
        returns (uint256 value, bool isFloat)
    {
        unchecked {
            if (body.length == 0) revert BadBody();
            uint256 count = uint8(body[0]);
            if (count == 0 || count > MOST_INSTRUCTIONS || body.length != 1 + 8 * count) revert BadBody();
            Sources memory sources = _sources(operands, floats);
            for (uint256 i; i < count; ++i) {
                uint256 code;
                assembly ("memory-safe") {
                    code := shr(192, calldataload(add(add(body.offset, 1), shl(3, i))))
                }
                (value, isFloat) = _step(sources, code);
                uint256 table = sources.table;
                assembly ("memory-safe") {
                    mstore(add(table, shl(5, i)), value)
                }
                if (isFloat) sources.floats |= 1 << i;
                else sources.integers |= 1 << i;
            }
        }
    }

    function _sources(uint256[] memory operands, uint256 floats) private pure returns (Sources memory sources) {
        unchecked {
            uint256 count = operands.length;
            if (count > MOST_OPERANDS) revert BadBody();
            uint256[] memory table = new uint256[](MOST_INSTRUCTIONS + count);
            uint256 start;
            assembly ("memory-safe") {
                start := add(table, 32)
                mcopy(add(start, shl(5, MOST_INSTRUCTIONS)), add(operands, 32), shl(5, count))
            }
            uint256 all = (1 << count) - 1;
            sources.table = start;
            sources.integers = (all & ~floats) << OPERAND;
            sources.floats = ((all & floats) << OPERAND) | (1 << IMMEDIATE);
        }
    }

    /// @param code u8 op, u8 a, u8 b, u8 c, u32 immediate.
    function _step(Sources memory sources, uint256 code) private pure returns (uint256 value, bool isFloat) {
        unchecked {
            uint256 op = code >> 56;
            uint256 signature = _signatureOf(code);
            uint256 arity = signature & 3;
            uint256 a = _load(sources.table, signature & FIRST_F == 0 ? sources.integers : sources.floats, code >> 48, code);
            uint256 b;
            uint256 c;
            if (arity > 1) {
                uint256 others = signature & OTHERS_F == 0 ? sources.integers : sources.floats;
                b = _load(sources.table, others, code >> 40, code);
                if (arity > 2) c = _load(sources.table, others, code >> 32, code);
            }
            value = evaluate(op, a, b, c);
            isFloat = signature & RESULT_F != 0;
            // INVARIANT: an integer is exact in every implementation.
            if (!isFloat && value + (2 ** 53 - 1) > 2 * (2 ** 53 - 1)) revert IntegerTooLarge();
        }
    }

    /// @notice The value of an instruction that there is.
    function evaluate(uint256 op, uint256 a, uint256 b, uint256 c) internal pure returns (uint256) {
        if (op < FADD) return uint256(_integer(op, int256(a), int256(b), int256(c)));
        return op < I2F ? _float(op, a, b, c) : _convert(op, a, int256(b));
    }

    /// @notice Operands and types of an instruction of eight bytes.
    function signatureOf(uint256 code) internal pure returns (Signature memory) {
        uint256 signature = _signatureOf(code);
        return Signature(signature & 3, signature & FIRST_F != 0, signature & OTHERS_F != 0, signature & RESULT_F != 0);
    }

    /// @notice What an instruction's last four bytes are to an operand that names them.
    function immediateOf(uint256 code, bool isFloat) internal pure returns (uint256) {
        return isFloat ? Binary32.canonical(code & 0xffffffff) : uint256(int256(int32(uint32(code))));
    }

    function _signatureOf(uint256 code) private pure returns (uint256 signature) {
        unchecked {
            uint256 op = code >> 56;
            signature = (op > POW2 ? 0 : SIGNATURES >> (5 * op)) & 31;
            uint256 arity = signature & 3;
            // INVARIANT: the instruction exists, and the sources that it does not have are 0.
            if (arity == 0 || (code >> 32) & (0xffffff >> (8 * arity)) != 0) revert BadBody();
            // INVARIANT: an immediate that no source names is 0.
            if (code & 0xffffffff != 0 && !_namesImmediate(code)) revert BadBody();
        }
    }

    /// @dev A source that the instruction does not have is 0 where this is asked.
    function _namesImmediate(uint256 code) private pure returns (bool) {
        unchecked {
            return (code >> 48) & 0xff == IMMEDIATE || (code >> 40) & 0xff == IMMEDIATE || (code >> 32) & 0xff == IMMEDIATE;
        }
    }

    /// @param known The sources of the type that the instruction takes.
    /// @param source In its last byte.
    function _load(uint256 table, uint256 known, uint256 source, uint256 code) private pure returns (uint256 value) {
        unchecked {
            source &= 0xff;
            if (source == IMMEDIATE) {
                return immediateOf(code, known >> IMMEDIATE != 0);
            }
            // INVARIANT: the source exists and has the type.
            if ((known >> source) & 1 == 0) revert BadBody();
            assembly ("memory-safe") {
                // An operand's bit 7 becomes bit 6.
                value := mload(add(table, shl(5, sub(source, shr(1, and(source, OPERAND))))))
            }
        }
    }

    function _integer(uint256 op, int256 a, int256 b, int256 c) private pure returns (int256) {
        unchecked {
            if (op < MIN) {
                if (op == ADD) return a + b;
                if (op == SUB) return a - b;
                if (op == MUL) return a * b;
                if (b == 0) revert Binary32.OutsideDomain();
                return a / b;
            }
            if (op == MIN) return a < b ? a : b;
            if (op == MAX) return a > b ? a : b;
            if (op == SEL) return a != 0 ? b : c;
            return _truth(op == LT ? a < b : op == LE ? a <= b : a == b);
        }
    }

    function _float(uint256 op, uint256 a, uint256 b, uint256 c) private pure returns (uint256) {
        if (op < FNEG) {
            if (op == FMUL) return Binary32.mul(a, b);
            if (op == FADD) return Binary32.add(a, b);
            if (op == FSUB) return Binary32.sub(a, b);
            return op == FDIV ? Binary32.div(a, b) : Binary32.sqrt(a);
        }
        if (op < FLT) {
            if (op == FMIN) return Binary32.min(a, b);
            if (op == FMAX) return Binary32.max(a, b);
            if (op == FNEG) return Binary32.neg(a);
            if (op == FABS) return Binary32.abs(a);
            return op == FRNE ? Binary32.rne(a) : Binary32.floor(a);
        }
        if (op == FSEL) return a != 0 ? b : c;
        return uint256(_truth(op == FLT ? Binary32.lt(a, b) : op == FLE ? Binary32.le(a, b) : a == b));
    }

    function _convert(uint256 op, uint256 a, int256 zero) private pure returns (uint256) {
        unchecked {
            if (op == I2F) return Binary32.fromInt(int256(a));
            if (op == POW2) return Binary32.pow2(int256(a));
            int256 nearest = Binary32.toInt(a);
            if (op == F2I) return uint256(nearest);
            (int256 lo, int256 hi) = op == QU8 ? (int256(0), int256(255)) : (int256(-128), int256(127));
            nearest += zero;
            return uint256(nearest < lo ? lo : nearest > hi ? hi : nearest);
        }
    }

    function _truth(bool condition) private pure returns (int256 result) {
        assembly ("memory-safe") {
            result := condition
        }
    }
}
