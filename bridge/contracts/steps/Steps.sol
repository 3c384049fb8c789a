// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {Reference} from "../libraries/MachineState.sol";
import {Tag} from "../libraries/Tag.sol";
import {BlockEnvironment, Environment, Field, Frame, Part, Phase, Registers, Rest, Result, State} from "./Part.sol";

/// @notice One step of the machine: what of its evidence is not read yet, and the state's parts as they become.
/// @param start Where in calldata the state before stands.
/// @param frame Empty until it is opened, as all that follow.
struct Step {
    Evidence unread;
    uint256 start;
    bytes state;
    bytes rest;
    bytes frame;
    bytes registers;
    bytes environment;
    bytes blockEnvironment;
    bytes logs;
}

/// @title The frame of every step: parts are opened by the hash that names them, changed in memory, and sealed
/// @notice Evidence begins with state and rest. A part is taken only once its hash is known; its width and its tag are
/// tested, so that no preimage of another kind is read as one. A check that fails ends the evidence: what would be read
/// later must not be there.
library Steps {
    using EvidenceReader for Evidence;
    using Part for bytes;

    /// @notice Opens the state with hash `pre` in the given phase.
    function open(bytes32 pre, bytes calldata evidence, uint256 phase) internal pure returns (Step memory s) {
        s.unread = EvidenceReader.open(evidence);
        s.start = s.unread.offset;
        s.state = part(s, pre, State.SIZE, Tag.MACHINE_STATE);
        if (s.state.get(State.PHASE) != phase) revert ILeafRules.BadEvidence();
        s.rest = part(s, bytes32(s.state.get(State.REST)), Rest.SIZE, Tag.REST);
    }

    /// @notice The next `size` bytes, which must be the preimage of `hash`.
    function part(Step memory s, bytes32 hash, uint256 size, bytes1 tag) internal pure returns (bytes memory opened) {
        opened = s.unread.take(size);
        if (keccak256(opened) != hash || opened[0] != tag) revert ILeafRules.BadEvidence();
    }

    function openFrame(Step memory s) internal pure {
        s.frame = part(s, bytes32(s.rest.get(Rest.FRAME)), Frame.SIZE, Tag.FRAME);
    }

    function openRegisters(Step memory s) internal pure {
        s.registers = part(s, bytes32(s.rest.get(Rest.REGISTERS)), Registers.SIZE, Tag.REGISTERS);
    }

    function openEnvironment(Step memory s) internal pure {
        s.environment = part(s, bytes32(s.rest.get(Rest.ENVIRONMENT)), Environment.SIZE, Tag.ENVIRONMENT);
    }

    /// @notice Environment and block.
    function openBlock(Step memory s) internal pure {
        openEnvironment(s);
        bytes32 hash = bytes32(s.environment.get(Environment.BLOCK));
        s.blockEnvironment = part(s, hash, BlockEnvironment.SIZE, Tag.BLOCK_ENVIRONMENT);
    }

    /// @notice Takes gas; false where there is not so much, and the frame halts.
    function spend(Step memory s, uint256 gas) internal pure returns (bool) {
        uint256 left = s.state.get(State.GAS);
        if (gas > left) return false;
        unchecked {
            s.state.put(State.GAS, left - gas);
        }
        return true;
    }

    /// @notice Hash of the state that these parts are now. Nothing may be left of the evidence.
    function seal(Step memory s) internal pure returns (bytes32) {
        s.unread.close();
        s.state.put(State.REST, uint256(keccak256(s.rest)));
        return keccak256(s.state);
    }

    /// @notice Goes on behind an instruction of one byte.
    function next(Step memory s) internal pure returns (bytes32) {
        unchecked {
            s.state.put(State.PC, s.state.get(State.PC) + 1);
        }
        return seal(s);
    }

    /// @notice HALT: the state before, with result 3, no gas and no registers, in EXIT. What the step did never was.
    function halt(Step memory s) internal pure returns (bytes32) {
        (bytes memory state, bytes memory rest, uint256 start) = (s.state, s.rest, s.start);
        assembly ("memory-safe") {
            calldatacopy(add(state, 32), start, mload(state))
            calldatacopy(add(rest, 32), add(start, mload(state)), mload(rest))
        }
        s.state.put(State.GAS, 0);
        return exit(s, Result.HALT, Reference(0, 0, 0, 0));
    }

    /// @notice The frame ends with this output.
    function exit(Step memory s, uint256 result, Reference memory output) internal pure returns (bytes32) {
        s.state.put(State.PHASE, Phase.EXIT);
        s.state.put(State.RESULT, result);
        if (output.length == 0) {
            clearRegisters(s);
        } else {
            newRegisters(s, Registers.OUTPUT);
            writeReference(s.registers, Registers.SOURCE_AT, output);
            setRegisters(s);
        }
        return seal(s);
    }

    /// @notice Registers of a kind, all other fields zero, not yet in the state.
    function newRegisters(Step memory s, uint256 kind) internal pure {
        s.registers = new bytes(Registers.SIZE);
        s.registers[0] = Tag.REGISTERS;
        s.registers.put(Registers.KIND, kind);
    }

    /// @notice Puts the registers as they are into the state.
    function setRegisters(Step memory s) internal pure {
        s.rest.put(Rest.REGISTERS, uint256(keccak256(s.registers)));
    }

    function clearRegisters(Step memory s) internal pure {
        s.rest.put(Rest.REGISTERS, 0);
    }

    /// @notice Puts the frame as it is into the state.
    function setFrame(Step memory s) internal pure {
        s.rest.put(Rest.FRAME, uint256(keccak256(s.frame)));
    }

    /// @notice Writes a reference of 44 bytes; an empty one is zeros.
    function writeReference(bytes memory target, uint256 place, Reference memory given) internal pure {
        bool empty = given.length == 0;
        target.put(Field.wrap(place << 8 | 32), empty ? 0 : uint256(given.root));
        target.put(Field.wrap((place + 32) << 8 | 4), empty ? 0 : given.words);
        target.put(Field.wrap((place + 36) << 8 | 4), empty ? 0 : given.offset);
        target.put(Field.wrap((place + 40) << 8 | 4), given.length);
    }
}
