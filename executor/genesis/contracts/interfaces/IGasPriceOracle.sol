// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title What a transaction costs beside its gas: nothing. The OP Stack's face, for its tools
/// @dev The price of a transaction's bytes on L1 is a part of its tip, so gas times price is all that it costs. A tool
/// that adds what this contract answers gets the right total.
interface IGasPriceOracle {
    /// @notice Wei for the bytes of an unsigned transaction on L1, beside its gas: 0.
    function getL1Fee(bytes calldata transaction) external view returns (uint256);

    /// @notice At most so much for an unsigned transaction of this size: 0.
    function getL1FeeUpperBound(uint256 unsignedSize) external view returns (uint256);

    /// @notice L1 gas that is charged for the bytes of a transaction: 0.
    function getL1GasUsed(bytes calldata transaction) external view returns (uint256);

    /// @notice Wei for the operator beside the gas: 0.
    function getOperatorFee(uint256 gasUsed) external view returns (uint256);

    /// @notice The base fee of this block, in wei.
    function gasPrice() external view returns (uint256);

    /// @notice The base fee of this block, in wei.
    function baseFee() external view returns (uint256);

    /// @notice L1's base fee as far as it is charged: 0. The chain does not know it.
    function l1BaseFee() external view returns (uint256);

    /// @notice L1's price of blob gas as far as it is charged: 0.
    function blobBaseFee() external view returns (uint256);

    /// @notice Fixed L1 gas of a transaction: 0.
    function overhead() external view returns (uint256);

    /// @notice Part of the L1 fee that is charged: 0.
    function scalar() external view returns (uint256);

    /// @notice The same for L1's base fee: 0.
    function baseFeeScalar() external view returns (uint32);

    /// @notice The same for the price of blobs: 0.
    function blobBaseFeeScalar() external view returns (uint32);

    /// @notice Decimals of the scalars.
    function decimals() external view returns (uint256);

    /// @notice `decimals`, under its older name.
    function DECIMALS() external view returns (uint256);

    /// @notice Which of the OP Stack's faces this contract has: all of these.
    function isEcotone() external view returns (bool);

    function isFjord() external view returns (bool);

    function isIsthmus() external view returns (bool);

    function isJovian() external view returns (bool);
}
