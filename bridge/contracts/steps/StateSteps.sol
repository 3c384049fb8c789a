// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {Reference} from "../libraries/MachineState.sol";
import {Access, Touched} from "./Access.sol";
import {Account, Accounts} from "./Accounts.sol";
import {Forks} from "./Forks.sol";
import {Marks} from "./Marks.sol";
import {Memory} from "./Memory.sol";
import {Instruction, Opcodes} from "./Opcodes.sol";
import {BlockEnvironment, Frame, Part, Phase, Registers, Rest, Result, State} from "./Part.sol";
import {Stack} from "./Stack.sol";
import {Path} from "./StateTree.sol";
import {Step, Steps} from "./Steps.sol";
import {Sweep} from "./Sweep.sol";

/// @title Instructions that read or write accounts and slots, but for calls
/// @notice Evidence behind what every instruction has, in the order of its functions: first what its gas depends on, then what
/// it reads, then what a removal needs.
contract StateSteps is IStepVerifier {
    using Part for bytes;
    using Stack for Step;
    using Steps for Step;

    uint256 private constant HISTORY = 0xf90827f1c53a10cb7a02335b175320002935;
    uint256 private constant HISTORY_WINDOW = 8191;
    uint256 private constant HASHES_BACK = 256;
    uint256 private constant COLD_SLOT = 2100;
    uint256 private constant SENTRY = 2300;

    Forks public immutable FORKS;

    constructor(Forks forks) {
        FORKS = forks;
    }

    /// @inheritdoc IStepVerifier
    function step(bytes32 pre, bytes calldata evidence) external view returns (bytes32) {
        Step memory s = Steps.openFramed(pre, evidence, Phase.OP);
        (bool going, Instruction memory instruction) = Opcodes.begin(s, Opcodes.STATE, FORKS);
        if (!going) return s.halt();
        uint256 opcode = instruction.opcode;
        if (opcode == 0x40) return _blockHash(s, instruction);
        if (opcode == 0x47) return _selfBalance(s, instruction);
        if (opcode == 0x3c) return _copyCode(s, instruction);
        if (opcode < 0x40) return _account(s, instruction);
        if (opcode == 0x54) return _load(s, instruction);
        if (opcode == 0x55) return _store(s, instruction);
        if (opcode < 0x60) return _transient(s, instruction);
        return _selfDestruct(s, instruction);
    }

    /// @dev BALANCE, EXTCODESIZE, EXTCODEHASH: environment, block, the address's mark; the account.
    function _account(Step memory s, Instruction memory instruction) private view returns (bytes32) {
        uint256 address_ = uint160(instruction.operands[0]);
        s.openBlock();
        Touched memory touched = Access.open(s, FORKS, address_);
        if (!s.spend(Access.gasOf(touched))) return s.halt();
        Access.warm(s, touched);
        Account memory account = Accounts.open(s, address_);
        if (instruction.opcode == 0x31) s.push(account.balance);
        else if (instruction.opcode == 0x3b) s.push(account.codeSize);
        else s.push(account.path.found ? account.codeHash : 0);
        return s.next();
    }

    /// @dev EXTCODECOPY: environment, block, the address's mark; the account, where bytes are copied.
    function _copyCode(Step memory s, Instruction memory instruction) private view returns (bytes32) {
        uint256[] memory operands = instruction.operands;
        uint256 address_ = uint160(operands[0]);
        (uint256 to, uint256 from, uint256 length) = (operands[1], operands[2], operands[3]);
        s.openBlock();
        Touched memory touched = Access.open(s, FORKS, address_);
        (bool fits, uint256 words) = Memory.wordsAfter(Memory.wordsOf(s), to, length);
        if (!fits) return s.halt();
        uint256 expansion = Memory.expansionGas(Memory.wordsOf(s), words);
        if (!s.spend(Access.gasOf(touched) + 3 * ((length + 31) / 32) + expansion)) return s.halt();
        Memory.expand(s, words);
        Access.warm(s, touched);
        if (length == 0) return s.next();
        Account memory account = Accounts.open(s, address_);
        s.newRegisters(Registers.COPY_CODE);
        if (from < account.codeSize) {
            uint32 size = uint32(account.codeSize);
            Reference memory source =
                Reference(bytes32(account.codeRoot), size, uint32(from), size - uint32(from));
            Steps.writeReference(s.registers, Registers.SOURCE_AT, source);
        }
        s.registers.put(Registers.DESTINATION, to);
        s.registers.put(Registers.LENGTH, length);
        s.setRegisters();
        s.state.put(State.PHASE, Phase.BULK);
        return s.next();
    }

    /// @dev BLOCKHASH: environment, block; the slot of the history contract, in its window.
    function _blockHash(Step memory s, Instruction memory instruction) private pure returns (bytes32) {
        if (!s.spend(instruction.gas)) return s.halt();
        s.openBlock();
        uint256 number = instruction.operands[0];
        uint256 current = s.blockEnvironment.get(BlockEnvironment.NUMBER);
        if (number >= current || current - number > HASHES_BACK) {
            s.push(0);
        } else {
            bytes32 root = bytes32(s.rest.get(Rest.STATE_ROOT));
            s.push(Accounts.openSlot(s, root, HISTORY, number % HISTORY_WINDOW).value);
        }
        return s.next();
    }

    /// @dev SELFBALANCE: the account.
    function _selfBalance(Step memory s, Instruction memory instruction) private pure returns (bytes32) {
        if (!s.spend(instruction.gas)) return s.halt();
        s.push(Accounts.open(s, s.frame.get(Frame.SELF)).balance);
        return s.next();
    }

    /// @dev SLOAD: the slot's mark; the slot.
    function _load(Step memory s, Instruction memory instruction) private pure returns (bytes32) {
        uint256 self = s.frame.get(Frame.SELF);
        uint256 slot = instruction.operands[0];
        Path memory mark = Marks.openSlot(s, self, slot);
        if (!s.spend(mark.found ? Access.WARM : COLD_SLOT)) return s.halt();
        if (!mark.found) Marks.set(s, mark, 1);
        s.push(Accounts.openSlot(s, bytes32(s.rest.get(Rest.STATE_ROOT)), self, slot).value);
        return s.next();
    }

    /// @dev SSTORE: the slot now, what it was when the transaction began (unless the frame is fresh), its mark; the slot's
    /// sibling where it is removed, the sweep record where a fresh account's slot is filled.
    function _store(Step memory s, Instruction memory instruction) private pure returns (bytes32) {
        uint256 flags = s.frame.get(Frame.FLAGS);
        if (flags & Frame.STATIC != 0 || s.state.get(State.GAS) <= SENTRY) return s.halt();
        uint256 self = s.frame.get(Frame.SELF);
        (uint256 slot, uint256 value) = (instruction.operands[0], instruction.operands[1]);
        bool fresh = flags & Frame.FRESH != 0;
        Path memory path = Accounts.openSlot(s, bytes32(s.rest.get(Rest.STATE_ROOT)), self, slot);
        uint256 current = path.value;
        // A slot of an account that this transaction created was zero before it.
        uint256 original =
            fresh ? 0 : Accounts.openSlot(s, bytes32(s.rest.get(Rest.TX_START_ROOT)), self, slot).value;
        Path memory mark = Marks.openSlot(s, self, slot);
        uint256 gas_ = value == current || original != current ? 100 : original == 0 ? 20_000 : 2900;
        if (!s.spend(gas_ + (mark.found ? 0 : COLD_SLOT))) return s.halt();
        if (!mark.found) Marks.set(s, mark, 1);
        if (value != current) {
            _refund(s, original, current, value);
            Accounts.setSlot(s, path, value);
            if (fresh && current == 0) Sweep.addFreshSlot(s, self, slot);
        }
        return s.next();
    }

    /// @dev EIP-2200, EIP-3529. The counter never falls below zero: what is taken back was given before.
    function _refund(Step memory s, uint256 original, uint256 current, uint256 value) private pure {
        uint256 refund = s.state.get(State.REFUND);
        if (original == current) {
            if (original != 0 && value == 0) refund += 4800;
        } else {
            if (original != 0 && value == 0) refund += 4800;
            if (value == original) refund += original == 0 ? 19_900 : 2800;
            if (original != 0 && current == 0) refund -= 4800;
        }
        s.state.put(State.REFUND, refund);
    }

    /// @dev TLOAD, TSTORE: the transient slot; its sibling where it is removed.
    function _transient(Step memory s, Instruction memory instruction) private pure returns (bytes32) {
        bool stores = instruction.opcode == 0x5d;
        if (stores && s.frame.get(Frame.FLAGS) & Frame.STATIC != 0) return s.halt();
        if (!s.spend(instruction.gas)) return s.halt();
        Path memory path = Marks.openTransient(s, s.frame.get(Frame.SELF), instruction.operands[0]);
        if (stores) Marks.set(s, path, instruction.operands[1]);
        else s.push(path.value);
        return s.next();
    }

    /// @dev SELFDESTRUCT: environment, block, the beneficiary's mark, the account, where it has a balance the beneficiary;
    /// what the payment takes; where the account is fresh its mark, and the sweep record.
    function _selfDestruct(Step memory s, Instruction memory instruction) private view returns (bytes32) {
        uint256 flags = s.frame.get(Frame.FLAGS);
        if (flags & Frame.STATIC != 0) return s.halt();
        uint256 self = s.frame.get(Frame.SELF);
        uint256 beneficiary = uint160(instruction.operands[0]);
        s.openBlock();
        Touched memory touched = Access.open(s, FORKS, beneficiary);
        Account memory account = Accounts.open(s, self);
        uint256 balance = account.balance;
        uint256 gas_ = 5000 + (touched.warm ? 0 : Access.COLD);
        if (balance > 0 && Accounts.isEmpty(Accounts.open(s, beneficiary))) gas_ += 25_000;
        if (!s.spend(gas_)) return s.halt();
        Access.warm(s, touched);
        bool fresh = flags & Frame.FRESH != 0;
        if (balance > 0 && (beneficiary != self || fresh)) {
            // To itself: burned, because the account goes.
            Accounts.debit(s, account, balance);
            if (beneficiary != self) Accounts.credit(s, beneficiary, balance);
        }
        if (fresh) {
            Path memory mark = Marks.openAddress(s, self);
            if (mark.value & Marks.DESTROYED == 0) {
                Marks.add(s, mark, Marks.DESTROYED);
                Sweep.addDestroyed(s, self);
            }
        }
        return s.exit(Result.SUCCESS, Reference(0, 0, 0, 0));
    }
}
