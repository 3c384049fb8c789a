// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {Elements} from "../libraries/Elements.sol";
import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {MachineState, Reference} from "../libraries/MachineState.sol";
import {Operator, Program, ProgramShape} from "../libraries/Program.sol";
import {Field, Part, Phase, Registers, State} from "./Part.sol";
import {Step, Steps} from "./Steps.sol";
import {Words} from "./Words.sol";

/// @notice Where a tensor lies in a program's packed input, and what its elements are.
/// @param lo Least key of an element, and greatest.
struct Input {
    uint256 dtype;
    uint256 start;
    uint256 end;
    int256 lo;
    int256 hi;
}

/// @title CHECK: 1,024 bytes of a model's input against the intervals that its program declares
/// @notice Evidence behind state and rest: the registers; the words in which the bytes lie; the program's identity; `u8 first`,
/// the last input that ends where the bytes begin or before, 0 where none does; that input's operator and all behind it,
/// `u16 size ++ record ++ path` each, to the first one that begins behind the bytes, or to the last input.
contract CheckSteps is IStepVerifier {
    using EvidenceReader for Evidence;
    using Part for bytes;
    using Steps for Step;

    uint256 private constant STEP_BYTES = 1024;
    /// @dev Of an operator's record, before the extents.
    uint256 private constant HEAD = 8;

    /// @inheritdoc IStepVerifier
    function step(bytes32 pre, bytes calldata evidence) external pure returns (bytes32) {
        Step memory s = Steps.open(pre, evidence, Phase.CHECK);
        s.openRegisters();
        uint256 start = s.registers.get(Registers.CURSOR);
        Reference memory source = MachineState.referenceAt(s.registers, Registers.SOURCE_AT);
        uint256 size = source.length - start;
        if (size > STEP_BYTES) size = STEP_BYTES;
        if (!_isInside(s, start, Words.read(s.unread, source, start, size))) return s.halt();
        uint256 next = start + STEP_BYTES;
        bool last = next >= source.length;
        s.registers.put(Registers.CURSOR, last ? 0 : next);
        if (last) {
            s.registers.put(Registers.KIND, Registers.INFER);
            s.state.put(State.PHASE, Phase.INFER);
        }
        s.setRegisters();
        return s.seal();
    }

    /// @dev Whether all elements in these bytes of the input are in their intervals.
    function _isInside(Step memory s, uint256 start, bytes memory data) private pure returns (bool inside) {
        ProgramShape memory shape =
            Program.open(bytes32(s.registers.get(Registers.X)), s.unread.take(Program.IDENTITY_SIZE));
        uint256 first = s.unread.number(1);
        if (first >= shape.inputs) revert ILeafRules.BadEvidence();
        uint256 end = start + data.length;
        inside = true;
        for (uint256 i = first; i < shape.inputs; ++i) {
            Input memory input = _open(s, shape, i);
            // INVARIANT: inputs ascend without overlap, so that none that has bytes here is left out, and none before is shown.
            bool before = input.end <= start;
            if (i == first ? i > 0 && !before : before) revert ILeafRules.BadEvidence();
            if (input.start >= end) break;
            if (!before && !_isWithin(input, start, data)) inside = false;
        }
    }

    function _open(Step memory s, ProgramShape memory shape, uint256 index) private pure returns (Input memory input) {
        bytes memory record = s.unread.take(s.unread.number(2));
        bytes32[] memory path = s.unread.words(Program.ceilLog2(shape.operators));
        Operator memory op = Program.operatorAt(shape, index, record, path);
        input.dtype = op.dtype;
        input.start = Program.inputOffset(op);
        input.end = input.start + Program.countOf(op) * Elements.bytesOf(op.dtype);
        uint256 bounds = HEAD + 4 * op.extents.length;
        input.lo = _bound(op.dtype, record.get(Field.wrap(bounds << 8 | 8)));
        input.hi = _bound(op.dtype, record.get(Field.wrap((bounds + 8) << 8 | 8)));
    }

    /// @dev The key of a bound: i64, or the bits of a binary32.
    function _bound(uint256 dtype, uint256 bits) private pure returns (int256) {
        if (dtype != Elements.F32) return int64(uint64(bits));
        int256 size = int256(bits & 0x7fffffff);
        return bits >> 31 == 0 ? size : -size;
    }

    /// @dev Whether the tensor's elements in `data`, which begins at byte `start` of the input, are in its interval: compared
    /// by keys, which are an integer's value, and of a binary32 its bits as sign and size. Their order is that of the values;
    /// NaN and infinity lie beyond every bound. Tensors begin at multiples of 32, and no element lies across two words.
    function _isWithin(Input memory input, uint256 start, bytes memory data) private pure returns (bool inside) {
        uint256 from = input.start > start ? input.start - start : 0;
        uint256 to = input.end - start;
        if (to > data.length) to = data.length;
        uint256 size = Elements.bytesOf(input.dtype);
        _reverse(data, from, to, size);
        bool isFloat = input.dtype == Elements.F32;
        // Of what is unsigned nothing is extended.
        uint256 sign = input.dtype == Elements.U8 ? 31 : size - 1;
        (int256 lo, int256 hi) = (input.lo, input.hi);
        assembly ("memory-safe") {
            inside := 1
            let shift := sub(256, shl(3, size))
            let place := add(add(data, 32), from)
            for { let end := add(add(data, 32), to) } lt(place, end) { place := add(place, size) } {
                let key := signextend(sign, shr(shift, mload(place)))
                if and(isFloat, slt(key, 0)) { key := sub(0, and(key, 0x7fffffff)) }
                if or(slt(key, lo), sgt(key, hi)) { inside := 0 }
            }
        }
    }

    /// @dev Turns the bytes of each element in these words round: they are little-endian.
    function _reverse(bytes memory data, uint256 from, uint256 to, uint256 size) private pure {
        if (size == 1) return;
        assembly ("memory-safe") {
            function swap(word, bits, mask) -> swapped {
                swapped := or(shl(bits, and(word, mask)), and(shr(bits, word), mask))
            }
            let place := add(add(data, 32), from)
            for { let end := add(add(data, 32), to) } lt(place, end) { place := add(place, 32) } {
                let word := mload(place)
                word := swap(word, 8, 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff)
                word := swap(word, 16, 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff)
                if eq(size, 8) {
                    word := swap(word, 32, 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff)
                }
                mstore(place, word)
            }
        }
    }
}
