// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {StateHash} from "./Ids.sol";
import {Tag} from "./Tag.sol";

/// @notice Bytes that lie in a tree of words: byte i is byte `offset + i` of the tree.
/// @param root Of the tree over `words` raw words, padded with zero words; inner nodes are untagged.
struct Reference {
    bytes32 root;
    uint32 words;
    uint32 offset;
    uint32 length;
}

/// @notice A call of a model as the machine stands before it.
/// @param modelId The program's id.
/// @param input The packed input tensors, the id left out.
/// @param outputLength Bytes of the packed output.
struct Inference {
    bytes32 modelId;
    Reference input;
    uint32 outputLength;
}

/// @notice An admission as the machine stands before it.
/// @param id That the program should have.
/// @param root Of the artifact's content.
/// @param length Bytes of the artifact.
/// @param chunks Of the content.
struct Admission {
    bytes32 id;
    bytes32 root;
    uint32 length;
    uint32 chunks;
}

/// @title The machine between two micro-steps, as the preimages of its hash
/// @notice State (128 bytes): `0x10 ++ u8 phase ++ u8 result ++ u8 0 ++ u32 pc ++ u16 sp ++ u16 depth ++ u32 memWords ++
/// u64 gas ++ u64 refund ++ stackHash ++ memRoot ++ restHash`. Rest (301): `0x40 ++ frame ++ stateRoot ++ txStartRoot ++
/// txTree ++ logs ++ sweep ++ returndata (44) ++ env ++ registers`. Registers (342): `0x44 ++ u8 kind ++ source (44) ++
/// u32 destination ++ u32 cursor ++ u32 length ++ address (20) ++ x ++ y ++ sponge (200)`. Fixed widths: there is one way
/// to write each.
library MachineState {
    uint256 internal constant SIZE = 128;
    uint256 internal constant REST_SIZE = 301;
    uint256 internal constant REGISTERS_SIZE = 342;

    uint256 internal constant PHASE_INFER = 9;
    uint256 internal constant PHASE_EXIT = 10;
    uint256 internal constant PHASE_ADMIT = 15;
    uint256 internal constant RESULT_SUCCESS = 1;

    /// @notice Kind of the registers that hold the output of the frame that is ending.
    uint8 internal constant OUTPUT_REGISTERS = 9;

    uint256 private constant PHASE_AT = 1;
    uint256 private constant RESULT_AT = 2;
    uint256 private constant REST_HASH_AT = 96;
    uint256 private constant REGISTERS_HASH_AT = 269;
    uint256 private constant SOURCE_AT = 2;
    uint256 private constant CURSOR_AT = 50;
    uint256 private constant LENGTH_AT = 54;
    uint256 private constant X_AT = 78;
    uint256 private constant Y_AT = 110;

    /// @notice Whether the bytes are a machine state.
    function isValid(bytes memory state) internal pure returns (bool) {
        return state.length == SIZE && state[0] == Tag.MACHINE_STATE;
    }

    function phaseOf(bytes memory state) internal pure returns (uint256) {
        return _uint(state, PHASE_AT, 1);
    }

    /// @notice The call that the machine with this hash is about to make.
    function inferenceOf(StateHash hash, bytes memory state, bytes memory rest, bytes memory registers)
        internal
        pure
        returns (Inference memory)
    {
        _requireStopped(hash, state, rest, registers, PHASE_INFER);
        return Inference(
            bytes32(_uint(registers, X_AT, 32)), referenceAt(registers, SOURCE_AT), uint32(_uint(registers, LENGTH_AT, 4))
        );
    }

    /// @notice The admission that the machine with this hash is about to make.
    function admissionOf(StateHash hash, bytes memory state, bytes memory rest, bytes memory registers)
        internal
        pure
        returns (Admission memory)
    {
        _requireStopped(hash, state, rest, registers, PHASE_ADMIT);
        return Admission(
            bytes32(_uint(registers, X_AT, 32)),
            bytes32(_uint(registers, Y_AT, 32)),
            uint32(_uint(registers, LENGTH_AT, 4)),
            uint32(_uint(registers, CURSOR_AT, 4))
        );
    }

    /// @notice Reads a reference of 44 bytes.
    function referenceAt(bytes memory data, uint256 offset) internal pure returns (Reference memory) {
        return Reference(
            bytes32(_uint(data, offset, 32)),
            uint32(_uint(data, offset + 32, 4)),
            uint32(_uint(data, offset + 36, 4)),
            uint32(_uint(data, offset + 40, 4))
        );
    }

    /// @notice Hash of the state after a call that began in `state` and gave `output`: result 1, phase EXIT, the output in
    /// registers that are zero otherwise; nothing else changes. `rest` is `state`'s; both arrays are used up.
    function afterInference(bytes memory state, bytes memory rest, Reference memory output)
        internal
        pure
        returns (StateHash)
    {
        // INVARIANT: an empty output is written as no registers.
        bytes32 registers = output.length == 0
            ? bytes32(0)
            : keccak256(
                abi.encodePacked(
                    Tag.REGISTERS,
                    OUTPUT_REGISTERS,
                    output.root,
                    output.words,
                    output.offset,
                    output.length,
                    new bytes(REGISTERS_SIZE - SOURCE_AT - 44)
                )
            );
        _set(rest, REGISTERS_HASH_AT, registers);
        _set(state, REST_HASH_AT, keccak256(rest));
        state[PHASE_AT] = bytes1(uint8(PHASE_EXIT));
        state[RESULT_AT] = bytes1(uint8(RESULT_SUCCESS));
        return StateHash.wrap(keccak256(state));
    }

    /// @dev INVARIANT: lengths and tags are tested, so that no preimage of another kind is read as one of these.
    function _requireStopped(
        StateHash hash,
        bytes memory state,
        bytes memory rest,
        bytes memory registers,
        uint256 phase
    ) private pure {
        if (!isValid(state) || StateHash.wrap(keccak256(state)) != hash || phaseOf(state) != phase) {
            revert ILeafRules.BadEvidence();
        }
        _requirePart(bytes32(_uint(state, REST_HASH_AT, 32)), rest, REST_SIZE, Tag.REST);
        _requirePart(bytes32(_uint(rest, REGISTERS_HASH_AT, 32)), registers, REGISTERS_SIZE, Tag.REGISTERS);
    }

    function _requirePart(bytes32 hash, bytes memory part, uint256 size, bytes1 tag) private pure {
        if (part.length != size || part[0] != tag || keccak256(part) != hash) revert ILeafRules.BadEvidence();
    }

    function _uint(bytes memory data, uint256 offset, uint256 size) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), mload(add(add(data, 32), offset)))
        }
    }

    function _set(bytes memory data, uint256 offset, bytes32 value) private pure {
        assembly ("memory-safe") {
            mstore(add(add(data, 32), offset), value)
        }
    }
}
