// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Forks} from "./Forks.sol";
import {Marks} from "./Marks.sol";
import {Path} from "./StateTree.sol";
import {Step} from "./Steps.sol";

/// @notice An address that an instruction names, and whether it is warm.
/// @param path Of its mark; empty for a precompile, which has none.
struct Touched {
    bool warm;
    bool marked;
    Path path;
}

/// @title What an account's touch costs (EIP-2929)
library Access {
    uint256 internal constant WARM = 100;
    uint256 internal constant COLD = 2600;

    /// @notice Opens the address's mark; no evidence for a precompile. The block is opened before.
    function open(Step memory s, Forks forks, uint256 address_) internal pure returns (Touched memory touched) {
        if (Marks.isPrecompile(s, forks, address_)) {
            touched.warm = true;
            return touched;
        }
        touched.marked = true;
        touched.path = Marks.openAddress(s, address_);
        touched.warm = touched.path.value & Marks.WARM != 0;
    }

    function gasOf(Touched memory touched) internal pure returns (uint256) {
        return touched.warm ? WARM : COLD;
    }

    /// @notice The address is warm from now on. The path must be the tree's as it is now.
    function warm(Step memory s, Touched memory touched) internal pure {
        if (touched.marked) Marks.add(s, touched.path, Marks.WARM);
    }
}
