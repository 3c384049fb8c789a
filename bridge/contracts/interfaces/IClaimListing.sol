// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Who is told of every claim that has an output root
interface IClaimListing {
    function present(bytes32 id) external;
}
