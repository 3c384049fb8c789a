// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {Part, State} from "./Part.sol";
import {Step} from "./Steps.sol";

/// @title The stack: a chain of hashes, `K(hash of what is below ++ value)`
/// @notice Evidence of operands: `base ++ words`, the deepest first, base the hash of what is below them; nothing where there
/// are none.
library Stack {
    using EvidenceReader for Evidence;
    using Part for bytes;

    uint256 internal constant LIMIT = 1024;

    /// @notice Takes `count` words off, the top first. INVARIANT: so many are there.
    function pop(Step memory s, uint256 count) internal pure returns (uint256[] memory operands) {
        operands = new uint256[](count);
        if (count == 0) return operands;
        uint256 base = s.unread.number(32);
        uint256 hash = base;
        for (uint256 i = count; i > 0;) {
            unchecked {
                --i;
            }
            operands[i] = s.unread.number(32);
            hash = link(hash, operands[i]);
        }
        if (hash != s.state.get(State.STACK)) revert ILeafRules.BadEvidence();
        s.state.put(State.STACK, base);
        s.state.put(State.SP, s.state.get(State.SP) - count);
    }

    /// @notice Puts one word on top. INVARIANT: there is room.
    function push(Step memory s, uint256 value) internal pure {
        s.state.put(State.STACK, link(s.state.get(State.STACK), value));
        s.state.put(State.SP, s.state.get(State.SP) + 1);
    }

    function link(uint256 below, uint256 value) internal pure returns (uint256 hash) {
        assembly ("memory-safe") {
            mstore(0, below)
            mstore(32, value)
            hash := keccak256(0, 64)
        }
    }
}
