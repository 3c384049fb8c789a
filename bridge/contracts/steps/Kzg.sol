// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";

/// @title One field element of a blob, by L1's own precompile (EIP-4844)
library Kzg {
    /// @notice Bytes of commitment and proof.
    uint256 internal constant POINTS = 96;

    address private constant POINT_EVALUATION = address(0x0a);
    address private constant MODEXP = address(0x05);
    uint256 private constant ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;
    /// @dev Of order 4,096.
    uint256 private constant ROOT_OF_UNITY = 0x564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d36306;
    uint256 private constant BITS = 12;

    /// @notice Reverts unless element `index` of the blob with this versioned hash is `value`. `points`: commitment, proof.
    function check(bytes32 versionedHash, uint256 index, bytes32 value, bytes calldata points) internal view {
        bytes memory input = abi.encodePacked(versionedHash, _place(index), value, points);
        (bool done, bytes memory answer) = POINT_EVALUATION.staticcall(input);
        // INVARIANT: an L1 without the precompile answers nothing.
        if (!done || answer.length != 64) revert ILeafRules.BadEvidence();
    }

    /// @dev Where the polynomial has the element: the root of unity to the index with its bits in reverse order.
    function _place(uint256 index) private view returns (uint256 place) {
        uint256 exponent;
        unchecked {
            for (uint256 i; i < BITS; ++i) exponent |= (index >> i & 1) << (BITS - 1 - i);
        }
        bytes memory input = abi.encode(32, 32, 32, ROOT_OF_UNITY, exponent, ORDER);
        (bool done, bytes memory answer) = MODEXP.staticcall(input);
        if (!done || answer.length != 32) revert ILeafRules.BadEvidence();
        return uint256(bytes32(answer));
    }
}
