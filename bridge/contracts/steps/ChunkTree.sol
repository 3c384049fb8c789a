// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {WordRoots} from "../libraries/WordRoots.sol";

/// @title The tree of a code's chunks, made from the whole code
/// @notice A chunk is `u8 leading bytes that are push data ++ 31 bytes of code`, zeros behind the code's end. Twin of
/// executor/state/code.ts.
library ChunkTree {
    uint256 private constant CHUNK = 31;

    /// @notice Root of the tree; zero without code.
    function root(bytes memory code) internal pure returns (uint256) {
        bytes32[] memory chunks = new bytes32[]((code.length + CHUNK - 1) / CHUNK);
        assembly ("memory-safe") {
            let to := add(chunks, 32)
            let size := mload(code)
            // Where in the chunk its first instruction begins: at most 32, behind a PUSH32 at the end of the chunk before.
            let next := 0
            for { let start := 0 } lt(start, size) { start := add(start, 31) } {
                let data := mload(add(add(code, 32), start))
                let there := sub(size, start)
                if lt(there, 31) { data := and(data, not(shr(shl(3, there), not(0)))) }
                mstore(to, or(shl(248, sub(next, eq(next, 32))), shr(8, data)))
                to := add(to, 32)
                for {} lt(next, 31) {} {
                    let opcode := byte(next, data)
                    next := add(next, add(1, mul(lt(sub(opcode, 0x60), 0x20), sub(opcode, 0x5f))))
                }
                next := sub(next, 31)
            }
        }
        return uint256(WordRoots.memoryRoot(chunks));
    }
}
