// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICrossDomainMessenger} from "./ICrossDomainMessenger.sol";

/// @title Ether and ERC-20 tokens between the chains, with the OP Stack's face
/// @notice A token is at home on one chain, where the bridge holds it, and mintable by the bridge on the other.
interface IStandardBridge {
    event ETHBridgeInitiated(address indexed from, address indexed to, uint256 amount, bytes extraData);
    event ETHBridgeFinalized(address indexed from, address indexed to, uint256 amount, bytes extraData);
    event ERC20BridgeInitiated(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );
    event ERC20BridgeFinalized(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    /// @notice A contract names the recipient: it may not have the same address on the other chain.
    error OnlyAccount(address caller);
    /// @notice Only the bridge of the other chain finalizes, by the messenger.
    error OnlyOtherBridge(address caller);
    /// @notice What came is not the amount that is bridged.
    error WrongAmount(uint256 given, uint256 expected);
    /// @notice Ether is not bridged to the bridge or its messenger.
    error WrongRecipient(address to);
    /// @notice The token is the other chain's of another token.
    error WrongPair(address localToken, address remoteToken);
    /// @notice The token refuses the transfer.
    error TransferFailed(address token);
    /// @notice A bridged token comes without ether.
    error ValueNotExpected();

    function bridgeETH(uint32 minGasLimit, bytes calldata extraData) external payable;
    function bridgeETHTo(address to, uint32 minGasLimit, bytes calldata extraData) external payable;
    function bridgeERC20(
        address localToken,
        address remoteToken,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external;
    function bridgeERC20To(
        address localToken,
        address remoteToken,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external;

    /// @notice For the bridge of the other chain alone.
    function finalizeBridgeETH(address from, address to, uint256 amount, bytes calldata extraData) external payable;

    /// @notice For the bridge of the other chain alone.
    function finalizeBridgeERC20(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes calldata extraData
    ) external;

    /// @notice Amount of a token that is here for its counterpart on the other chain.
    function deposits(address localToken, address remoteToken) external view returns (uint256);
    function otherBridge() external view returns (address);
    function messenger() external view returns (ICrossDomainMessenger);
}
