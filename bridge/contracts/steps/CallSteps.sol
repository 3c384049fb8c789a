// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {Reference} from "../libraries/MachineState.sol";
import {Tag} from "../libraries/Tag.sol";
import {Access, Touched} from "./Access.sol";
import {Account, Accounts} from "./Accounts.sol";
import {Delegation} from "./Delegation.sol";
import {Forks} from "./Forks.sol";
import {Marks} from "./Marks.sol";
import {Memory} from "./Memory.sol";
import {Instruction, Opcodes} from "./Opcodes.sol";
import {Frame, Part, Phase, Registers, Rest, State} from "./Part.sol";
import {Stack} from "./Stack.sol";
import {Step, Steps} from "./Steps.sol";

/// @title CALL, CALLCODE, DELEGATECALL, STATICCALL, CREATE, CREATE2
/// @notice Evidence behind what every instruction has: what the functions below say, in their order.
contract CallSteps is IStepVerifier {
    using Memory for Step;
    using Part for bytes;
    using Stack for Step;
    using Steps for Step;

    uint256 private constant CREATE = 0xf0;
    uint256 private constant CALL = 0xf1;
    uint256 private constant DELEGATECALL = 0xf4;
    uint256 private constant CREATE2 = 0xf5;
    uint256 private constant STATICCALL = 0xfa;

    uint256 private constant MAX_DEPTH = 1024;
    uint256 private constant VALUE_GAS = 9000;
    uint256 private constant NEW_ACCOUNT_GAS = 25_000;
    uint256 private constant STIPEND = 2300;
    uint256 private constant CREATE_GAS = 32_000;
    uint256 private constant MAX_INITCODE = 49_152;

    Forks public immutable FORKS;

    constructor(Forks forks) {
        FORKS = forks;
    }

    /// @inheritdoc IStepVerifier
    function step(bytes32 pre, bytes calldata evidence) external view returns (bytes32) {
        Step memory s = Steps.openFramed(pre, evidence, Phase.OP);
        (bool going, Instruction memory instruction) = Opcodes.begin(s, Opcodes.CALLS, FORKS);
        if (!going) return s.halt();
        uint256 opcode = instruction.opcode;
        return opcode == CREATE || opcode == CREATE2 ? _create(s, instruction) : _call(s, instruction);
    }

    /// @dev Environment, block, the callee's mark, the callee; where it delegates the delegate's mark, as it is once the callee
    /// is warm. The caller, where it has to have a value.
    function _call(Step memory s, Instruction memory instruction) private view returns (bytes32) {
        uint256[] memory operands = instruction.operands;
        uint256 opcode = instruction.opcode;
        uint256 callee = uint160(operands[1]);
        uint256 value = operands.length == 7 ? operands[2] : 0;
        bool own = opcode == CALL || opcode == STATICCALL;
        if (own && value != 0 && s.frame.get(Frame.FLAGS) & Frame.STATIC != 0) return s.halt();
        (bool fits, uint256 words) = _wordsAfter(s, operands);
        if (!fits) return s.halt();
        s.openBlock();
        Touched memory touched = Access.open(s, FORKS, callee);
        uint256 gas_ = Memory.expansionGas(s.wordsOf(), words) + _accessGas(s, callee, touched, value != 0 && own);
        if (value != 0) gas_ += VALUE_GAS;
        if (!s.spend(gas_)) return s.halt();
        s.expand(words);
        Steps.writeReference(s.rest, Rest.RETURNDATA_AT, Reference(0, 0, 0, 0));

        gas_ = _forward(s, operands[0]);
        if (value != 0) gas_ += STIPEND;
        if (_isTooDeep(s) || (value != 0 && value > Accounts.open(s, s.frame.get(Frame.SELF)).balance)) {
            s.state.put(State.GAS, s.state.get(State.GAS) + gas_);
            return _fail(s);
        }
        bool created = touched.path.value & Marks.CREATED != 0;
        return _descend(s, _callee(s, instruction, callee, own, created), gas_, Phase.ENTER);
    }

    /// @dev Words of memory that holds both windows of a call.
    function _wordsAfter(Step memory s, uint256[] memory operands) private pure returns (bool, uint256) {
        uint256 count = operands.length;
        (bool input, uint256 words) = Memory.wordsAfter(s.wordsOf(), operands[count - 4], operands[count - 3]);
        bool output;
        (output, words) = Memory.wordsAfter(words, operands[count - 2], operands[count - 1]);
        return (input && output, words);
    }

    /// @dev What touching the callee costs, and its delegate; both become warm. `pays`: and making an account of it, if it is
    /// empty.
    function _accessGas(Step memory s, uint256 callee, Touched memory touched, bool pays)
        private
        view
        returns (uint256 gas_)
    {
        gas_ = Access.gasOf(touched);
        Access.warm(s, touched);
        Account memory account = Accounts.open(s, callee);
        if (pays && Accounts.isEmpty(account)) gas_ += NEW_ACCOUNT_GAS;
        (bool delegated, uint256 delegate) = Delegation.delegateOf(s, FORKS, account);
        if (delegated) {
            Touched memory other = Access.open(s, FORKS, delegate);
            gas_ += Access.gasOf(other);
            Access.warm(s, other);
        }
    }

    /// @dev The frame that a call begins.
    function _callee(Step memory s, Instruction memory instruction, uint256 callee, bool own, bool created)
        private
        pure
        returns (bytes memory frame)
    {
        (uint256[] memory operands, uint256 opcode) = (instruction.operands, instruction.opcode);
        uint256 count = operands.length;
        uint256 flags = s.frame.get(Frame.FLAGS) & (own ? Frame.STATIC : Frame.STATIC | Frame.FRESH);
        if (own && created) flags |= Frame.FRESH;
        if (opcode == STATICCALL) flags |= Frame.STATIC;
        uint256 self = s.frame.get(Frame.SELF);
        frame = _newFrame();
        frame.put(Frame.SELF, own ? callee : self);
        frame.put(Frame.CODE_ADDRESS, callee);
        if (opcode == DELEGATECALL) {
            frame.put(Frame.CALLER, s.frame.get(Frame.CALLER));
            frame.put(Frame.VALUE, s.frame.get(Frame.VALUE));
            flags |= Frame.DELEGATED;
        } else {
            frame.put(Frame.CALLER, self);
            frame.put(Frame.VALUE, count == 7 ? operands[2] : 0);
        }
        frame.put(Frame.FLAGS, flags);
        Steps.writeReference(frame, Frame.CALLDATA_AT, s.referTo(operands[count - 4], operands[count - 3]));
        uint256 length = operands[count - 1];
        frame.put(Frame.OUT_OFFSET, length == 0 ? 0 : operands[count - 2]);
        frame.put(Frame.OUT_LENGTH, length);
    }

    /// @dev The creator.
    function _create(Step memory s, Instruction memory instruction) private pure returns (bytes32) {
        (uint256 value, uint256 offset, uint256 length) =
            (instruction.operands[0], instruction.operands[1], instruction.operands[2]);
        bool salted = instruction.opcode == CREATE2;
        (bool fits, uint256 words) = Memory.wordsAfter(s.wordsOf(), offset, length);
        if (s.frame.get(Frame.FLAGS) & Frame.STATIC != 0 || !fits || length > MAX_INITCODE) return s.halt();
        // Of each word: for its chunks, and for its hash.
        uint256 gas_ = CREATE_GAS + (salted ? 8 : 2) * ((length + 31) / 32);
        if (!s.spend(gas_ + Memory.expansionGas(s.wordsOf(), words))) return s.halt();
        s.expand(words);
        Steps.writeReference(s.rest, Rest.RETURNDATA_AT, Reference(0, 0, 0, 0));
        if (_isTooDeep(s)) return _fail(s);
        uint256 self = s.frame.get(Frame.SELF);
        Account memory creator = Accounts.open(s, self);
        if (value > creator.balance || creator.nonce == type(uint64).max) return _fail(s);
        ++creator.nonce;
        Accounts.set(s, creator);

        s.newRegisters(salted ? Registers.INITCODE2 : Registers.INITCODE);
        Steps.writeReference(s.registers, Registers.SOURCE_AT, s.referTo(offset, length));
        if (salted) s.registers.put(Registers.X, instruction.operands[3]);
        s.setRegisters();
        // INITCODE gives it an address.
        bytes memory frame = _newFrame();
        frame.put(Frame.CALLER, self);
        frame.put(Frame.VALUE, value);
        frame.put(Frame.FLAGS, Frame.CREATE | Frame.FRESH);
        return _descend(s, frame, _forward(s, type(uint256).max), Phase.INITCODE);
    }

    function _newFrame() private pure returns (bytes memory frame) {
        frame = new bytes(Frame.SIZE);
        frame[0] = Tag.FRAME;
    }

    function _isTooDeep(Step memory s) private pure returns (bool) {
        return s.state.get(State.DEPTH) == MAX_DEPTH;
    }

    /// @dev Takes the gas that a child wants, but for a 64th of all there is (EIP-150).
    function _forward(Step memory s, uint256 wanted) private pure returns (uint256 given) {
        uint256 left = s.state.get(State.GAS);
        given = left - left / 64;
        if (wanted < given) given = wanted;
        s.state.put(State.GAS, left - given);
    }

    /// @dev No frame begins, and the caller is told so.
    function _fail(Step memory s) private pure returns (bytes32) {
        s.push(0);
        return s.next();
    }

    /// @dev The caller waits behind its instruction, the child begins.
    function _descend(Step memory s, bytes memory frame, uint256 gas_, uint256 phase) private pure returns (bytes32) {
        bytes memory parent = bytes.concat(s.state);
        parent[0] = Tag.SUSPENDED;
        parent.put(State.PC, parent.get(State.PC) + 1);
        parent.put(State.REST, s.rest.get(Rest.FRAME));
        frame.put(Frame.PARENT, uint256(keccak256(parent)));
        s.frame = frame;
        s.setFrame();
        s.state.put(State.PHASE, phase);
        s.state.put(State.PC, 0);
        s.state.put(State.SP, 0);
        s.state.put(State.DEPTH, s.state.get(State.DEPTH) + 1);
        s.state.put(State.MEMORY_WORDS, 0);
        s.state.put(State.GAS, gas_);
        s.state.put(State.STACK, 0);
        s.state.put(State.MEMORY, 0);
        return s.seal();
    }
}
