// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Where fees gather until somebody sends them to L1, with the OP Stack's face
/// @dev Storage: slot 0 = the recipient, slot 1 = what was sent.
interface IFeeVault {
    /// @notice The chain on which the recipient is paid. This chain's vaults pay on L1.
    enum WithdrawalNetwork {
        L1,
        L2
    }

    event Withdrawal(uint256 value, address to, address from);
    event Withdrawal(uint256 value, address to, address from, WithdrawalNetwork withdrawalNetwork);

    /// @notice The vault holds less than what is worth a withdrawal.
    error TooLittle(uint256 balance, uint256 minimum);
    /// @notice There is no recipient: tokens do not go to address zero, and a vault pays only whom genesis named.
    error NoRecipient();

    /// @notice Sends all that the vault holds to the recipient on L1. Anyone may.
    /// @return value Wei that were sent.
    function withdraw() external returns (uint256 value);

    /// @notice Wei below which nothing is sent.
    function minWithdrawalAmount() external view returns (uint256);

    /// @notice Account on L1, fixed at genesis.
    function recipient() external view returns (address);

    function withdrawalNetwork() external view returns (WithdrawalNetwork);

    /// @notice Wei sent so far.
    function totalProcessed() external view returns (uint256);

    /// @notice `minWithdrawalAmount`, under its older name.
    function MIN_WITHDRAWAL_AMOUNT() external view returns (uint256);

    /// @notice `recipient`, under its older name.
    function RECIPIENT() external view returns (address);

    /// @notice `withdrawalNetwork`, under its older name.
    function WITHDRAWAL_NETWORK() external view returns (WithdrawalNetwork);
}
