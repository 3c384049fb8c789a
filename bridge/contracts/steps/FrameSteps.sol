// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {MachineState, Reference} from "../libraries/MachineState.sol";
import {Tag} from "../libraries/Tag.sol";
import {Account, Accounts} from "./Accounts.sol";
import {Access, Touched} from "./Access.sol";
import {Delegation} from "./Delegation.sol";
import {Forks} from "./Forks.sol";
import {Marks} from "./Marks.sol";
import {Frame, Part, Phase, Registers, Rest, Result, State} from "./Part.sol";
import {Stack} from "./Stack.sol";
import {Step, Steps} from "./Steps.sol";

/// @title Begin and end of frames: phases ENTER and EXIT
/// @notice Evidence behind state, rest and frame: what the functions below say, in their order.
contract FrameSteps is IStepVerifier {
    using Part for bytes;
    using Stack for Step;
    using Steps for Step;

    Forks public immutable FORKS;

    constructor(Forks forks) {
        FORKS = forks;
    }

    /// @inheritdoc IStepVerifier
    function step(bytes32 pre, bytes calldata evidence) external view returns (bytes32) {
        // Which of the two is a claim of the evidence's, until the state is opened in that phase.
        bool enters = evidence.length > 1 && uint8(evidence[1]) == Phase.ENTER;
        Step memory s = Steps.openFramed(pre, evidence, enters ? Phase.ENTER : Phase.EXIT);
        if (!enters) return _exit(s);
        return s.frame.get(Frame.FLAGS) & Frame.CREATE != 0 ? _enterCreation(s) : _enterCall(s);
    }

    /// @dev The new account; where it was none its mark, and the payment.
    function _enterCreation(Step memory s) private pure returns (bytes32) {
        _setEntry(s);
        uint256 self = s.frame.get(Frame.SELF);
        Account memory account = Accounts.open(s, self);
        if (account.nonce > 0 || account.codeSize > 0) {
            // No HALT of the state before: the entry is kept, so what the creation did before it is kept as well.
            s.state.put(State.GAS, 0);
            return s.exit(Result.HALT, Reference(0, 0, 0, 0));
        }
        Marks.add(s, Marks.openAddress(s, self), Marks.CREATED);
        account.nonce = 1;
        Accounts.set(s, account);
        return _begin(s);
    }

    /// @dev Environment, block. Unless it is a precompile: the account whose code runs; where that delegates, and to no
    /// precompile, the delegate's mark (for the transaction's own call) and the delegate. The payment.
    function _enterCall(Step memory s) private view returns (bytes32) {
        s.openBlock();
        uint256 codeAddress = s.frame.get(Frame.CODE_ADDRESS);
        bool native = Marks.isPrecompile(s, FORKS, codeAddress);
        if (!native) _openCode(s, Accounts.open(s, codeAddress));
        _setEntry(s);
        if (!native) return _begin(s);
        _pay(s);
        s.state.put(State.PHASE, Phase.PRECOMPILE);
        return s.seal();
    }

    /// @dev The frame's code: the account's, or its delegate's.
    function _openCode(Step memory s, Account memory account) private view {
        (bool delegated, uint256 delegate) = Delegation.delegateOf(s, FORKS, account);
        if (delegated) {
            // CALL paid for it and made it warm; that of the transaction's own target is warm for nothing.
            if (s.state.get(State.DEPTH) == 0) Access.warm(s, Access.open(s, FORKS, delegate));
            if (Marks.isPrecompile(s, FORKS, delegate)) return;
            account = Accounts.open(s, delegate);
        }
        s.frame.put(Frame.CODE_ROOT, account.codeRoot);
        s.frame.put(Frame.CODE_SIZE, account.codeSize);
    }

    /// @dev What the frame goes back to if it fails is as things are now.
    function _setEntry(Step memory s) private pure {
        s.frame.put(Frame.ENTRY_STATE_ROOT, s.rest.get(Rest.STATE_ROOT));
        s.frame.put(Frame.ENTRY_TX_TREE, s.rest.get(Rest.TX_TREE));
        s.frame.put(Frame.ENTRY_LOGS, s.rest.get(Rest.LOGS));
        s.frame.put(Frame.ENTRY_SWEEP, s.rest.get(Rest.SWEEP));
        s.frame.put(Frame.ENTRY_REFUND, s.state.get(State.REFUND));
        s.setFrame();
    }

    /// @dev The value moves, and the code runs, if there is any.
    function _begin(Step memory s) private pure returns (bytes32) {
        _pay(s);
        if (s.frame.get(Frame.CODE_SIZE) == 0) return s.exit(Result.SUCCESS, Reference(0, 0, 0, 0));
        s.state.put(State.PHASE, Phase.OP);
        return s.seal();
    }

    function _pay(Step memory s) private pure {
        if (s.frame.get(Frame.FLAGS) & Frame.DELEGATED != 0) return;
        Accounts.transfer(s, s.frame.get(Frame.CALLER), s.frame.get(Frame.SELF), s.frame.get(Frame.VALUE));
    }

    /// @dev Unless code is stored next or the transaction is over: the registers, where the caller sees an output and there is
    /// one; the caller that waits.
    function _exit(Step memory s) private pure returns (bytes32) {
        uint256 result = s.state.get(State.RESULT);
        bool creates = s.frame.get(Frame.FLAGS) & Frame.CREATE != 0;
        if (creates && result == Result.SUCCESS) {
            s.state.put(State.PHASE, Phase.DEPOSIT);
            return s.seal();
        }
        bool failed = result == Result.REVERT || result == Result.HALT;
        if (failed) _restoreEntry(s);
        if (result == Result.HALT) s.state.put(State.GAS, 0);
        if (s.state.get(State.DEPTH) == 0) {
            s.clearRegisters();
            _setReturndata(s, Reference(0, 0, 0, 0));
            s.state.put(State.PHASE, Phase.TXEND);
            return s.seal();
        }
        Reference memory output;
        bool shown = creates ? result == Result.REVERT : result != Result.HALT;
        if (shown && s.rest.get(Rest.REGISTERS) != 0) {
            s.openRegisters();
            output = MachineState.referenceAt(s.registers, Registers.SOURCE_AT);
        }
        _resume(s);
        _setReturndata(s, output);
        s.push(failed ? 0 : creates ? s.frame.get(Frame.SELF) : 1);
        uint256 length = creates ? 0 : s.frame.get(Frame.OUT_LENGTH);
        if (length > output.length) length = output.length;
        if (length == 0) {
            s.clearRegisters();
            return s.seal();
        }
        s.newRegisters(Registers.WRITE_BACK);
        output.length = uint32(length);
        Steps.writeReference(s.registers, Registers.SOURCE_AT, output);
        s.registers.put(Registers.DESTINATION, s.frame.get(Frame.OUT_OFFSET));
        s.registers.put(Registers.LENGTH, length);
        s.setRegisters();
        s.state.put(State.PHASE, Phase.BULK);
        return s.seal();
    }

    function _restoreEntry(Step memory s) private pure {
        s.rest.put(Rest.STATE_ROOT, s.frame.get(Frame.ENTRY_STATE_ROOT));
        s.rest.put(Rest.TX_TREE, s.frame.get(Frame.ENTRY_TX_TREE));
        s.rest.put(Rest.LOGS, s.frame.get(Frame.ENTRY_LOGS));
        s.rest.put(Rest.SWEEP, s.frame.get(Frame.ENTRY_SWEEP));
        s.state.put(State.REFUND, s.frame.get(Frame.ENTRY_REFUND));
    }

    function _setReturndata(Step memory s, Reference memory output) private pure {
        Steps.writeReference(s.rest, Rest.RETURNDATA_AT, output);
    }

    /// @dev The caller goes on, with the gas that the frame left it; what it waits with has a state's fields.
    function _resume(Step memory s) private pure {
        bytes memory parent =
            Steps.part(s, bytes32(s.frame.get(Frame.PARENT)), State.SIZE, Tag.SUSPENDED);
        s.rest.put(Rest.FRAME, parent.get(State.REST));
        parent.put(State.GAS, parent.get(State.GAS) + s.state.get(State.GAS));
        parent.put(State.REFUND, s.state.get(State.REFUND));
        parent[0] = Tag.MACHINE_STATE;
        s.state = parent;
    }
}
