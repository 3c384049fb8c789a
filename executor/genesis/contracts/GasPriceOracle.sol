// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IGasPriceOracle} from "./interfaces/IGasPriceOracle.sol";

/// @title GasPriceOracle, predeploy 0x420000000000000000000000000000000000000F
contract GasPriceOracle is IGasPriceOracle {
    uint256 public constant DECIMALS = 6;
    bool public constant isEcotone = true;
    bool public constant isFjord = true;
    bool public constant isIsthmus = true;
    bool public constant isJovian = true;
    uint256 public constant l1BaseFee = 0;
    uint256 public constant blobBaseFee = 0;
    uint256 public constant overhead = 0;
    uint256 public constant scalar = 0;
    uint32 public constant baseFeeScalar = 0;
    uint32 public constant blobBaseFeeScalar = 0;

    /// @inheritdoc IGasPriceOracle
    function getL1Fee(bytes calldata) external pure returns (uint256) {
        return 0;
    }

    /// @inheritdoc IGasPriceOracle
    function getL1FeeUpperBound(uint256) external pure returns (uint256) {
        return 0;
    }

    /// @inheritdoc IGasPriceOracle
    function getL1GasUsed(bytes calldata) external pure returns (uint256) {
        return 0;
    }

    /// @inheritdoc IGasPriceOracle
    function getOperatorFee(uint256) external pure returns (uint256) {
        return 0;
    }

    /// @inheritdoc IGasPriceOracle
    function gasPrice() external view returns (uint256) {
        return block.basefee;
    }

    /// @inheritdoc IGasPriceOracle
    function baseFee() external view returns (uint256) {
        return block.basefee;
    }

    /// @inheritdoc IGasPriceOracle
    function decimals() external pure returns (uint256) {
        return DECIMALS;
    }

    function version() external pure returns (string memory) {
        return "1.0.0";
    }
}
