// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Messages between contracts of both chains, with the OP Stack's face
interface ICrossDomainMessenger {
    event SentMessage(address indexed target, address sender, bytes message, uint256 messageNonce, uint256 gasLimit);
    event SentMessageExtension1(address indexed sender, uint256 value);
    event RelayedMessage(bytes32 indexed msgHash);
    event FailedRelayedMessage(bytes32 indexed msgHash);

    /// @notice The message's nonce is of a version that is not relayed.
    error UnknownVersion(uint256 version);
    /// @notice A first relay carries the value of the message, another try none.
    error WrongValue(uint256 given, uint256 expected);
    /// @notice Only what has failed before may be tried again.
    error NotFailed(bytes32 messageHash);
    /// @notice The message was relayed before: nothing is to be done.
    error AlreadyRelayed(bytes32 messageHash);
    /// @notice The messenger calls neither itself nor those that trust it.
    error UnsafeTarget(address target);
    /// @notice No message is being relayed now: there is no sender to tell.
    error NoMessage();
    /// @notice In an estimation, or another try: the message's call fails. Give more gas.
    error RelayFailed();
    /// @notice Withdrawals are paused, and with them their messages. Try again when the pause is over.
    error RelayPaused();

    /// @notice Sends a call, and the ether of this one, to the other chain. It can be tried again there when it fails.
    /// @param target Account on the other chain.
    /// @param message Input of the call.
    /// @param minGasLimit Gas that the call must have.
    function sendMessage(address target, bytes calldata message, uint32 minGasLimit) external payable;

    /// @notice Makes the call of a message that the other chain sent; by the chain itself the first time, by anyone after
    /// it has failed.
    function relayMessage(
        uint256 nonce,
        address sender,
        address target,
        uint256 value,
        uint256 minGasLimit,
        bytes calldata message
    ) external payable;

    /// @notice Who sent the message that is being relayed.
    function xDomainMessageSender() external view returns (address);
    function messageNonce() external view returns (uint256);
    function successfulMessages(bytes32 messageHash) external view returns (bool);
    function failedMessages(bytes32 messageHash) external view returns (bool);
    function otherMessenger() external view returns (address);

    /// @notice Gas that a message must be sent with for its target to have `minGasLimit`.
    function baseGas(bytes calldata message, uint32 minGasLimit) external pure returns (uint64);
    function paused() external view returns (bool);
}
