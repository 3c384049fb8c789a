// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Tag} from "./Tag.sol";

/// @title The chain between two units, as the 254 bytes whose hash is a leaf of a claim's tree
/// @notice Twin of executor/protocol/chain-state.ts: `0x11 ++ u8 phase ++ u64 batch ++ u32 cursor ++ u64 delayed ++
/// u64 number ++ u64 timestamp ++ u64 gasUsed ++ u64 gasLimit ++ u64 budget ++ u256 baseFee ++ parentHash ++ stateRoot ++ bloomHash ++ txFrontier ++
/// receiptFrontier`. Fixed width, so there is one way to write it.
library ChainState {
    uint256 internal constant SIZE = 254;
    bytes32 private constant OUTPUT_VERSION = 0;

    /// @notice Whether the bytes are a chain state.
    function isValid(bytes memory state) internal pure returns (bool) {
        return state.length == SIZE && state[0] == Tag.CHAIN_STATE && uint8(state[1]) <= 1;
    }

    /// @notice Inbox record at which derivation stands.
    function batch(bytes memory state) internal pure returns (uint64) {
        return uint64(uint256(_word(state, 2)) >> 192);
    }

    /// @notice Number of the block that is open, or ended last.
    function number(bytes memory state) internal pure returns (uint64) {
        return uint64(uint256(_word(state, 22)) >> 192);
    }

    /// @notice The OP Stack's output root of version 0, or zero where the state lies inside a block.
    /// @dev Accounts and slots share one tree, so the message passer's storage root is the state root.
    function outputRoot(bytes memory state) internal pure returns (bytes32) {
        if (uint8(state[1]) != 0) return 0;
        bytes32 stateRoot = _word(state, 126);
        bytes32 blockHash = _word(state, 94);
        return keccak256(abi.encode(OUTPUT_VERSION, stateRoot, stateRoot, blockHash));
    }

    function _word(bytes memory state, uint256 offset) private pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := mload(add(add(state, 32), offset))
        }
    }
}
