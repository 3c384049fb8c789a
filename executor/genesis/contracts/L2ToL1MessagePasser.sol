// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IL2ToL1MessagePasser} from "./interfaces/IL2ToL1MessagePasser.sol";

/// @notice Ceases to exist together with what it is given.
contract Burner {
    constructor() payable {
        selfdestruct(payable(address(this)));
    }
}

/// @title L2ToL1MessagePasser, predeploy 0x4200000000000000000000000000000000000016
/// @dev L1 reads slot 0 by proofs; the order of these variables is consensus.
contract L2ToL1MessagePasser is IL2ToL1MessagePasser {
    uint16 public constant MESSAGE_VERSION = 1;
    /// @dev L1 gas of a plain transfer out of the chain.
    uint256 private constant RECEIVE_GAS = 100_000;

    /// @inheritdoc IL2ToL1MessagePasser
    /// @dev Slot 0.
    mapping(bytes32 withdrawalHash => bool) public sentMessages;
    /// @dev Slot 1.
    uint240 private _nonce;

    /// @notice Withdraws to the sender.
    receive() external payable {
        _initiate(msg.sender, RECEIVE_GAS, "");
    }

    /// @inheritdoc IL2ToL1MessagePasser
    function initiateWithdrawal(address target, uint256 gasLimit, bytes calldata data) external payable {
        _initiate(target, gasLimit, data);
    }

    /// @inheritdoc IL2ToL1MessagePasser
    function burn() external {
        uint256 amount = address(this).balance;
        new Burner{value: amount}();
        emit WithdrawerBalanceBurnt(amount);
    }

    /// @inheritdoc IL2ToL1MessagePasser
    function messageNonce() public view returns (uint256) {
        return uint256(MESSAGE_VERSION) << 240 | _nonce;
    }

    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    function _initiate(address target, uint256 gasLimit, bytes memory data) private {
        uint256 nonce = messageNonce();
        bytes32 hash = keccak256(abi.encode(nonce, msg.sender, target, msg.value, gasLimit, data));
        sentMessages[hash] = true;
        emit MessagePassed(nonce, msg.sender, target, msg.value, gasLimit, data, hash);
        unchecked {
            ++_nonce;
        }
    }
}
