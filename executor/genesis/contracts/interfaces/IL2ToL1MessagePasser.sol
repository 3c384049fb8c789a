// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Where messages to L1 are recorded, with the OP Stack's face and storage
interface IL2ToL1MessagePasser {
    event MessagePassed(
        uint256 indexed nonce,
        address indexed sender,
        address indexed target,
        uint256 value,
        uint256 gasLimit,
        bytes data,
        bytes32 withdrawalHash
    );
    event WithdrawerBalanceBurnt(uint256 indexed amount);

    /// @notice Sends a message, and the ether of this call, to L1.
    /// @param target Account on L1.
    /// @param gasLimit Gas that the call must have there.
    /// @param data Input of the call.
    function initiateWithdrawal(address target, uint256 gasLimit, bytes calldata data) external payable;

    /// @notice Takes the ether that went to L1 out of this chain's supply. Anyone may.
    function burn() external;

    /// @notice Nonce of the next message, its version in the two high bytes.
    function messageNonce() external view returns (uint256);

    /// @notice Whether a message with this hash was sent.
    function sentMessages(bytes32 withdrawalHash) external view returns (bool);
}
