// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {Reference} from "../libraries/MachineState.sol";
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
        uint256 code = _join(data);
        assembly ("memory-safe") {
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

    /// @notice `size` bytes of a code from byte `from` of what is referred to on, as `Words.read`; `source` has the code's
    /// size in place of the words.
    function read(Evidence memory unread, Reference memory source, uint256 from, uint256 size)
        internal
        pure
        returns (bytes memory bytes_)
    {
        bytes_ = new bytes(size);
        if (from >= source.length) return bytes_;
        uint256 there = source.length - from;
        if (there > size) there = size;
        uint256 offset = source.offset + from;
        uint256 first = offset / CHUNK;
        uint256 count = (offset + there - 1) / CHUNK - first + 1;
        uint256 chunks = (uint256(source.words) + CHUNK - 1) / CHUNK;
        bytes memory data = Words.openWords(unread, source.root, chunks, first, count).data;
        uint256 code = _join(data);
        assembly ("memory-safe") {
            mcopy(add(bytes_, 32), add(code, mod(offset, 31)), there)
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

    /// @dev The chunks' code, side by side, in scratch behind all that is allocated, with 64 zeros behind it; its place.
    function _join(bytes memory chunks) private pure returns (uint256 code) {
        assembly ("memory-safe") {
            code := mload(64)
            let to := code
            let from := add(chunks, 32)
            for { let end := add(from, mload(chunks)) } lt(from, end) { from := add(from, 32) } {
                mstore(to, shl(8, mload(from)))
                to := add(to, 31)
            }
            mstore(to, 0)
            mstore(add(to, 32), 0)
        }
    }
}
