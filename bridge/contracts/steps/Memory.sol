// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Reference} from "../libraries/MachineState.sol";
import {Part, State} from "./Part.sol";
import {Step} from "./Steps.sol";
import {Window, Words} from "./Words.sol";

/// @title A frame's memory
library Memory {
    using Part for bytes;

    uint256 private constant LIMIT = 1 << 32;

    /// @notice Words that memory has once it holds a window, at least `words`. Not `fits`: the window costs more than any
    /// transaction has, and the instruction halts.
    function wordsAfter(uint256 words, uint256 offset, uint256 length)
        internal
        pure
        returns (bool fits, uint256 wanted)
    {
        if (length == 0) return (true, words);
        if (offset >= LIMIT || length >= LIMIT) return (false, words);
        wanted = (offset + length + 31) / 32;
        return (true, wanted > words ? wanted : words);
    }

    /// @notice Gas of going from one number of words to another, `to` at least `from`.
    function expansionGas(uint256 from, uint256 to) internal pure returns (uint256) {
        unchecked {
            return 3 * (to - from) + to * to / 512 - from * from / 512;
        }
    }

    function wordsOf(Step memory s) internal pure returns (uint256) {
        return s.state.get(State.MEMORY_WORDS);
    }

    /// @notice Expands memory to so many words.
    function expand(Step memory s, uint256 words) internal pure {
        uint256 from = wordsOf(s);
        s.state.put(State.MEMORY, uint256(Words.grow(bytes32(s.state.get(State.MEMORY)), from, words)));
        s.state.put(State.MEMORY_WORDS, words);
    }

    /// @notice Opens the words of a window that memory holds.
    function open(Step memory s, uint256 offset, uint256 length) internal pure returns (Window memory) {
        return Words.open(s.unread, bytes32(s.state.get(State.MEMORY)), wordsOf(s), offset, length);
    }

    /// @notice Writes into memory as it is. INVARIANT: it holds the window.
    function write(Step memory s, uint256 offset, bytes memory bytes_) internal pure {
        s.state.put(State.MEMORY, uint256(Words.write(open(s, offset, bytes_.length), offset, bytes_)));
    }

    /// @notice A part of memory as it is.
    function referTo(Step memory s, uint256 offset, uint256 length) internal pure returns (Reference memory) {
        if (length == 0) return Reference(0, 0, 0, 0);
        return Reference(bytes32(s.state.get(State.MEMORY)), uint32(wordsOf(s)), uint32(offset), uint32(length));
    }
}
