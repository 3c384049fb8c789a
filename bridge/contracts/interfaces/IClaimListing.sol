// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ClaimId} from "../libraries/Ids.sol";
import {IClaimRegistry} from "./IClaimRegistry.sol";

/// @title Who is told of every claim, and knows which registry is in force
interface IClaimListing {
    /// @notice Another registry has taken over: here nobody claims where nobody has claimed before.
    error Superseded(IClaimRegistry registry);
    /// @notice Only registries present claims.
    error OnlyRegistry(address caller);

    /// @notice Lists a claim of the registry in force, if it has an output root. Of a former registry nothing is listed any
    /// more, and rivals alone are let pass.
    /// @param isRival Whether another claim was there before.
    function present(ClaimId id, bytes32 outputRoot, bool isRival) external;
    /// @notice Whose claims are listed now.
    function registry() external view returns (IClaimRegistry);
}
