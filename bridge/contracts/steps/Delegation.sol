// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Account, Accounts} from "./Accounts.sol";
import {Forks} from "./Forks.sol";
import {Step} from "./Steps.sol";

/// @title Accounts that run another's code (EIP-7702)
/// @notice Their code is `0xef0100 ++ address`, 23 bytes: one chunk, and so its own root. No evidence is needed.
library Delegation {
    uint256 private constant SIZE = 23;
    uint256 private constant PREFIX = 0xef0100;

    /// @notice Whose code runs in the account's place, from Prague on. The block is opened before.
    function delegateOf(Step memory s, Forks forks, Account memory account)
        internal
        pure
        returns (bool delegated, uint256 delegate)
    {
        if (account.codeSize != SIZE || !forks.isPrague(s)) return (false, 0);
        // u8 push data, 3 bytes of prefix, 20 of address, 8 zeros.
        uint256 chunk = account.codeRoot;
        return (chunk >> 224 == PREFIX, uint160(chunk >> 64));
    }

    /// @notice What an account has of the code that delegates to an address; of zero it is no code.
    function codeOf(uint256 delegate) internal pure returns (uint256 codeHash, uint256 codeSize, uint256 codeRoot) {
        if (delegate == 0) return (Accounts.NO_CODE, 0, 0);
        codeHash = uint256(keccak256(abi.encodePacked(uint24(PREFIX), uint160(delegate))));
        return (codeHash, SIZE, PREFIX << 224 | delegate << 64);
    }
}
