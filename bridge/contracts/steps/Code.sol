// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {Frame, Part, State} from "./Part.sol";
import {Step} from "./Steps.sol";
import {Words} from "./Words.sol";

/// @title The running code: a word tree of chunks, each `u8 leading bytes that are push data ++ 31 bytes of code`
/// @notice Evidence of an instruction: the range of the chunks in which it lies, as far as the code has them.
library Code {
    using EvidenceReader for Evidence;
    using Part for bytes;

    uint256 internal constant CHUNK = 31;
    uint256 private constant JUMPDEST = 0x5b;

    /// @notice The opcode at pc, STOP behind the end, and what a PUSH pushes: bytes behind the code's end are zero.
    function instruction(Step memory s) internal pure returns (uint256 opcode, uint256 immediate) {
        uint256 pc = s.state.get(State.PC);
        uint256 size = s.frame.get(Frame.CODE_SIZE);
        if (pc >= size) return (0, 0);
        uint256 first = pc / CHUNK;
        uint256 index = pc % CHUNK;
        Evidence memory unread = s.unread;
        // Not yet authenticated: it decides only how many chunks are read, and is read from them again.
        assembly ("memory-safe") {
            opcode := byte(add(index, 1), calldataload(mload(unread)))
        }
        uint256 length = immediateSize(opcode);
        uint256 chunks = (size + CHUNK - 1) / CHUNK;
        uint256 last = (pc + length) / CHUNK;
        if (last >= chunks) last = chunks - 1;
        bytes memory data = Words.openWords(unread, root(s), chunks, first, last - first + 1).data;
        assembly ("memory-safe") {
            // The chunks' code, side by side, in scratch behind all that is allocated; zeros behind it.
            let code := mload(64)
            let to := code
            let from := add(data, 32)
            for { let end := add(from, mload(data)) } lt(from, end) { from := add(from, 32) } {
                mstore(to, shl(8, mload(from)))
                to := add(to, 31)
            }
            mstore(to, 0)
            mstore(add(to, 32), 0)
            opcode := byte(0, mload(add(code, index)))
            immediate := shr(sub(256, shl(3, length)), mload(add(add(code, index), 1)))
        }
    }

    /// @notice Bytes behind a PUSH's opcode; none behind others.
    function immediateSize(uint256 opcode) internal pure returns (uint256) {
        unchecked {
            return opcode >= 0x60 && opcode <= 0x7f ? opcode - 0x5f : 0;
        }
    }

    /// @notice Whether a jump may land there: a JUMPDEST that is no push data. Evidence: its chunk, nothing behind the end.
    function isTarget(Step memory s, uint256 target) internal pure returns (bool) {
        uint256 size = s.frame.get(Frame.CODE_SIZE);
        if (target >= size) return false;
        uint256 chunks = (size + CHUNK - 1) / CHUNK;
        bytes memory chunk = Words.openWords(s.unread, root(s), chunks, target / CHUNK, 1).data;
        uint256 index = target % CHUNK;
        uint256 next = uint8(chunk[0]);
        unchecked {
            while (next < index) next += 1 + immediateSize(uint8(chunk[next + 1]));
        }
        return next == index && uint8(chunk[index + 1]) == JUMPDEST;
    }

    function root(Step memory s) internal pure returns (bytes32) {
        return bytes32(s.frame.get(Frame.CODE_ROOT));
    }
}
