// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";

/// @title Who signed a digest
library Signatures {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    /// @dev What the precompile takes, with what is kept back from a call and what it costs to make it.
    uint256 private constant LEAST_GAS = 5000;

    /// @notice The signer's address; zero where no key gives this signature, or its s is in the upper half (EIP-2).
    /// @param parity 0 or 1, otherwise there is no signer.
    function signerOf(bytes32 digest, uint256 parity, uint256 r, uint256 s) internal view returns (address) {
        if (parity > 1 || r == 0 || r >= ORDER || s == 0 || s > ORDER / 2) return address(0);
        // INVARIANT: a precompile without gas would give no address, too.
        if (gasleft() < LEAST_GAS) revert ILeafRules.NotEnoughGas();
        return ecrecover(digest, uint8(27 + parity), bytes32(r), bytes32(s));
    }
}
