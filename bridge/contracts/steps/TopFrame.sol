// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {MachineState, Reference} from "../libraries/MachineState.sol";
import {Environment, Part, Phase, Registers, State} from "./Part.sol";
import {Item, Rlp} from "./Rlp.sol";
import {Step, Steps} from "./Steps.sol";
import {Words} from "./Words.sol";

/// @title What follows a transaction's lists: first that of access, then the authorizations, then the top frame
/// @notice The environment is opened before.
library TopFrame {
    using Part for bytes;
    using Steps for Step;

    /// @notice Bit of an environment's kind.
    uint256 internal constant CREATION = 0x80;

    uint256 private constant HEADER_BYTES = 5;

    /// @notice Behind the access list. `envelope`: a reference into it. Evidence: for a transaction with authorizations the
    /// words in which their list's header lies.
    function afterAccess(Step memory s, Reference memory envelope) internal pure {
        uint256 offset = s.environment.get(Environment.AUTHORIZATION_OFFSET);
        if (offset == 0) return begin(s);
        Reference memory list = Reference(envelope.root, envelope.words, uint32(offset), uint32(HEADER_BYTES));
        bytes memory head = Words.read(s.unread, list, 0, HEADER_BYTES);
        // INVARIANT: DECODE has found the list to be canonical.
        Item memory item = Rlp.read(head, 0, type(uint256).max);
        (item.start, item.end) = (offset + item.start, offset + item.end);
        beginList(s, Phase.AUTHORIZE, Registers.AUTHORIZE, envelope, item);
    }

    /// @notice The phase that goes through a list of the envelope, whose payload is not empty.
    function beginList(Step memory s, uint256 phase, uint256 kind, Reference memory envelope, Item memory list)
        internal
        pure
    {
        s.newRegisters(kind);
        Steps.writeReference(s.registers, Registers.SOURCE_AT, within(envelope, list));
        s.setRegisters();
        s.state.put(State.PHASE, phase);
    }

    /// @notice An item's payload.
    function within(Reference memory envelope, Item memory item) internal pure returns (Reference memory) {
        return Reference(envelope.root, envelope.words, uint32(item.start), uint32(item.end - item.start));
    }

    /// @notice Behind all lists.
    function begin(Step memory s) internal pure {
        if (s.environment.get(Environment.KIND) & CREATION == 0) {
            s.clearRegisters();
            s.state.put(State.PHASE, Phase.ENTER);
        } else {
            s.newRegisters(Registers.INITCODE);
            Reference memory data = MachineState.referenceAt(s.environment, Environment.DATA_AT);
            Steps.writeReference(s.registers, Registers.SOURCE_AT, data);
            s.setRegisters();
            s.state.put(State.PHASE, Phase.INITCODE);
        }
    }
}
