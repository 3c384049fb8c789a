// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatchInbox} from "../interfaces/IBatchInbox.sol";
import {Forks} from "./Forks.sol";

/// @notice Parameters of the chain that steps depend on. A node compares them with its own when it starts. Times in seconds,
/// the rest in L2 gas and wei.
struct ChainRules {
    IBatchInbox inbox;
    Forks forks;
    uint64 chainId;
    uint64 blockGasLimit;
    uint256 minimumBaseFee;
    uint64 maxDrift;
    uint64 maxLag;
    uint64 budgetRate;
    uint64 budgetCap;
    uint64 blockPrice;
    uint64 refusalPrice;
}
