// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules, Past} from "./interfaces/ILeafRules.sol";
import {ITensorStepVerifier} from "./interfaces/ITensorStepVerifier.sol";
import {DotProduct} from "./libraries/DotProduct.sol";
import {Elements} from "./libraries/Elements.sol";
import {Evidence, EvidenceReader} from "./libraries/Evidence.sol";
import {NodeHash} from "./libraries/Ids.sol";
import {Lefts} from "./libraries/Lefts.sol";
import {Inference, MachineState, Reference} from "./libraries/MachineState.sol";
import {Operand, Operator, Program, ProgramShape} from "./libraries/Program.sol";
import {ScalarMachine} from "./libraries/ScalarMachine.sol";
import {Tag} from "./libraries/Tag.sol";
import {Run, TensorAccess} from "./libraries/TensorAccess.sol";
import {TensorOpening, WordTree} from "./libraries/TensorOpening.sol";

/// @notice A step of level 3 in work.
/// @param operator Its index.
struct Step {
    Evidence evidence;
    ProgramShape shape;
    Operator op;
    uint256 operator;
    uint256 position;
    NodeHash[] lefts;
}

/// @notice What is read through one operand; the runs' places are addresses in memory.
struct Reads {
    uint256 dtype;
    uint256 size;
    Run[] runs;
}

