// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {IProgramRules, Named, Sums} from "../interfaces/IProgramRules.sol";
import {Binary32} from "../libraries/Binary32.sol";
import {Elements} from "../libraries/Elements.sol";
import {Guard, Operand, Operator, Program} from "../libraries/Program.sol";
import {Bounds, ProgramIntervals} from "./ProgramIntervals.sol";

/// @title ProgramRules
/// @notice C1 to C16 of executor/tensor/SPEC.md, in the order of the text where that matters to none.
contract ProgramRules is IProgramRules {
    uint256 private constant MOST_INPUTS = 64;
    uint256 private constant MOST_OPERATORS = 65_535;
    uint256 private constant MOST_CONSTANTS = 65_534;
    uint256 private constant MOST_OUTPUTS = 64;
    uint256 private constant MOST_META = 8_192;
    uint256 private constant MOST_RECORDS = 2 ** 26;
    uint256 private constant MOST_DATA = 2 ** 34;
    uint256 private constant MOST_RECORD = 8_192;
    uint256 private constant MOST_ELEMENTS = 2 ** 26;
    uint256 private constant MOST_TENSOR_BYTES = 2 ** 30;
    uint256 private constant MOST_READS = 4_096;
    uint256 private constant MOST_RUNS = 1_536;
    uint256 private constant MOST_OPENING = 98_304;
    uint256 private constant MOST_AXES = 8;
    uint256 private constant MOST_REDUCTION = 4;
    uint256 private constant MOST_OPERANDS = 8;
    uint256 private constant MOST_GUARDS = 4;
    uint256 private constant MOST_INSTRUCTIONS = 64;
    uint256 private constant FOLDS = 4;
    uint256 private constant SUM = 0;
    uint256 private constant ARGMAX = 3;

    /// @dev "ASPG", format 2, numeric profile 1.
    uint256 private constant OPENING = 0x41535047_0002_0001;

    ProgramIntervals public immutable INTERVALS;

    constructor(ProgramIntervals intervals) {
        INTERVALS = intervals;
    }

    // --- header and constants ------------------------------------------------------------------------------------------

    /// @inheritdoc IProgramRules
    function header(bytes calldata bytes_, uint64 length) external pure returns (bool) {
        if (bytes_.length != Program.HEADER_SIZE || _uint(bytes_, 0, 8) != OPENING) return false;
        uint256 inputs = _uint(bytes_, 8, 4);
        uint256 operators = _uint(bytes_, 12, 4);
        uint256 constants = _uint(bytes_, 16, 4);
        uint256 outputs = _uint(bytes_, 20, 4);
        if (inputs == 0 || inputs > MOST_INPUTS || operators < inputs || operators > MOST_OPERATORS) return false;
        if (constants > MOST_CONSTANTS || outputs == 0 || outputs > MOST_OUTPUTS) return false;
        uint256 data = _uint(bytes_, 32, 8);
        uint256 records = _uint(bytes_, 40, 4);
        uint256 meta = _uint(bytes_, 44, 4);
        if (data > MOST_DATA || records > MOST_RECORDS || meta > MOST_META) return false;
        if (_uint(bytes_, 24, 8) >= 2 ** 53 || _uint(bytes_, 80, 16) != 0) return false;
        uint256 front = Program.HEADER_SIZE + Program.CONSTANT_RECORD_SIZE * constants + records;
        return front + Program.OUTPUT_SIZE * outputs + meta + data == length;
    }

    /// @inheritdoc IProgramRules
    function constant_(bytes calldata record) external pure returns (bool ok, uint64 size, uint64 weight) {
        uint256 dtype = uint8(record[0]);
        uint256 count = _uint(record, 4, 4);
        if (!_isDtype(dtype) || _uint(record, 1, 3) != 0 || count == 0 || count > MOST_ELEMENTS) return (false, 0, 0);
        (bool formed, Bounds memory bounds) = _boundsAt(record, Program.CONSTANT_BOUNDS, dtype);
        if (!formed || !_lies(dtype, bounds)) return (false, 0, 0);
        if (dtype <= Elements.I8) {
            (int256 lo, int256 hi) = _rangeOf(dtype);
            if (int256(bounds.lo) != lo || int256(bounds.hi) != hi) return (false, 0, 0);
        }
        size = uint64(count * Elements.bytesOf(dtype));
        return (true, size, size);
    }

    // --- operators -------------------------------------------------------------------------------------------------------

    /// @inheritdoc IProgramRules
    function measure(bytes calldata region) external pure returns (uint16, uint32[] memory sources) {
        if (region.length < Program.RECORD_HEAD || uint8(region[0]) > Program.MAP || region[5] != 0) return (0, sources);
        uint256 axes = uint8(region[2]);
        if (axes == 0 || axes > MOST_AXES || uint8(region[3]) > MOST_REDUCTION) return (0, sources);
        axes += uint8(region[3]);
        uint256 operands = uint8(region[4]);
        if (operands > MOST_OPERANDS) return (0, sources);
        uint32[] memory found = new uint32[](operands);
        uint256 size = Program.RECORD_HEAD + 4 * axes + 16;
        for (uint256 j; j < operands; ++j) {
            if (region.length < size + 8) return (0, sources);
            found[j] = uint32(_uint(region, size, 4));
            uint256 guards = uint8(region[size + 5]);
            if (!_isDtype(uint8(region[size + 4])) || guards > MOST_GUARDS || _uint(region, size + 6, 2) != 0) {
                return (0, sources);
            }
            size += 20 + 8 * axes + guards * (12 + 8 * axes);
        }
        uint256 body = _uint(region, 6, 2);
        if (size + body > region.length || size + body > MOST_RECORD) return (0, sources);
        if (!_bodyFits(uint8(region[0]), region[size:size + body])) return (0, sources);
        return (uint16(size + body), found);
    }

    /// @dev The length of the kind's body, and codes in it.
    function _bodyFits(uint256 kind, bytes calldata body) private pure returns (bool) {
        if (kind <= Program.MOVE) return body.length == 8;
        if (kind == Program.GATHER) return body.length == 20 && _uint(body, 8, 4) != 0;
        if (kind == Program.CONTRACT) return body.length == 4;
        if (kind == Program.REDUCE) return body.length == 1 && uint8(body[0]) < FOLDS;
        if (kind == Program.TOPK) return body.length == 0;
        if (body.length == 0) return false;
        uint256 count = uint8(body[0]);
        return count != 0 && count <= MOST_INSTRUCTIONS && body.length == 1 + 8 * count;
    }

    /// @inheritdoc IProgramRules
    function operator_(
        bytes calldata header_,
        uint32 index,
        bytes calldata record,
        Sums calldata sums,
        Named[] calldata named
    ) external view returns (bool ok, Sums memory next) {
        if (!_isDtype(uint8(record[1]))) return (false, next);
        Operator memory op = Program.decodeOperator(record);
        (bool formed, Bounds memory declared) =
            _boundsAt(record, Program.RECORD_HEAD + 4 * op.extents.length, op.dtype);
        if (!formed || !_shapeFits(op) || !_dtypesFit(op) || !_lies(op.dtype, declared)) return (false, next);
        next = sums;
        uint256 count = Program.countOf(op);
        uint256 reads = _reads(op);
        // C5
        if (count == 0 || count > MOST_ELEMENTS || reads == 0 || count * reads >= 2 ** 31) return (false, next);
        uint256 tensorBytes = sums.tensorBytes + count * Elements.bytesOf(op.dtype);
        if (tensorBytes > MOST_TENSOR_BYTES) return (false, next);
        next.tensorBytes = uint64(tensorBytes);
        // C2
        bool isInput = index < _uint(header_, 8, 4);
        if ((op.kind == Program.INPUT) != isInput) return (false, next);
        if (isInput) {
            uint256 offset = Program.inputOffset(op);
            if (offset % 32 != 0 || offset < sums.inputEnd || offset >= 2 ** 32) return (false, next);
            offset += 32 * Program.wordsOf(op.dtype, count);
            if (offset >= 2 ** 32) return (false, next);
            next.inputEnd = uint64(offset);
        }
        if (!_sourcesFit(op, named) || !_sizesFit(op)) return (false, next);
        // C7, C8
        if (reads > MOST_READS || _walkedRuns(op) > MOST_RUNS || _openings(op) > MOST_OPENING) return (false, next);
        if (!_ranksFit(op)) return (false, next);
        (bool isBounded, Bounds memory computed) = _computed(op, named, declared, reads);
        if (!isBounded || !_contains(op.dtype, declared, computed)) return (false, next);
        next.weight = uint64(sums.weight + _weight(op, count, reads) + 64 * record.length);
        return (true, next);
    }

    /// @dev C1: axes, operands and guards of the kind.
    function _shapeFits(Operator memory op) private pure returns (bool) {
        uint256 kind = op.kind;
        uint256 reduction = op.extents.length - op.outputAxes;
        bool folds = kind == Program.CONTRACT || kind == Program.REDUCE || kind == Program.TOPK;
        if (folds != (reduction != 0)) return false;
        uint256 n = op.operands.length;
        if (kind == Program.INPUT) {
            if (n != 0) return false;
        } else if (kind == Program.GATHER) {
            if (n != 2) return false;
        } else if (kind == Program.CONTRACT) {
            if (n < 2 || n > 3) return false;
        } else if (kind == Program.MOVE || kind == Program.MAP) {
            if (n == 0) return false;
        } else if (n != 1) {
            return false;
        }
        for (uint256 j; j < n; ++j) {
            bool isGuarded = kind == Program.MOVE || kind == Program.REDUCE || (kind == Program.CONTRACT && j == 0);
            if (!isGuarded && op.operands[j].guards.length != 0) return false;
        }
        return true;
    }

    /// @dev C1 and C12: dtypes of the kind.
    function _dtypesFit(Operator memory op) private pure returns (bool) {
        uint256 kind = op.kind;
        if (kind == Program.INPUT || kind == Program.MAP) return true;
        uint256 a = op.operands[0].dtype;
        if (kind == Program.MOVE) {
            for (uint256 j; j < op.operands.length; ++j) {
                if (op.operands[j].dtype != op.dtype) return false;
            }
            return true;
        }
        if (kind == Program.GATHER) return a <= Elements.I32 && op.operands[1].dtype == op.dtype;
        if (kind == Program.CONTRACT) {
            return a <= Elements.I8 && op.operands[1].dtype <= Elements.I8 && op.dtype == Elements.I32;
        }
        if (kind == Program.TOPK) return op.dtype == Elements.I32;
        uint256 fold = uint8(op.body[0]);
        if (fold == SUM) return a != Elements.F32 && (op.dtype == Elements.I32 || op.dtype == Elements.I64);
        return op.dtype == (fold == ARGMAX ? Elements.I32 : a);
    }

    /// @dev C3, C4.
    function _sourcesFit(Operator memory op, Named[] calldata named) private pure returns (bool) {
        for (uint256 j; j < op.operands.length; ++j) {
            Operand memory operand = op.operands[j];
            if (!named[j].exists || named[j].dtype != operand.dtype || named[j].count != operand.count) return false;
        }
        return true;
    }

    /// @dev C5: numbers of addresses and guards.
    function _sizesFit(Operator memory op) private pure returns (bool) {
        for (uint256 j; j < op.operands.length; ++j) {
            Operand memory operand = op.operands[j];
            uint256 gathered;
            if (op.kind == Program.GATHER && j == 1) {
                (int256 first, uint256 num, int256 step) = _gatherOf(op);
                if (!_isCoefficient(first) || !_isCoefficient(step)) return false;
                gathered = _abs(step) * (num - 1);
            }
            if (!_affineFits(op, operand.base, operand.stride, gathered)) return false;
            for (uint256 g; g < operand.guards.length; ++g) {
                Guard memory guard = operand.guards[g];
                if (!_affineFits(op, guard.off, guard.coef, 0)) return false;
            }
        }
        return true;
    }

    function _affineFits(Operator memory op, int256 constant0, int256[] memory coefficients, uint256 more)
        private
        pure
        returns (bool)
    {
        if (!_isCoefficient(constant0)) return false;
        uint256 size = _abs(constant0) + more;
        for (uint256 x; x < coefficients.length; ++x) {
            if (!_isCoefficient(coefficients[x])) return false;
            size += _abs(coefficients[x]) * (op.extents[x] - 1);
        }
        return size < 2 ** 52;
    }

    function _isCoefficient(int256 v) private pure returns (bool) {
        return _abs(v) < 2 ** 40;
    }

    /// @dev C12: ranks and bias.
    function _ranksFit(Operator memory op) private pure returns (bool) {
        if (op.kind == Program.TOPK) {
            uint256 last = op.outputAxes - 1;
            return op.extents[last] <= _reads(op) && op.operands[0].stride[last] == 0;
        }
        if (op.kind != Program.CONTRACT || op.operands.length < 3) return true;
        Operand memory bias = op.operands[2];
        for (uint256 x = op.outputAxes; x < op.extents.length; ++x) {
            if (bias.stride[x] != 0) return false;
        }
        return bias.dtype == Elements.I32;
    }

    /// @dev C7: runs in which one element's reads fall. Twin of `walkedRuns` in executor/tensor/address.ts.
    function _walkedRuns(Operator memory op) private pure returns (uint256) {
        uint256 length = 1;
        bool free = true;
        uint256 factors = op.kind == Program.CONTRACT ? 2 : op.operands.length == 0 ? 0 : 1;
        for (uint256 x = op.extents.length; x > op.outputAxes;) {
            --x;
            if (op.extents[x] == 1) continue;
            bool isNext = true;
            for (uint256 j; j < factors; ++j) {
                Operand memory operand = op.operands[j];
                if (operand.stride[x] != int256(length)) isNext = false;
                for (uint256 g; g < operand.guards.length; ++g) {
                    if (operand.guards[g].coef[x] != 0) free = false;
                }
            }
            if (!isNext || (length > 1 && !free)) break;
            length *= op.extents[x];
        }
        return _reads(op) / length;
    }

    /// @dev C8: bytes that open all operands of one element.
    function _openings(Operator memory op) private pure returns (uint256 bytes_) {
        for (uint256 j; j < op.operands.length; ++j) {
            Operand memory operand = op.operands[j];
            (uint256 runs, uint256 length) = (1, 1);
            bool isMerging = true;
            for (uint256 x = op.extents.length; x > op.outputAxes;) {
                --x;
                if (op.extents[x] == 1 || operand.stride[x] == 0) continue;
                if (operand.stride[x] != int256(length)) isMerging = false;
                if (isMerging) length *= op.extents[x];
                else runs *= op.extents[x];
            }
            uint256 words = runs * (Program.wordsOf(operand.dtype, length) + 1);
            uint256 all = Program.wordsOf(operand.dtype, operand.count);
            uint256 height = Program.ceilLog2(all);
            uint256 shared = _log2(runs);
            uint256 siblings = 2 * runs * (height - (shared < height ? shared : height) + 1);
            bytes_ += 32 * ((words < all ? words : all) + siblings);
        }
    }

    // --- intervals -------------------------------------------------------------------------------------------------------

    /// @dev C9, C10: bounds of the output; false where there are none.
    function _computed(Operator memory op, Named[] calldata named, Bounds memory declared, uint256 reads)
        private
        view
        returns (bool, Bounds memory bounds)
    {
        uint256 kind = op.kind;
        if (kind == Program.INPUT) return (true, declared);
        if (kind == Program.TOPK) return (true, Bounds(0, reads - 1));
        if (kind == Program.CONTRACT) return _contracted(op, named, reads);
        if (kind == Program.MAP) return _mapped(op, named);
        if (kind == Program.GATHER) return (true, _read(op, 1, named));
        if (kind == Program.MOVE) return _moved(op, named);
        uint256 fold = uint8(op.body[0]);
        if (fold == ARGMAX) return (true, Bounds(0, reads - 1));
        bounds = _read(op, 0, named);
        bool isWhole = op.operands[0].guards.length == 0;
        if (fold != SUM) return (true, isWhole ? bounds : _withZero(op.dtype, bounds));
        uint256 limit = op.dtype == Elements.I32 ? 2 ** 31 : 2 ** 53;
        if (reads * _magnitude(bounds, 0) >= limit) return (false, bounds);
        if (!isWhole) bounds = _withZero(op.dtype, bounds);
        return (true, Bounds(uint256(int256(reads) * int256(bounds.lo)), uint256(int256(reads) * int256(bounds.hi))));
    }

    function _moved(Operator memory op, Named[] calldata named) private pure returns (bool, Bounds memory bounds) {
        bytes memory body = op.body;
        (bool formed, uint256 fill) = _boundOf(_uint64(body, 0), op.dtype);
        if (!formed || !_lies(op.dtype, Bounds(fill, fill))) return (false, bounds);
        bool isFilled = true;
        for (uint256 j; j < op.operands.length; ++j) {
            Bounds memory next = _read(op, j, named);
            bounds = j == 0 ? next : _union(op.dtype, bounds, next);
            if (op.operands[j].guards.length == 0) isFilled = false;
        }
        return (true, isFilled ? _union(op.dtype, bounds, Bounds(fill, fill)) : bounds);
    }

    function _contracted(Operator memory op, Named[] calldata named, uint256 reads)
        private
        pure
        returns (bool, Bounds memory bounds)
    {
        uint256 bound = reads;
        for (uint256 j; j < 2; ++j) {
            (int256 lo, int256 hi) = _rangeOf(op.operands[j].dtype);
            int256 zero = int256(int16(uint16(_uint64(op.body, 0) >> (48 - 16 * j))));
            if (zero < lo || zero > hi) return (false, bounds);
            bound *= _magnitude(Bounds(uint256(lo), uint256(hi)), zero);
        }
        if (op.operands.length > 2) bound += _magnitude(_read(op, 2, named), 0);
        if (bound >= 2 ** 31) return (false, bounds);
        return (true, Bounds(uint256(-int256(bound)), bound));
    }

    function _mapped(Operator memory op, Named[] calldata named) private view returns (bool, Bounds memory bounds) {
        Bounds[] memory given = new Bounds[](op.operands.length);
        uint256 floats;
        for (uint256 j; j < given.length; ++j) {
            given[j] = _read(op, j, named);
            if (op.operands[j].dtype == Elements.F32) floats |= 1 << j;
        }
        try INTERVALS.bounds(op.body, given, floats) returns (Bounds memory result, bool isFloat) {
            return (isFloat == (op.dtype == Elements.F32), result);
        } catch (bytes memory reason) {
            // INVARIANT: what has no bounds says so by an error's name; without one the gas ran out.
            if (reason.length != 4) revert ILeafRules.NotEnoughGas();
            return (false, bounds);
        }
    }

    /// @dev Bounds of what operand `j` reads: 0 is among them unless every address, guards left out, lies in the tensor.
    function _read(Operator memory op, uint256 j, Named[] calldata named) private pure returns (Bounds memory bounds) {
        Operand memory operand = op.operands[j];
        (, uint256 lo) = _boundOf(named[j].lo, operand.dtype);
        (, uint256 hi) = _boundOf(named[j].hi, operand.dtype);
        bounds = Bounds(lo, hi);
        (int256 least, int256 most) = (operand.base, operand.base);
        for (uint256 x; x < op.extents.length; ++x) {
            int256 span = operand.stride[x] * int256(op.extents[x] - 1);
            if (span < 0) least += span;
            else most += span;
        }
        if (op.kind == Program.GATHER && j == 1) {
            (, uint256 num, int256 step) = _gatherOf(op);
            int256 span = step * int256(num - 1);
            if (span < 0) least += span;
            else most += span;
        }
        if (least < 0 || most >= int256(operand.count)) return _withZero(operand.dtype, bounds);
    }

    function _gatherOf(Operator memory op) private pure returns (int256 first, uint256 num, int256 step) {
        first = int256(int64(_uint64(op.body, 0)));
        num = _uint64(op.body, 8) >> 32;
        step = int256(int64(_uint64(op.body, 12)));
    }

    function _withZero(uint256 dtype, Bounds memory bounds) private pure returns (Bounds memory) {
        return _union(dtype, bounds, Bounds(0, 0));
    }

    function _union(uint256 dtype, Bounds memory a, Bounds memory b) private pure returns (Bounds memory) {
        return Bounds(_isLess(dtype, a.lo, b.lo) ? a.lo : b.lo, _isLess(dtype, a.hi, b.hi) ? b.hi : a.hi);
    }

    function _contains(uint256 dtype, Bounds memory outer, Bounds memory inner) private pure returns (bool) {
        return !_isLess(dtype, inner.lo, outer.lo) && !_isLess(dtype, outer.hi, inner.hi);
    }

    function _isLess(uint256 dtype, uint256 a, uint256 b) private pure returns (bool) {
        return dtype == Elements.F32 ? Binary32.lt(a, b) : int256(a) < int256(b);
    }

    function _magnitude(Bounds memory bounds, int256 zero) private pure returns (uint256) {
        uint256 a = _abs(int256(bounds.lo) - zero);
        uint256 b = _abs(int256(bounds.hi) - zero);
        return a > b ? a : b;
    }

    /// @dev C9, C14: values of the dtype, in order.
    function _lies(uint256 dtype, Bounds memory bounds) private pure returns (bool) {
        if (_isLess(dtype, bounds.hi, bounds.lo)) return false;
        if (dtype == Elements.F32) return true;
        (int256 lo, int256 hi) = _rangeOf(dtype);
        return int256(bounds.lo) >= lo && int256(bounds.hi) <= hi;
    }

    /// @dev Of an integer dtype.
    function _rangeOf(uint256 dtype) private pure returns (int256 lo, int256 hi) {
        if (dtype == Elements.U8) return (0, 255);
        if (dtype == Elements.I8) return (-128, 127);
        if (dtype == Elements.I32) return (-(2 ** 31), 2 ** 31 - 1);
        return (-(2 ** 53 - 1), 2 ** 53 - 1);
    }

    function _boundsAt(bytes calldata record, uint256 offset, uint256 dtype)
        private
        pure
        returns (bool, Bounds memory bounds)
    {
        (bool first, uint256 lo) = _boundOf(_uint(record, offset, 8), dtype);
        (bool second, uint256 hi) = _boundOf(_uint(record, offset + 8, 8), dtype);
        return (first && second, Bounds(lo, hi));
    }

    /// @dev A value from eight bytes; false for what is no finite binary32 or a zero with a sign.
    function _boundOf(uint256 bits, uint256 dtype) private pure returns (bool, uint256) {
        if (dtype != Elements.F32) return (true, uint256(int256(int64(uint64(bits)))));
        bool ok = bits <= 0xffffffff && bits & Binary32.MAGNITUDE < Binary32.INFINITY && bits != Binary32.SIGN;
        return (ok, bits);
    }

    // --- weights ---------------------------------------------------------------------------------------------------------

    /// @dev Units of computing the output. Twin of executor/tensor/gas.ts.
    function _weight(Operator memory op, uint256 count, uint256 reads) private view returns (uint256) {
        uint256 kind = op.kind;
        if (kind == Program.INPUT) return count;
        if (kind == Program.MOVE) return 2 * count;
        if (kind == Program.GATHER) return 8 * count;
        if (kind == Program.CONTRACT) return count * (reads + 8);
        if (kind == Program.REDUCE) return 2 * count * reads;
        if (kind == Program.TOPK) {
            uint256 rows = count / op.extents[op.outputAxes - 1];
            return 8 * rows * reads * Program.ceilLog2(reads) + 8 * count;
        }
        return count * (2 + INTERVALS.weightOf(op.body));
    }

    // --- output ----------------------------------------------------------------------------------------------------------

    /// @inheritdoc IProgramRules
    function output(bytes calldata header_, bytes calldata entry, bytes calldata record, Sums calldata sums)
        external
        pure
        returns (bool ok, Sums memory next)
    {
        next = sums;
        uint256 index = _uint(entry, 0, 4);
        if (record.length == 0 || index < sums.nextOutput || _uint(entry, 4, 4) != 0) return (false, next);
        Operator memory op = Program.decodeOperator(record);
        uint256 size = 32 * Program.wordsOf(op.dtype, Program.countOf(op));
        size += sums.openingBytes + 2 + record.length + 64 * Program.ceilLog2(_uint(header_, 12, 4) + 1);
        next.openingBytes = uint32(size);
        next.nextOutput = uint32(index + 1);
        return (size <= MOST_OPENING, next);
    }

    // --- numbers -----------------------------------------------------------------------------------------------------------

    function _isDtype(uint256 dtype) private pure returns (bool) {
        return dtype != 0 && dtype <= Elements.F32;
    }

    /// @dev Points of the reduction: of at most four axes.
    function _reads(Operator memory op) private pure returns (uint256 reads) {
        reads = 1;
        for (uint256 x = op.outputAxes; x < op.extents.length; ++x) reads *= op.extents[x];
    }

    function _abs(int256 v) private pure returns (uint256) {
        return uint256(v < 0 ? -v : v);
    }

    /// @dev Position of the leading one.
    function _log2(uint256 n) private pure returns (uint256 r) {
        while (n >> (r + 1) != 0) ++r;
    }

    /// @dev `size` big-endian bytes.
    function _uint(bytes calldata data, uint256 offset, uint256 size) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), calldataload(add(data.offset, offset)))
        }
    }

    function _uint64(bytes memory data, uint256 offset) private pure returns (uint64 value) {
        assembly ("memory-safe") {
            value := shr(192, mload(add(add(data, 32), offset)))
        }
    }
}
