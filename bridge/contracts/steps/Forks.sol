// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {BlockEnvironment, Part} from "./Part.sol";
import {Step} from "./Steps.sol";

/// @notice From which L2 timestamps on Prague's and Osaka's rules hold, `u64 << 64 | u64`; never: 2^64 - 1. Cancun's hold
/// before.
type Forks is uint128;

using ForkTimes for Forks global;

/// @title Whose rules hold
/// @notice A function of the block's timestamp: environment and block are opened before it is asked.
library ForkTimes {
    using Part for bytes;

    uint256 private constant NEVER = type(uint64).max;

    function hasPrague(Forks forks) internal pure returns (bool) {
        return Forks.unwrap(forks) >> 64 != NEVER;
    }

    function hasOsaka(Forks forks) internal pure returns (bool) {
        return uint64(Forks.unwrap(forks)) != NEVER;
    }

    function isPrague(Forks forks, Step memory s) internal pure returns (bool) {
        return s.blockEnvironment.get(BlockEnvironment.TIMESTAMP) >= Forks.unwrap(forks) >> 64;
    }

    function isOsaka(Forks forks, Step memory s) internal pure returns (bool) {
        return s.blockEnvironment.get(BlockEnvironment.TIMESTAMP) >= uint64(Forks.unwrap(forks));
    }
}
