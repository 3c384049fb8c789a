// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {MachineState, Reference} from "../libraries/MachineState.sol";
import {Code} from "./Code.sol";
import {LogRecord} from "./LogRecord.sol";
import {Memory} from "./Memory.sol";
import {Field, Part, Phase, Registers, State} from "./Part.sol";
import {Sponge} from "./Sponge.sol";
import {Stack} from "./Stack.sol";
import {Step, Steps} from "./Steps.sol";
import {Words} from "./Words.sol";

/// @title BULK: the bytes of a copy, or of a hash
/// @notice Evidence behind state and rest: the registers; the words, or for code the chunks, of the source in which the step's
/// bytes lie, none where it has none of them; for a copy the words of memory into which they go; for the last step of a
/// log's hash the record of logs.
contract BulkSteps is IStepVerifier {
    using Memory for Step;
    using Part for bytes;
    using Stack for Step;
    using Steps for Step;

    /// @dev What a step copies at most: 32 words of memory. The first one ends where a word does.
    uint256 private constant COPY_BYTES = 1024;

    /// @dev The hash, in a sponge that has absorbed all.
    Field private constant SQUEEZED = Field.wrap(Registers.SPONGE_AT << 8 | 32);

    address public immutable KECCAK_F;

    constructor(address keccakF) {
        KECCAK_F = keccakF;
    }

    /// @inheritdoc IStepVerifier
    function step(bytes32 pre, bytes calldata evidence) external view returns (bytes32) {
        Step memory s = Steps.open(pre, evidence, Phase.BULK);
        s.openRegisters();
        uint256 kind = s.registers.get(Registers.KIND);
        return kind == Registers.HASH || kind == Registers.HASH_LOG ? _hash(s, kind) : _copy(s, kind);
    }

    function _copy(Step memory s, uint256 kind) private pure returns (bytes32) {
        uint256 cursor = s.registers.get(Registers.CURSOR);
        uint256 left = s.registers.get(Registers.LENGTH) - cursor;
        uint256 target = s.registers.get(Registers.DESTINATION) + cursor;
        uint256 size = COPY_BYTES - target % 32;
        if (size > left) size = left;
        Reference memory source = MachineState.referenceAt(s.registers, Registers.SOURCE_AT);
        bytes memory moved = kind == Registers.COPY_CODE
            ? Code.read(s.unread, source, cursor, size)
            : Words.read(s.unread, source, cursor, size);
        s.write(target, moved);
        if (size == left) return _end(s);
        s.registers.put(Registers.CURSOR, cursor + size);
        s.setRegisters();
        return s.seal();
    }

    function _hash(Step memory s, uint256 kind) private view returns (bytes32) {
        uint256 cursor = s.registers.get(Registers.CURSOR);
        uint256 length = s.registers.get(Registers.LENGTH);
        uint256 left = length - cursor;
        Reference memory source = MachineState.referenceAt(s.registers, Registers.SOURCE_AT);
        bool last = left < Sponge.RATE;
        Sponge.absorb(
            KECCAK_F,
            s.registers,
            Registers.SPONGE_AT,
            Words.read(s.unread, source, cursor, last ? left : Sponge.RATE)
        );
        if (!last) {
            s.registers.put(Registers.CURSOR, cursor + Sponge.RATE);
            s.setRegisters();
            return s.seal();
        }
        uint256 hash = s.registers.get(SQUEEZED);
        if (kind == Registers.HASH) {
            s.push(hash);
        } else {
            s.logs = LogRecord.open(s);
            LogRecord.complete(s, bytes32(s.registers.get(Registers.X)), length, bytes32(hash));
        }
        return _end(s);
    }

    /// @dev Back to the instruction behind the one that began this.
    function _end(Step memory s) private pure returns (bytes32) {
        s.clearRegisters();
        s.state.put(State.PHASE, Phase.OP);
        return s.seal();
    }
}
