// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title What the caller is
/// @notice An account may have code by delegation (EIP-7702): `0xef0100 ++ address`, which no contract can have (EIP-3541).
library Account {
    /// @dev Bytes of a delegation, and what it begins with.
    uint256 private constant DELEGATION_LENGTH = 23;
    uint256 private constant DELEGATION = 0xef0100;

    /// @notice Whether the caller is an account with a key. Its address is the same account on every chain.
    function hasKey() internal view returns (bool answer) {
        if (msg.sender == tx.origin) return true;
        if (msg.sender.code.length != DELEGATION_LENGTH) return false;
        assembly ("memory-safe") {
            // The scratch space.
            extcodecopy(caller(), 0, 0, 32)
            answer := eq(shr(232, mload(0)), DELEGATION)
        }
    }

    /// @notice Whether the transaction is this very call: its sender has no code that could have made the call, so its input
    /// is the transaction's.
    function callsDirectly() internal view returns (bool) {
        return msg.sender == tx.origin && msg.sender.code.length == 0;
    }
}
