// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ClaimId} from "../libraries/Ids.sol";

/// @title Who is told of every claim that has an output root
interface IClaimListing {
    function present(ClaimId id) external;
}
