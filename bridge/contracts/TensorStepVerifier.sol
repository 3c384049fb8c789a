// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules, Past} from "./interfaces/ILeafRules.sol";
import {ITensorStepVerifier} from "./interfaces/ITensorStepVerifier.sol";
import {DotProduct} from "./libraries/DotProduct.sol";
import {Elements} from "./libraries/Elements.sol";
import {Evidence, EvidenceReader} from "./libraries/Evidence.sol";
import {Inference, MachineState, Reference} from "./libraries/MachineState.sol";
import {Operand, Operator, Program, ProgramShape} from "./libraries/Program.sol";
import {ScalarMachine} from "./libraries/ScalarMachine.sol";
import {Tag} from "./libraries/Tag.sol";
import {TensorAccess} from "./libraries/TensorAccess.sol";
import {TensorOpening, WordTree} from "./libraries/TensorOpening.sol";

/// @notice A step of level 3 in work.
/// @param operator Its index.
struct Step {
    Evidence evidence;
    ProgramShape shape;
    Operator op;
    uint256 operator;
    uint256 position;
    bytes32[] lefts;
}

/// @notice What is read through one operand.
/// @param pointers Where each run of `length` elements begins in memory, 0 if it is dead.
struct Reads {
    uint256 dtype;
    uint256 length;
    uint256[] pointers;
}

