// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Sender on L2 of an L1 contract
/// @notice A contract has no key, and another contract can have its address on L2: an offset keeps them apart.
library AddressAlias {
    uint160 internal constant OFFSET = uint160(0x1111000000000000000000000000000000001111);

    function toL2(address l1) internal pure returns (address) {
        unchecked {
            return address(uint160(l1) + OFFSET);
        }
    }
}
