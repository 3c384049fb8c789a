// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {Reference} from "../libraries/MachineState.sol";
import {Tag} from "../libraries/Tag.sol";
import {BlockEnvironment, Environment, Field, Frame, Part, Phase, Registers, Rest, Result, State} from "./Part.sol";

/// @notice One step of the machine: what of its evidence is not read yet, and the state's parts as they become.
/// @param before State and rest before the step, side by side.
/// @param frame Empty until it is opened, as all that follow.
struct Step {
    Evidence unread;
    bytes before;
    bytes state;
    bytes rest;
    bytes frame;
    bytes registers;
    bytes environment;
    bytes blockEnvironment;
    bytes logs;
}

/// @title The frame of every step: parts are opened by the hash that names them, changed in memory, and sealed
/// @notice Evidence begins with the state without its rest's hash, and the rest; in phases of a frame with the rest without
/// its frame's hash, and the frame: those hashes are computed. Any other part is taken only once its hash is known. Width and
/// tag of each are tested, so that no preimage of another kind is read as one. A check that fails ends the evidence: what
/// would be read later must not be there.
library Steps {
    using EvidenceReader for Evidence;
    using Part for bytes;

    /// @notice Opens the state with hash `pre` in the given phase.
    function open(bytes32 pre, bytes calldata evidence, uint256 phase) internal pure returns (Step memory s) {
        _begin(s, evidence);
        s.rest = s.unread.take(Rest.SIZE);
        _openState(s, pre, phase);
    }

    /// @notice Opens the state with hash `pre` in the given phase, which is one of a frame's, and its frame.
    function openFramed(bytes32 pre, bytes calldata evidence, uint256 phase) internal pure returns (Step memory s) {
        _begin(s, evidence);
        s.rest = _without(s, Rest.SIZE, Rest.FRAME);
        s.frame = s.unread.take(Frame.SIZE);
        if (s.frame[0] != Tag.FRAME) revert ILeafRules.BadEvidence();
        setFrame(s);
        _openState(s, pre, phase);
    }

    function _begin(Step memory s, bytes calldata evidence) private pure {
        s.unread = EvidenceReader.open(evidence);
        s.state = _without(s, State.SIZE, State.REST);
    }

    /// @dev The next bytes as a part of `size` bytes whose field `hash`, a word, is not among them.
    function _without(Step memory s, uint256 size, Field hash) private pure returns (bytes memory opened) {
        uint256 place = Field.unwrap(hash) >> 8;
        opened = new bytes(size);
        uint256 from = s.unread.offset;
        s.unread.take(size - 32);
        assembly ("memory-safe") {
            calldatacopy(add(opened, 32), from, place)
            calldatacopy(add(add(opened, 64), place), add(from, place), sub(sub(size, 32), place))
        }
    }

    function _openState(Step memory s, bytes32 pre, uint256 phase) private pure {
        s.state.put(State.REST, uint256(keccak256(s.rest)));
        if (
            keccak256(s.state) != pre || s.state[0] != Tag.MACHINE_STATE || s.rest[0] != Tag.REST
                || s.state.get(State.PHASE) != phase
        ) revert ILeafRules.BadEvidence();
        s.before = bytes.concat(s.state, s.rest);
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
        (bytes memory before, bytes memory state, bytes memory rest) = (s.before, s.state, s.rest);
        assembly ("memory-safe") {
            mcopy(add(state, 32), add(before, 32), mload(state))
            mcopy(add(rest, 32), add(add(before, 32), mload(state)), mload(rest))
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