/// @title One element of one operator's output
/// @notice Twin of executor/tensor/{reference,step-proof}.ts. Packed elements are their bytes in order, right-aligned.
contract TensorStepVerifier is ITensorStepVerifier {
    using EvidenceReader for Evidence;
    using TensorAccess for Run;
    using TensorAccess for Run[];

    uint256 private constant SUM = 0;
    uint256 private constant MIN = 2;
    uint256 private constant ARGMAX = 3;
    /// @dev 0x80 in each byte.
    uint256 private constant SIGN_BITS = 0x8080808080808080808080808080808080808080808080808080808080808080;

    /// @inheritdoc ITensorStepVerifier
    function elementOf(uint8 k, uint64 position, uint64 operator, Past calldata past, bytes calldata evidence)
        external
        pure
        returns (NodeHash post)
    {
        Step memory step;
        step.evidence = EvidenceReader.open(evidence);
        bytes memory state = step.evidence.take(MachineState.SIZE);
        bytes memory rest = step.evidence.take(MachineState.REST_SIZE);
        bytes memory registers = step.evidence.take(MachineState.REGISTERS_SIZE);
        Inference memory call = MachineState.inferenceOf(past.start, state, rest, registers);
        step.shape = Program.open(call.modelId, step.evidence.take(Program.IDENTITY_SIZE));
        bytes calldata record = step.evidence.take(step.evidence.number(2));
        bytes32[] memory path = step.evidence.words(Program.ceilLog2(step.shape.operators));
        step.op = Program.operatorAt(step.shape, operator, record, path);
        // INVARIANT: the level is that of the output's element type.
        if (k != Program.wordExponent(step.op.dtype)) revert ILeafRules.BadEvidence();
        step.operator = operator;
        step.position = position;
        step.lefts = past.lefts;
        uint256 packed;
        if (position < Program.countOf(step.op)) {
            packed = step.op.kind == Program.INPUT
                ? _input(step, call.input, record)
                : _element(step, record[record.length - step.op.body.length:]);
        }
        step.evidence.close();
        return _partHash(step.op.dtype, packed);
    }

    function _element(Step memory step, bytes calldata body) private pure returns (uint256) {
        uint256 kind = step.op.kind;
        if (kind == Program.MAP) return _map(step, body);
        if (kind == Program.CONTRACT) return _contract(step, body);
        if (kind == Program.MOVE) return _move(step, body);
        if (kind == Program.GATHER) return _gather(step, body);
        if (kind == Program.REDUCE) return _reduce(step, body);
        if (kind == Program.TOPK) return _topk(step);
        revert ILeafRules.BadEvidence();
    }

    // --- kinds -------------------------------------------------------------------------------------------------------

    /// @dev The call's input lies in the machine's memory, at any byte.
    function _input(Step memory step, Reference memory input, bytes calldata record) private pure returns (uint256) {
        uint256 dtype = step.op.dtype;
        uint256 size = Elements.bytesOf(dtype);
        uint256 offset = Program.inputOffset(step.op) + step.position * size;
        // INVARIANT: the call was admitted with the length of the program's packed input.
        if (offset + size > input.length) revert ILeafRules.BadEvidence();
        Run[] memory runs = new Run[](1);
        runs[0] = TensorAccess.toRun(input.offset + offset, size, 0);
        uint256 words = input.words;
        TensorOpening.open(step.evidence, WordTree(input.root, Program.ceilLog2(words), 1, 32 * words, false), runs);
        uint256 bounds = Program.RECORD_HEAD + 4 * step.op.extents.length;
        (uint256 lo, uint256 hi) = (_u64(record, bounds), _u64(record, bounds + 8));
        return Elements.canonical(dtype, _packedAt(runs[0].placeOf(), size), lo, hi);
    }

    function _move(Step memory step, bytes calldata body) private pure returns (uint256) {
        uint256 operands = step.op.operands.length;
        for (uint256 j; j < operands; ++j) {
            Run[] memory runs = _runAt(step, j);
            if (runs.length != 0) return _packedOf(_read(step, j, runs));
        }
        return Elements.encode(step.op.dtype, uint256(_i64(body, 0)));
    }

    function _gather(Step memory step, bytes calldata body) private pure returns (uint256) {
        int256 first = _i64(body, 0);
        int256 last = first + int256(uint256(uint32(bytes4(body[8:12])))) - 1;
        int256 v = int256(_valueOf(_read(step, 0, _runAt(step, 0))));
        v = (v < first ? first : v > last ? last : v) - first;
        Run[] memory runs = _runAt(step, 1);
        runs[0] = TensorAccess.toRun(uint256(runs[0].addressOf() + v * _i64(body, 12)), 1, 0);
        return _packedOf(_read(step, 1, runs));
    }

    function _contract(Step memory step, bytes calldata body) private pure returns (uint256) {
        Run[][] memory runs = TensorAccess.runsOf(step.op, 2, step.position);
        Reads memory a = _read(step, 0, runs[0]);
        Reads memory w = _read(step, 1, runs[1]);
        int256 sum = _dot(a, w, int16(uint16(bytes2(body[0:2]))), int16(uint16(bytes2(body[2:4]))));
        if (step.op.operands.length > 2) sum += int256(_valueOf(_read(step, 2, _runAt(step, 2))));
        return Elements.encode(step.op.dtype, uint256(sum));
    }

    function _reduce(Step memory step, bytes calldata body) private pure returns (uint256) {
        uint256 fold = uint8(body[0]);
        Reads memory reads = _read(step, 0, TensorAccess.runsOf(step.op, 1, step.position)[0]);
        int256 sum;
        int256 best;
        uint256 attained = type(uint256).max;
        unchecked {
            (uint256 dtype, uint256 size) = (reads.dtype, reads.size);
            for (uint256 t; t < reads.runs.length; ++t) {
                (uint256 pointer, uint256 length, uint256 r) = _parts(reads.runs.get(t));
                for (uint256 end = r + length; r < end; ++r) {
                    int256 v = _rankedAt(dtype, size, pointer);
                    sum += v;
                    // The least is the greatest of the negated.
                    if (fold == MIN) v = -v;
                    if (v > best || attained == type(uint256).max) (best, attained) = (v, r);
                    pointer += size;
                }
            }
        }
        if (fold == SUM) return Elements.encode(step.op.dtype, uint256(sum));
        // A fold of nothing is 0.
        if (attained == type(uint256).max) return 0;
        return fold == ARGMAX ? Elements.encode(step.op.dtype, attained) : _packedAt(_pointerOf(reads, attained), reads.size);
    }

    /// @dev The reduction index of the rank is evidence: to count what precedes it is to check it.
    function _topk(Step memory step) private pure returns (uint256) {
        Reads memory reads = _read(step, 0, TensorAccess.runsOf(step.op, 1, step.position)[0]);
        uint256 rank = step.position % step.op.extents[step.op.outputAxes - 1];
        uint256 claimed = step.evidence.number(4);
        (uint256 dtype, uint256 size) = (reads.dtype, reads.size);
        int256 own = _rankedAt(dtype, size, _pointerOf(reads, claimed));
        uint256 before;
        unchecked {
            for (uint256 t; t < reads.runs.length; ++t) {
                (uint256 pointer, uint256 length, uint256 r) = _parts(reads.runs.get(t));
                for (uint256 end = r + length; r < end; ++r) {
                    int256 v = _rankedAt(dtype, size, pointer);
                    if (v > own || (v == own && r < claimed)) ++before;
                    pointer += size;
                }
            }
        }
        // INVARIANT: precedence is a total order, so one index alone has the rank.
        if (before != rank) revert ILeafRules.BadEvidence();
        return Elements.encode(step.op.dtype, claimed);
    }

    function _map(Step memory step, bytes calldata body) private pure returns (uint256) {
        uint256[] memory values = new uint256[](step.op.operands.length);
        uint256 floats;
        for (uint256 j; j < values.length; ++j) {
            values[j] = _valueOf(_read(step, j, _runAt(step, j)));
            if (step.op.operands[j].dtype == Elements.F32) floats |= 1 << j;
        }
        return ScalarMachine.element(body, values, floats, step.op.dtype);
    }

    // --- reads -------------------------------------------------------------------------------------------------------

    /// @dev The element that operand `j` reads at reduction index 0, if it is live.
    function _runAt(Step memory step, uint256 j) private pure returns (Run[] memory) {
        return TensorAccess.runAt(step.op, step.op.operands[j], step.position);
    }

    /// @dev Opens what operand `j` reads: beyond the tensor's ends that is the zero element, of which there is no evidence.
    function _read(Step memory step, uint256 j, Run[] memory runs) private pure returns (Reads memory) {
        Operand memory operand = step.op.operands[j];
        uint256 size = Elements.bytesOf(operand.dtype);
        Run[] memory inside = runs.within(operand.count);
        bool isWhole;
        assembly ("memory-safe") {
            isWhole := eq(inside, runs)
        }
        if (inside.length != 0) {
            (bytes32 root, uint256 lo, uint256 hi) = _rootOf(step, operand);
            uint256 height = Program.wordHeight(operand.dtype, operand.count);
            TensorOpening.open(step.evidence, WordTree(root, height, size, operand.count, true), inside);
            // Every byte is a value of its dtype, and constants of bytes declare all of them.
            if (operand.isConstant && size > 1) _canonicalise(operand.dtype, size, inside, lo, hi);
        }
        if (!isWhole) runs.spread(inside, operand.count, size);
        return Reads(operand.dtype, size, runs);
    }

    /// @dev Makes the runs' elements what they are read as, in place: none changes twice.
    function _canonicalise(uint256 dtype, uint256 size, Run[] memory runs, uint256 lo, uint256 hi) private pure {
        unchecked {
            uint256 shift = 256 - 8 * size;
            for (uint256 t; t < runs.length; ++t) {
                uint256 pointer = runs.get(t).placeOf();
                for (uint256 end = pointer + size * runs.get(t).lengthOf(); pointer < end; pointer += size) {
                    uint256 packed = Elements.canonical(dtype, _packedAt(pointer, size), lo, hi);
                    assembly ("memory-safe") {
                        let kept := shr(sub(256, shift), shl(sub(256, shift), mload(pointer)))
                        mstore(pointer, or(shl(shift, packed), kept))
                    }
                }
            }
        }
    }

    /// @dev Of the operand's tensor: a constant's record, or a leaf of level 2 left of the operator's own.
    /// Of a constant also the bounds of its elements.
    function _rootOf(Step memory step, Operand memory operand)
        private
        pure
        returns (bytes32 root, uint256 lo, uint256 hi)
    {
        uint256 index = operand.index;
        if (operand.isConstant) {
            bytes calldata record = step.evidence.take(Program.CONSTANT_RECORD_SIZE);
            root = step.evidence.word();
            bytes32[] memory path = step.evidence.words(Program.ceilLog2(step.shape.constants));
            Program.requireConstant(step.shape, index, record, root, path);
            return (root, _u64(record, Program.CONSTANT_BOUNDS), _u64(record, Program.CONSTANT_BOUNDS + 8));
        }
        // INVARIANT: an operator reads earlier ones.
        if (index >= step.operator) revert ILeafRules.BadEvidence();
        root = step.evidence.word();
        (uint256 which, uint256 height) = Lefts.locate(step.operator, index);
        bytes32[] memory siblings = step.evidence.words(height);
        NodeHash node = Program.rootOver(Program.operatorLeaf(index, NodeHash.wrap(root)), index, siblings);
        if (which >= step.lefts.length || node != step.lefts[which]) revert ILeafRules.BadEvidence();
    }

    function _parts(Run run) private pure returns (uint256 pointer, uint256 length, uint256 r) {
        return (run.placeOf(), run.lengthOf(), run.indexOf());
    }

    /// @dev Where the element of a reduction index lies in memory; it must be live.
    function _pointerOf(Reads memory reads, uint256 wanted) private pure returns (uint256) {
        unchecked {
            for (uint256 t; t < reads.runs.length; ++t) {
                (uint256 pointer, uint256 length, uint256 r) = _parts(reads.runs.get(t));
                if (wanted >= r && wanted < r + length) return pointer + (wanted - r) * reads.size;
            }
            revert ILeafRules.BadEvidence();
        }
    }

    function _packedAt(uint256 pointer, uint256 size) private pure returns (uint256 packed) {
        assembly ("memory-safe") {
            packed := shr(sub(256, shl(3, size)), mload(pointer))
        }
    }

    /// @dev The one element that was read.
    function _packedOf(Reads memory reads) private pure returns (uint256) {
        return _packedAt(reads.runs[0].placeOf(), reads.size);
    }

    function _valueOf(Reads memory reads) private pure returns (uint256) {
        return Elements.decode(reads.dtype, _packedOf(reads));
    }

    /// @dev A number in the order of the values: an integer itself. What lies in the operands' tensors is of their dtype, so
    /// unlike `Elements.decode` it is not tested.
    function _rankedAt(uint256 dtype, uint256 size, uint256 pointer) private pure returns (int256 ranked) {
        bool isUnsigned = dtype == Elements.U8;
        bool isFloat = dtype == Elements.F32;
        assembly ("memory-safe") {
            let x := shr(192, mload(pointer))
            // Eight bytes in the other order: those of the element are the lowest now.
            x := or(shl(8, and(x, 0x00ff00ff00ff00ff)), and(shr(8, x), 0x00ff00ff00ff00ff))
            x := or(shl(16, and(x, 0x0000ffff0000ffff)), and(shr(16, x), 0x0000ffff0000ffff))
            x := or(shl(32, and(x, 0xffffffff)), shr(32, x))
            ranked := signextend(sub(size, 1), x)
            if isUnsigned { ranked := and(x, 0xff) }
            if and(isFloat, slt(ranked, 0)) { ranked := sub(0, and(x, 0x7fffffff)) }
        }
    }

    // --- sums --------------------------------------------------------------------------------------------------------

    /// @dev sum (a - za) * (w - zw) over the live runs.
    function _dot(Reads memory a, Reads memory w, int256 za, int256 zw) private pure returns (int256 sum) {
        unchecked {
            // An i8 is read as the u8 that is 128 more, and so is its zero point.
            (uint256 flipA, uint256 flipW) = (_flipOf(a), _flipOf(w));
            if (flipA != 0) za += 128;
            if (flipW != 0) zw += 128;
            for (uint256 t; t < a.runs.length; ++t) {
                uint256 length = a.runs.get(t).lengthOf();
                (uint256 products, uint256 sumA, uint256 sumW) =
                    DotProduct.sums(a.runs.get(t).placeOf(), w.runs.get(t).placeOf(), length, flipA, flipW);
                sum += int256(products) - zw * int256(sumA) - za * int256(sumW) + za * zw * int256(length);
            }
        }
    }

    function _flipOf(Reads memory reads) private pure returns (uint256) {
        return reads.dtype == Elements.I8 ? SIGN_BITS : 0;
    }

    function _u64(bytes calldata data, uint256 offset) private pure returns (uint256) {
        return uint64(bytes8(data[offset:offset + 8]));
    }

    function _i64(bytes calldata body, uint256 offset) private pure returns (int256) {
        return int64(uint64(bytes8(body[offset:offset + 8])));
    }

    /// @dev The part of height 0.
    function _partHash(uint256 dtype, uint256 packed) private pure returns (NodeHash) {
        uint256 size = Elements.bytesOf(dtype);
        bytes memory element = new bytes(size);
        assembly ("memory-safe") {
            mstore(add(element, 32), shl(sub(256, shl(3, size)), packed))
        }
        return NodeHash.wrap(keccak256(abi.encodePacked(Tag.TENSOR_PART, uint8(0), element)));
    }
}
