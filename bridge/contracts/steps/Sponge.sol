// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";

/// @title Keccak's sponge: 200 bytes inside a part of the state
library Sponge {
    /// @notice Bytes that one permutation absorbs.
    uint256 internal constant RATE = 136;

    /// @notice Absorbs a block of 136 bytes, or the last one, which is shorter, with Keccak's padding (0x01 .. 0x80). The hash
    /// is then the sponge's first word.
    /// @param keccakF A `KeccakF`.
    /// @param part Has the sponge at `place`.
    function absorb(address keccakF, bytes memory part, uint256 place, bytes memory block_) internal view {
        bytes memory padded = new bytes(160);
        uint256 length = block_.length;
        if (length < RATE) {
            padded[RATE - 1] = 0x80;
            padded[length] |= 0x01;
        }
        bool done;
        assembly ("memory-safe") {
            mcopy(add(padded, 32), add(block_, 32), length)
            let sponge := add(add(part, 32), place)
            for { let i := 0 } lt(i, 160) { i := add(i, 32) } {
                mstore(add(sponge, i), xor(mload(add(sponge, i)), mload(add(add(padded, 32), i))))
            }
            done := staticcall(gas(), keccakF, sponge, 200, sponge, 200)
            done := and(done, eq(returndatasize(), 200))
        }
        // INVARIANT: it takes every sponge, so it was short of gas.
        if (!done) revert ILeafRules.NotEnoughGas();
    }
}
