// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {MachineState, Reference} from "../libraries/MachineState.sol";
import {Tag} from "../libraries/Tag.sol";
import {Code} from "./Code.sol";
import {Forks} from "./Forks.sol";
import {LogRecord} from "./LogRecord.sol";
import {Memory} from "./Memory.sol";
import {Instruction, Opcodes} from "./Opcodes.sol";
import {BlockEnvironment, Environment, Frame, Part, Phase, Registers, Rest, Result, State} from "./Part.sol";
import {Stack} from "./Stack.sol";
import {Step, Steps} from "./Steps.sol";
import {Window, Words} from "./Words.sol";

/// @title Instructions that need no account and no slot, and all that are undefined
/// @notice Copies, hashes and logs are begun here: gas, memory, registers. Their bytes are moved in steps of phase BULK.
/// Evidence behind what every instruction has: for a jump its target's chunk; environment, or environment and block, where
/// they are read; for words of memory or calldata their range, after expansion; for a log its record and bloom.
contract StackSteps is IStepVerifier {
    using EvidenceReader for Evidence;
    using Memory for Step;
    using Part for bytes;
    using Stack for Step;
    using Steps for Step;

    uint256 private constant EMPTY_HASH = uint256(keccak256(""));

    Forks public immutable FORKS;

    constructor(Forks forks) {
        FORKS = forks;
    }

    /// @inheritdoc IStepVerifier
    function step(bytes32 pre, bytes calldata evidence) external view returns (bytes32) {
        Step memory s = Steps.openFramed(pre, evidence, Phase.OP);
        (bool going, Instruction memory instruction) = Opcodes.begin(s, Opcodes.STACK, FORKS);
        if (!going) return s.halt();
        uint256 opcode = instruction.opcode;
        if (opcode == 0) return s.exit(Result.SUCCESS, Reference(0, 0, 0, 0));
        if (opcode < 0x20) return _arithmetic(s, instruction);
        if (opcode == 0x20) return _hash(s, instruction);
        if (opcode == 0x37 || opcode == 0x39 || opcode == 0x3e || opcode == 0x5e) return _copy(s, instruction);
        if (opcode < 0x50) return _environment(s, instruction);
        if (opcode >= 0x51 && opcode <= 0x53) return _memory(s, instruction);
        if (opcode == 0x56 || opcode == 0x57) return _jump(s, instruction);
        if (opcode < 0x80) return _push(s, instruction);
        if (opcode < 0xa0) return _exchange(s, instruction);
        if (opcode < 0xa5) return _log(s, instruction);
        return _return(s, instruction);
    }

    function _arithmetic(Step memory s, Instruction memory instruction) private pure returns (bytes32) {
        uint256[] memory operands = instruction.operands;
        uint256 opcode = instruction.opcode;
        uint256 a = operands[0];
        uint256 b = operands.length > 1 ? operands[1] : 0;
        uint256 c = operands.length > 2 ? operands[2] : 0;
        uint256 gas_ = instruction.gas;
        if (opcode == 0x0a) {
            for (uint256 exponent = b; exponent > 0; exponent >>= 8) gas_ += 50;
        }
        if (!s.spend(gas_)) return s.halt();
        uint256 value;
        assembly ("memory-safe") {
            switch opcode
            case 0x01 { value := add(a, b) }
            case 0x02 { value := mul(a, b) }
            case 0x03 { value := sub(a, b) }
            case 0x04 { value := div(a, b) }
            case 0x05 { value := sdiv(a, b) }
            case 0x06 { value := mod(a, b) }
            case 0x07 { value := smod(a, b) }
            case 0x08 { value := addmod(a, b, c) }
            case 0x09 { value := mulmod(a, b, c) }
            case 0x0a { value := exp(a, b) }
            case 0x0b { value := signextend(a, b) }
            case 0x10 { value := lt(a, b) }
            case 0x11 { value := gt(a, b) }
            case 0x12 { value := slt(a, b) }
            case 0x13 { value := sgt(a, b) }
            case 0x14 { value := eq(a, b) }
            case 0x15 { value := iszero(a) }
            case 0x16 { value := and(a, b) }
            case 0x17 { value := or(a, b) }
            case 0x18 { value := xor(a, b) }
            case 0x19 { value := not(a) }
            case 0x1a { value := byte(a, b) }
            case 0x1b { value := shl(a, b) }
            case 0x1c { value := shr(a, b) }
            case 0x1d { value := sar(a, b) }
            default {
                // CLZ
                value := 256
                for {} a { a := shr(1, a) } { value := sub(value, 1) }
            }
        }
        s.push(value);
        return s.next();
    }

    function _hash(Step memory s, Instruction memory instruction) private pure returns (bytes32) {
        (uint256 offset, uint256 length) = (instruction.operands[0], instruction.operands[1]);
        (bool fits, uint256 words) = Memory.wordsAfter(s.wordsOf(), offset, length);
        if (!fits || !_expand(s, words, instruction.gas + 6 * ((length + 31) / 32))) return s.halt();
        if (length == 0) {
            s.push(EMPTY_HASH);
            return s.next();
        }
        return _bulk(s, Registers.HASH, s.referTo(offset, length), 0, length);
    }

    function _copy(Step memory s, Instruction memory instruction) private pure returns (bytes32) {
        uint256 opcode = instruction.opcode;
        (uint256 to, uint256 from, uint256 length) =
            (instruction.operands[0], instruction.operands[1], instruction.operands[2]);
        if (opcode == 0x3e) {
            // Bytes that were not returned cannot be read, not even none of them.
            uint256 size = s.rest.get(Rest.RETURNDATA_LENGTH);
            if (from > size || length > size - from) return s.halt();
        }
        (bool fits, uint256 words) = Memory.wordsAfter(s.wordsOf(), to, length);
        if (!fits) return s.halt();
        if (opcode == 0x5e) {
            (fits, words) = Memory.wordsAfter(words, from, length);
            if (!fits) return s.halt();
        }
        if (!_expand(s, words, instruction.gas + 3 * ((length + 31) / 32))) return s.halt();
        if (length == 0) return s.next();
        if (opcode == 0x5e) return _bulk(s, Registers.COPY, s.referTo(from, length), to, length);
        if (opcode == 0x39) {
            uint32 size = uint32(s.frame.get(Frame.CODE_SIZE));
            return _bulk(s, Registers.COPY_CODE, _behind(Reference(Code.root(s), size, 0, size), from), to, length);
        }
        Reference memory source = opcode == 0x37
            ? MachineState.referenceAt(s.frame, Frame.CALLDATA_AT)
            : MachineState.referenceAt(s.rest, Rest.RETURNDATA_AT);
        return _bulk(s, Registers.COPY, _behind(source, from), to, length);
    }

    /// @dev What is referred to, from a byte on: behind its end it is empty.
    function _behind(Reference memory source, uint256 from) private pure returns (Reference memory) {
        if (from >= source.length) return Reference(0, 0, 0, 0);
        unchecked {
            return Reference(
                source.root, source.words, source.offset + uint32(from), source.length - uint32(from)
            );
        }
    }

    function _environment(Step memory s, Instruction memory instruction) private pure returns (bytes32) {
        uint256 opcode = instruction.opcode;
        if (!s.spend(instruction.gas)) return s.halt();
        s.push(_read(s, opcode, opcode == 0x35 ? instruction.operands[0] : 0));
        return s.next();
    }

    function _read(Step memory s, uint256 opcode, uint256 operand) private pure returns (uint256) {
        if (opcode == 0x30) return s.frame.get(Frame.SELF);
        if (opcode == 0x33) return s.frame.get(Frame.CALLER);
        if (opcode == 0x34) return s.frame.get(Frame.VALUE);
        if (opcode == 0x35) {
            Reference memory calldata_ = MachineState.referenceAt(s.frame, Frame.CALLDATA_AT);
            return uint256(bytes32(Words.read(s.unread, calldata_, operand, 32)));
        }
        if (opcode == 0x36) return s.frame.get(Frame.CALLDATA_LENGTH);
        if (opcode == 0x38) return s.frame.get(Frame.CODE_SIZE);
        if (opcode == 0x3d) return s.rest.get(Rest.RETURNDATA_LENGTH);
        // There are no blob transactions: no hash, and the least price.
        if (opcode == 0x49) return 0;
        if (opcode == 0x4a) return 1;
        if (opcode < 0x40) {
            s.openEnvironment();
            return s.environment.get(opcode == 0x32 ? Environment.ORIGIN : Environment.GAS_PRICE);
        }
        s.openBlock();
        if (opcode == 0x41) return s.blockEnvironment.get(BlockEnvironment.COINBASE);
        if (opcode == 0x42) return s.blockEnvironment.get(BlockEnvironment.TIMESTAMP);
        if (opcode == 0x43) return s.blockEnvironment.get(BlockEnvironment.NUMBER);
        if (opcode == 0x44) return s.blockEnvironment.get(BlockEnvironment.PREV_RANDAO);
        if (opcode == 0x45) return s.blockEnvironment.get(BlockEnvironment.GAS_LIMIT);
        if (opcode == 0x46) return s.blockEnvironment.get(BlockEnvironment.CHAIN_ID);
        return s.blockEnvironment.get(BlockEnvironment.BASE_FEE);
    }

    function _memory(Step memory s, Instruction memory instruction) private pure returns (bytes32) {
        uint256 opcode = instruction.opcode;
        uint256 offset = instruction.operands[0];
        uint256 length = opcode == 0x53 ? 1 : 32;
        (bool fits, uint256 words) = Memory.wordsAfter(s.wordsOf(), offset, length);
        if (!fits || !_expand(s, words, instruction.gas)) return s.halt();
        if (opcode == 0x51) {
            s.push(uint256(bytes32(Words.read(s.unread, s.referTo(offset, length), 0, length))));
        } else {
            uint256 value = instruction.operands[1];
            s.write(offset, opcode == 0x52 ? abi.encodePacked(value) : abi.encodePacked(uint8(value)));
        }
        return s.next();
    }

    function _jump(Step memory s, Instruction memory instruction) private pure returns (bytes32) {
        if (!s.spend(instruction.gas)) return s.halt();
        if (instruction.opcode == 0x57 && instruction.operands[1] == 0) return s.next();
        uint256 target = instruction.operands[0];
        if (!Code.isTarget(s, target)) return s.halt();
        s.state.put(State.PC, target);
        return s.seal();
    }

    /// @dev What needs the machine's own counters alone.
    function _push(Step memory s, Instruction memory instruction) private pure returns (bytes32) {
        uint256 opcode = instruction.opcode;
        if (!s.spend(instruction.gas)) return s.halt();
        uint256 pc = s.state.get(State.PC);
        if (opcode == 0x58) {
            s.push(pc);
        } else if (opcode == 0x59) {
            s.push(32 * s.wordsOf());
        } else if (opcode == 0x5a) {
            s.push(s.state.get(State.GAS));
        } else if (opcode >= 0x5f) {
            s.push(instruction.immediate);
            s.state.put(State.PC, pc + Code.immediateSize(opcode));
        }
        // POP has taken its word off, JUMPDEST does nothing.
        return s.next();
    }

    /// @dev DUP and SWAP: all of the words go back.
    function _exchange(Step memory s, Instruction memory instruction) private pure returns (bytes32) {
        if (!s.spend(instruction.gas)) return s.halt();
        uint256[] memory operands = instruction.operands;
        uint256 deepest = operands.length - 1;
        bool duplicates = instruction.opcode < 0x90;
        if (!duplicates) (operands[0], operands[deepest]) = (operands[deepest], operands[0]);
        uint256 copied = operands[deepest];
        for (uint256 i = operands.length; i > 0; --i) s.push(operands[i - 1]);
        if (duplicates) s.push(copied);
        return s.next();
    }

    function _log(Step memory s, Instruction memory instruction) private pure returns (bytes32) {
        if (s.frame.get(Frame.FLAGS) & Frame.STATIC != 0) return s.halt();
        (uint256 offset, uint256 length) = (instruction.operands[0], instruction.operands[1]);
        (bool fits, uint256 words) = Memory.wordsAfter(s.wordsOf(), offset, length);
        uint256 topics = instruction.opcode - 0xa0;
        if (!fits || !_expand(s, words, 375 + 375 * topics + 8 * length)) return s.halt();
        bytes32 what = LogRecord.begin(s, instruction.operands);
        if (length > 0) {
            s.newRegisters(Registers.HASH_LOG);
            s.registers.put(Registers.X, uint256(what));
            return _start(s, s.referTo(offset, length), 0, length);
        }
        LogRecord.complete(s, what, 0, bytes32(EMPTY_HASH));
        return s.next();
    }

    function _return(Step memory s, Instruction memory instruction) private pure returns (bytes32) {
        (uint256 offset, uint256 length) = (instruction.operands[0], instruction.operands[1]);
        (bool fits, uint256 words) = Memory.wordsAfter(s.wordsOf(), offset, length);
        if (!fits || !_expand(s, words, 0)) return s.halt();
        uint256 result = instruction.opcode == 0xf3 ? Result.SUCCESS : Result.REVERT;
        return s.exit(result, s.referTo(offset, length));
    }

    /// @dev Charges `gas_` and for memory of so many words, and expands it. False: the frame halts.
    function _expand(Step memory s, uint256 words, uint256 gas_) private pure returns (bool) {
        if (!s.spend(gas_ + Memory.expansionGas(s.wordsOf(), words))) return false;
        s.expand(words);
        return true;
    }

    function _bulk(Step memory s, uint256 kind, Reference memory source, uint256 to, uint256 length)
        private
        pure
        returns (bytes32)
    {
        s.newRegisters(kind);
        return _start(s, source, to, length);
    }

    /// @dev The instruction is over but for its bytes.
    function _start(Step memory s, Reference memory source, uint256 to, uint256 length) private pure returns (bytes32) {
        Steps.writeReference(s.registers, Registers.SOURCE_AT, source);
        s.registers.put(Registers.DESTINATION, to);
        s.registers.put(Registers.LENGTH, length);
        s.setRegisters();
        s.state.put(State.PHASE, Phase.BULK);
        return s.next();
    }
}
