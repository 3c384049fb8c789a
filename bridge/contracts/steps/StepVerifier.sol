// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {IStepVerifier} from "../interfaces/IStepVerifier.sol";

/// @title Any step of the machine: evidence begins with the part that has it, and each part refuses what is not its own
contract StepVerifier is IStepVerifier {
    IStepVerifier[] private _parts;

    constructor(IStepVerifier[] memory given) {
        _parts = given;
    }

    /// @notice The contracts that have the steps, in the order in which evidence names them.
    function parts() external view returns (IStepVerifier[] memory) {
        return _parts;
    }

    /// @inheritdoc IStepVerifier
    function step(bytes32 pre, bytes calldata evidence) external view returns (bytes32) {
        if (evidence.length == 0 || uint8(evidence[0]) >= _parts.length) revert ILeafRules.BadEvidence();
        return _parts[uint8(evidence[0])].step(pre, evidence[1:]);
    }
}
