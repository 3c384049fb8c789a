// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IFeeVault} from "./interfaces/IFeeVault.sol";
import {IL2ToL1MessagePasser} from "./interfaces/IL2ToL1MessagePasser.sol";

/// @title FeeVault, predeploys 0x4200000000000000000000000000000000000011 (tips) and 0x42…19 (the base fee)
contract FeeVault is IFeeVault {
    IL2ToL1MessagePasser private constant PASSER = IL2ToL1MessagePasser(0x4200000000000000000000000000000000000016);
    /// @dev Ten times what proving and finalizing a withdrawal costs on L1 at 30 gwei: nobody can split fees into
    /// withdrawals that cost more than they bring.
    uint256 private constant MINIMUM = 0.1 ether;
    /// @dev L1 gas for the recipient's call: enough for a wallet that is a contract.
    uint256 private constant RECEIVE_GAS = 400_000;

    /// @inheritdoc IFeeVault
    /// @dev Slot 0: genesis writes it.
    address public recipient;
    /// @inheritdoc IFeeVault
    uint256 public totalProcessed;

    /// @notice Fees are credited without a call; whoever likes to may add to them.
    receive() external payable {}

    /// @inheritdoc IFeeVault
    function withdraw() external returns (uint256 value) {
        value = address(this).balance;
        address to = recipient;
        if (to == address(0)) revert NoRecipient();
        if (value < MINIMUM) revert TooLittle(value, MINIMUM);
        totalProcessed += value;
        emit Withdrawal(value, to, msg.sender);
        emit Withdrawal(value, to, msg.sender, WithdrawalNetwork.L1);
        PASSER.initiateWithdrawal{value: value}(to, RECEIVE_GAS, "");
    }

    /// @inheritdoc IFeeVault
    function minWithdrawalAmount() public pure returns (uint256) {
        return MINIMUM;
    }

    /// @inheritdoc IFeeVault
    function withdrawalNetwork() public pure returns (WithdrawalNetwork) {
        return WithdrawalNetwork.L1;
    }

    /// @inheritdoc IFeeVault
    function MIN_WITHDRAWAL_AMOUNT() external pure returns (uint256) {
        return minWithdrawalAmount();
    }

    /// @inheritdoc IFeeVault
    function RECIPIENT() external view returns (address) {
        return recipient;
    }

    /// @inheritdoc IFeeVault
    function WITHDRAWAL_NETWORK() external pure returns (WithdrawalNetwork) {
        return withdrawalNetwork();
    }

    function version() external pure returns (string memory) {
        return "1.0.0";
    }
}
