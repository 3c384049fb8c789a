// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title A call that has the gas it was promised, or does not happen
library MinimalGasCall {
    /// @notice Too little gas is left for the gas that the call was promised. Send more.
    error OutOfGas();

    /// @dev Gas of the call itself: cold account, value, a new account, and what stands around it.
    uint256 private constant OVERHEAD = 40_000;

    /// @notice Calls with all gas there is, but 1/64.
    /// @param minimum Gas that the target must have; less is an error, so that nobody makes a call fail by a small gas
    /// limit (EIP-150).
    function callWithMinGas(address target, uint256 minimum, uint256 value, bytes memory data)
        internal
        returns (bool success)
    {
        if (!hasMinGas(minimum, 0)) revert OutOfGas();
        // Nothing is copied of what the target returns: its size is the target's choice.
        assembly ("memory-safe") {
            success := call(gas(), target, value, add(data, 32), mload(data), 0, 0)
        }
    }

    /// @notice Whether a call now could have `minimum` gas, and `reserved` be left.
    function hasMinGas(uint256 minimum, uint256 reserved) internal view returns (bool) {
        if (minimum > type(uint64).max) return false;
        return gasleft() * 63 >= minimum * 64 + 63 * (OVERHEAD + reserved);
    }
}