/// @title One element of one operator's output
/// @notice Twin of executor/tensor/{reference,step-proof}.ts. Packed elements are their bytes in order, right-aligned.
contract TensorStepVerifier is ITensorStepVerifier {
    using EvidenceReader for Evidence;

    uint256 private constant SUM = 0;
    uint256 private constant MIN = 2;
    uint256 private constant ARGMAX = 3;
    /// @dev 0x80 in each byte.
    uint256 private constant SIGN_BITS = 0x8080808080808080808080808080808080808080808080808080808080808080;

    /// @inheritdoc ITensorStepVerifier
    function elementOf(uint8 k, uint64 position, uint64 operator, Past calldata past, bytes calldata evidence)
        external
        pure
        returns (bytes32 post)
    {
        Step memory step;
        step.evidence = EvidenceReader.open(evidence);
        Inference memory call = MachineState.inferenceOf(
            past.start,
            step.evidence.take(MachineState.SIZE),
            step.evidence.take(MachineState.REST_SIZE),
            step.evidence.take(MachineState.REGISTERS_SIZE)
        );
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
                ? _input(step, call.input)
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
    function _input(Step memory step, Reference memory input) private pure returns (uint256) {
        uint256 size = Elements.bytesOf(step.op.dtype);
        uint256 offset = Program.inputOffset(step.op) + step.position * size;
        // INVARIANT: the call was admitted with the length of the program's packed input.
        if (offset + size > input.length) revert ILeafRules.BadEvidence();
        uint256[] memory first = new uint256[](1);
        first[0] = input.offset + offset;
        WordTree memory tree =
            WordTree(input.root, Program.ceilLog2(input.words), 1, 32 * uint256(input.words), false);
        uint256 dtype = step.op.dtype;
        uint256 packed = _packedAt(TensorOpening.open(step.evidence, tree, first, size)[0], size);
        return Elements.encode(dtype, Elements.decode(dtype, packed));
    }

    function _move(Step memory step, bytes calldata body) private pure returns (uint256) {
        uint256 operands = step.op.operands.length;
        for (uint256 j; j < operands; ++j) {
            Reads memory reads = _read(step, j, _address(step, j), 1);
            if (reads.pointers[0] != 0) return _packedOf(reads, 0);
        }
        return Elements.encode(step.op.dtype, uint256(_i64(body, 0)));
    }

    function _gather(Step memory step, bytes calldata body) private pure returns (uint256) {
        int256 first = _i64(body, 0);
        int256 last = first + int256(uint256(uint32(bytes4(body[8:12])))) - 1;
        int256 v = int256(_valueOf(_read(step, 0, _address(step, 0), 1), 0));
        v = (v < first ? first : v > last ? last : v) - first;
        uint256[] memory place = _address(step, 1);
        place[0] = uint256(int256(place[0]) + v * _i64(body, 12));
        return _packedOf(_read(step, 1, place, 1), 0);
    }

    function _contract(Step memory step, bytes calldata body) private pure returns (uint256) {
        Operand[] memory operands = step.op.operands;
        (uint256 axes, uint256 length) = TensorAccess.runShape(step.op, 2);
        uint256[] memory first = TensorAccess.runsOf(step.op, operands[0], step.position, axes);
        uint256[] memory second = TensorAccess.runsOf(step.op, operands[1], step.position, axes);
        for (uint256 t; t < first.length; ++t) {
            if (first[t] == TensorAccess.DEAD) second[t] = TensorAccess.DEAD;
        }
        Reads memory a = _read(step, 0, first, length);
        Reads memory w = _read(step, 1, second, length);
        int256 sum = _dot(a, w, int16(uint16(bytes2(body[0:2]))), int16(uint16(bytes2(body[2:4]))));
        if (operands.length > 2) sum += int256(_valueOf(_read(step, 2, _address(step, 2), 1), 0));
        return Elements.encode(step.op.dtype, uint256(sum));
    }

    function _reduce(Step memory step, bytes calldata body) private pure returns (uint256) {
        uint256 fold = uint8(body[0]);
        Reads memory reads = _readReduction(step);
        int256 sum;
        int256 best;
        uint256 attained = type(uint256).max;
        uint256 count = reads.pointers.length * reads.length;
        for (uint256 r; r < count; ++r) {
            if (!_isLive(reads, r)) continue;
            int256 v = _orderOf(reads, r);
            sum += v;
            if (attained == type(uint256).max || (fold == MIN ? v < best : v > best)) (best, attained) = (v, r);
        }
        if (fold == SUM) return Elements.encode(step.op.dtype, uint256(sum));
        return fold == ARGMAX ? Elements.encode(step.op.dtype, attained) : _packedOf(reads, attained);
    }

    /// @dev The reduction index of the rank is evidence: to count what precedes it is to check it.
    function _topk(Step memory step) private pure returns (uint256) {
        Reads memory reads = _readReduction(step);
        uint256 rank = step.position % step.op.extents[step.op.outputAxes - 1];
        uint256 r = step.evidence.number(4);
        uint256 count = reads.pointers.length * reads.length;
        if (r >= count) revert ILeafRules.BadEvidence();
        int256 own = _orderOf(reads, r);
        uint256 before;
        for (uint256 s; s < count; ++s) {
            int256 v = _orderOf(reads, s);
            if (v > own || (v == own && s < r)) ++before;
        }
        // INVARIANT: precedence is a total order, so one index alone has the rank.
        if (before != rank) revert ILeafRules.BadEvidence();
        return Elements.encode(step.op.dtype, r);
    }

    function _map(Step memory step, bytes calldata body) private pure returns (uint256) {
        uint256[] memory values = new uint256[](step.op.operands.length);
        uint256 floats;
        for (uint256 j; j < values.length; ++j) {
            values[j] = _valueOf(_read(step, j, _address(step, j), 1), 0);
            if (step.op.operands[j].dtype == Elements.F32) floats |= 1 << j;
        }
        return ScalarMachine.element(body, values, floats, step.op.dtype);
    }

    // --- reads -------------------------------------------------------------------------------------------------------

    /// @dev The one element that operand `j` reads at reduction index 0, or DEAD.
    function _address(Step memory step, uint256 j) private pure returns (uint256[] memory) {
        return TensorAccess.runsOf(step.op, step.op.operands[j], step.position, step.op.outputAxes);
    }

    /// @dev All that the one operand of a REDUCE or TOPK reads.
    function _readReduction(Step memory step) private pure returns (Reads memory) {
        (uint256 axes, uint256 length) = TensorAccess.runShape(step.op, 1);
        return _read(step, 0, TensorAccess.runsOf(step.op, step.op.operands[0], step.position, axes), length);
    }

    /// @dev Opens what operand `j` reads. An operand of which nothing is live has no evidence.
    function _read(Step memory step, uint256 j, uint256[] memory first, uint256 length)
        private
        pure
        returns (Reads memory)
    {
        Operand memory operand = step.op.operands[j];
        uint256 live;
        while (live < first.length && first[live] == TensorAccess.DEAD) ++live;
        if (live == first.length) return Reads(operand.dtype, length, new uint256[](first.length));
        WordTree memory tree = WordTree(
            _rootOf(step, operand),
            Program.wordHeight(operand.dtype, operand.count),
            Elements.bytesOf(operand.dtype),
            operand.count,
            true
        );
        return Reads(operand.dtype, length, TensorOpening.open(step.evidence, tree, first, length));
    }

    /// @dev Of the operand's tensor: a constant's record, or a leaf of level 2 left of the operator's own.
    function _rootOf(Step memory step, Operand memory operand) private pure returns (bytes32 root) {
        uint256 index = operand.index;
        if (operand.isConstant) {
            bytes calldata record = step.evidence.take(Program.CONSTANT_RECORD_SIZE);
            root = step.evidence.word();
            bytes32[] memory path = step.evidence.words(Program.ceilLog2(step.shape.constants));
            Program.requireConstant(step.shape, index, record, root, path);
            return root;
        }
        // INVARIANT: an operator reads earlier ones.
        if (index >= step.operator) revert ILeafRules.BadEvidence();
        root = step.evidence.word();
        (uint256 left, uint256 height) = _leftOf(step.operator, index);
        bytes32[] memory siblings = step.evidence.words(height);
        bytes32 node = Program.rootOver(Program.operatorLeaf(index, root), index, siblings);
        if (left >= step.lefts.length || node != step.lefts[left]) revert ILeafRules.BadEvidence();
    }

    /// @dev The left subtree that covers leaf `index`: where two places part, the higher bit of `position` has its subtree.
    function _leftOf(uint256 position, uint256 index) private pure returns (uint256 left, uint256 height) {
        while ((position >> height) != (index >> height)) ++height;
        for (uint256 above = position >> height; above > 0; above &= above - 1) {
            ++left;
        }
        --height;
    }

    function _isLive(Reads memory reads, uint256 r) private pure returns (bool) {
        return reads.pointers[r / reads.length] != 0;
    }

    function _packedOf(Reads memory reads, uint256 r) private pure returns (uint256) {
        unchecked {
            uint256 size = Elements.bytesOf(reads.dtype);
            return _packedAt(reads.pointers[r / reads.length] + (r % reads.length) * size, size);
        }
    }

    function _packedAt(uint256 pointer, uint256 size) private pure returns (uint256 packed) {
        assembly ("memory-safe") {
            packed := shr(sub(256, shl(3, size)), mload(pointer))
        }
    }

    function _valueOf(Reads memory reads, uint256 r) private pure returns (uint256) {
        return Elements.decode(reads.dtype, _packedOf(reads, r));
    }

    /// @dev A number in the order of the values: an integer itself.
    function _orderOf(Reads memory reads, uint256 r) private pure returns (int256) {
        unchecked {
            uint256 value = _valueOf(reads, r);
            if (reads.dtype != Elements.F32 || value >> 31 == 0) return int256(value);
            return -int256(value & 0x7fffffff);
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
            uint256 length = a.length;
            for (uint256 t; t < a.pointers.length; ++t) {
                if (a.pointers[t] == 0) continue;
                (uint256 products, uint256 sumA, uint256 sumW) =
                    DotProduct.sums(a.pointers[t], w.pointers[t], length, flipA, flipW);
                sum += int256(products) - zw * int256(sumA) - za * int256(sumW) + za * zw * int256(length);
            }
        }
    }

    function _flipOf(Reads memory reads) private pure returns (uint256) {
        return reads.dtype == Elements.I8 ? SIGN_BITS : 0;
    }

    function _i64(bytes calldata body, uint256 offset) private pure returns (int256) {
        return int64(uint64(bytes8(body[offset:offset + 8])));
    }

    /// @dev The part of height 0.
    function _partHash(uint256 dtype, uint256 packed) private pure returns (bytes32) {
        uint256 size = Elements.bytesOf(dtype);
        bytes memory element = new bytes(size);
        assembly ("memory-safe") {
            mstore(add(element, 32), shl(sub(256, shl(3, size)), packed))
        }
        return keccak256(abi.encodePacked(Tag.TENSOR_PART, uint8(0), element));
    }
}
