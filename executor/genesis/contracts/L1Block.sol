// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IL1Block} from "./interfaces/IL1Block.sol";

/// @title L1Block, predeploy 0x4200000000000000000000000000000000000015
contract L1Block is IL1Block {
    /// @inheritdoc IL1Block
    uint64 public number;

    /// @inheritdoc IL1Block
    uint64 public timestamp;
}
