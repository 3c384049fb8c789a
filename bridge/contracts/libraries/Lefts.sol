// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title The complete subtrees that lie left of a leaf
/// @notice Leaf `position` of a tree has one on its left for each one-bit of position, the highest bit's first: together
/// they hold the leaves 0 to position - 1.
library Lefts {
    /// @notice Where leaf `index` < `position` lies among them.
    /// @return which Of them, from 0.
    /// @return height Of that subtree: so many siblings open the leaf.
    function locate(uint256 position, uint256 index) internal pure returns (uint256 which, uint256 height) {
        // Where the two places part, position has the bit of the subtree that index lies in.
        while (position >> height != index >> height) ++height;
        for (uint256 above = position >> height; above != 0; above &= above - 1) ++which;
        --height;
    }
}
