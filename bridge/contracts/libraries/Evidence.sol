// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";

/// @notice What is left of a proof's preimages: calldata from `offset` to `end`.
struct Evidence {
    uint256 offset;
    uint256 end;
}

/// @title Evidence read in order
/// @notice Whoever reads knows from what was read before how long the next part is. So there are no offsets and no lengths
/// that a prover could choose, and evidence has one form: what is missing or left over reverts.
library EvidenceReader {
    function open(bytes calldata data) internal pure returns (Evidence memory evidence) {
        uint256 offset;
        assembly ("memory-safe") {
            offset := data.offset
        }
        return Evidence(offset, offset + data.length);
    }

    /// @notice The next `size` bytes.
    function take(Evidence memory evidence, uint256 size) internal pure returns (bytes calldata part) {
        uint256 offset = _advance(evidence, size);
        assembly ("memory-safe") {
            part.offset := offset
            part.length := size
        }
    }

    /// @notice The next number, of `size` big-endian bytes.
    function number(Evidence memory evidence, uint256 size) internal pure returns (uint256 value) {
        uint256 offset = _advance(evidence, size);
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), calldataload(offset))
        }
    }

    /// @notice The next word.
    function word(Evidence memory evidence) internal pure returns (bytes32) {
        return bytes32(number(evidence, 32));
    }

    /// @notice The next `count` words.
    function words(Evidence memory evidence, uint256 count) internal pure returns (bytes32[] memory list) {
        uint256 offset = _advance(evidence, 32 * count);
        list = new bytes32[](count);
        assembly ("memory-safe") {
            calldatacopy(add(list, 32), offset, shl(5, count))
        }
    }

    /// @notice Nothing may be left.
    function close(Evidence memory evidence) internal pure {
        if (evidence.offset != evidence.end) revert ILeafRules.BadEvidence();
    }

    function _advance(Evidence memory evidence, uint256 size) private pure returns (uint256 offset) {
        offset = evidence.offset;
        if (size > evidence.end - offset) revert ILeafRules.BadEvidence();
        evidence.offset = offset + size;
    }
}
