// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICrossDomainMessenger} from "./interfaces/ICrossDomainMessenger.sol";
import {MinimalGasCall} from "./libraries/MinimalGasCall.sol";

/// @title CrossDomainMessenger
/// @notice What the messengers of both chains share.
abstract contract CrossDomainMessenger is ICrossDomainMessenger {
    uint16 public constant MESSAGE_VERSION = 1;
    /// @dev Gas of relaying, beside the target's call.
    uint64 private constant RELAY_OVERHEAD = 200_000;
    uint64 private constant GAS_PER_BYTE = 16;
    uint64 private constant CALL_OVERHEAD = 40_000;
    /// @dev Gas kept for what follows the call.
    uint64 private constant RESERVED = 40_000;
    uint64 private constant CHECK_BUFFER = 5_000;
    address private constant ESTIMATION = address(1);

    /// @inheritdoc ICrossDomainMessenger
    /// @dev Slot 0: genesis writes it on L2.
    address public otherMessenger;
    /// @inheritdoc ICrossDomainMessenger
    mapping(bytes32 messageHash => bool) public successfulMessages;
    /// @inheritdoc ICrossDomainMessenger
    mapping(bytes32 messageHash => bool) public failedMessages;
    uint240 private _nonce;
    address private _sender;

    /// @inheritdoc ICrossDomainMessenger
    function sendMessage(address target, bytes calldata message, uint32 minGasLimit) external payable {
        uint256 nonce = messageNonce();
        unchecked {
            ++_nonce;
        }
        bytes memory call = abi.encodeCall(
            ICrossDomainMessenger.relayMessage, (nonce, msg.sender, target, msg.value, minGasLimit, message)
        );
        _send(baseGas(message, minGasLimit), msg.value, call);
        emit SentMessage(target, msg.sender, message, nonce, minGasLimit);
        emit SentMessageExtension1(msg.sender, msg.value);
    }

    /// @inheritdoc ICrossDomainMessenger
    function relayMessage(
        uint256 nonce,
        address sender,
        address target,
        uint256 value,
        uint256 minGasLimit,
        bytes calldata message
    ) external payable {
        if (paused()) revert RelayPaused();
        if (nonce >> 240 != MESSAGE_VERSION) revert UnknownVersion(nonce >> 240);
        bytes32 hash = keccak256(
            abi.encodeCall(
                ICrossDomainMessenger.relayMessage, (nonce, sender, target, value, minGasLimit, message)
            )
        );
        // INVARIANT: a message comes from the other messenger, or has come from it and failed.
        bool first = _isFromOther();
        if (msg.value != (first ? value : 0)) revert WrongValue(msg.value, first ? value : 0);
        if (!first && !failedMessages[hash]) revert NotFailed(hash);
        // INVARIANT: nobody speaks as the messenger to those that trust it.
        if (target == address(this) || _isTrusting(target)) revert UnsafeTarget(target);
        // INVARIANT: a message succeeds once.
        if (successfulMessages[hash]) revert AlreadyRelayed(hash);
        // Copied before gas is counted: what that costs is the message's choice.
        bytes memory data = message;
        // While a message runs, another one waits: the sender is that of one.
        if (_sender != address(0) || !MinimalGasCall.hasMinGas(minGasLimit, RESERVED + CHECK_BUFFER)) {
            return _fail(hash);
        }
        _sender = sender;
        uint256 granted = gasleft() - RESERVED;
        bool success;
        assembly ("memory-safe") {
            success := call(granted, target, value, add(data, 32), mload(data), 0, 0)
        }
        _sender = address(0);
        if (!success) return _fail(hash);
        successfulMessages[hash] = true;
        emit RelayedMessage(hash);
    }

    /// @inheritdoc ICrossDomainMessenger
    function xDomainMessageSender() external view returns (address) {
        if (_sender == address(0)) revert NoMessage();
        return _sender;
    }

    /// @inheritdoc ICrossDomainMessenger
    function messageNonce() public view returns (uint256) {
        return uint256(MESSAGE_VERSION) << 240 | _nonce;
    }

    /// @inheritdoc ICrossDomainMessenger
    function baseGas(bytes calldata message, uint32 minGasLimit) public pure returns (uint64) {
        return RELAY_OVERHEAD + GAS_PER_BYTE * uint64(message.length) + uint64(minGasLimit) * 64 / 63 + CALL_OVERHEAD
            + RESERVED + CHECK_BUFFER;
    }

    /// @inheritdoc ICrossDomainMessenger
    function paused() public view virtual returns (bool) {
        return false;
    }

    function version() external pure returns (string memory) {
        return "2.0.0";
    }

    /// @dev A first failure is kept. One of another try, or of an estimation, is an error: so tools find the gas with
    /// which the message succeeds.
    function _fail(bytes32 hash) private {
        if (failedMessages[hash] || tx.origin == ESTIMATION) revert RelayFailed();
        failedMessages[hash] = true;
        emit FailedRelayedMessage(hash);
    }

    /// @dev Hands the call of the other messenger over to the chain.
    function _send(uint64 gasLimit, uint256 value, bytes memory data) internal virtual;

    /// @dev Whether this very call is the other messenger's.
    function _isFromOther() internal view virtual returns (bool);

    /// @dev Whether the account acts on a call because it comes from here.
    function _isTrusting(address target) internal view virtual returns (bool);
}
