// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICrossDomainMessenger} from "../../executor/genesis/contracts/interfaces/ICrossDomainMessenger.sol";
import {StandardBridge} from "../../executor/genesis/contracts/StandardBridge.sol";

/// @title L1StandardBridge
contract L1StandardBridge is StandardBridge {
    address private constant L2_BRIDGE = 0x4200000000000000000000000000000000000010;

    ICrossDomainMessenger private immutable MESSENGER;

    constructor(ICrossDomainMessenger messenger_) {
        MESSENGER = messenger_;
        otherBridge = L2_BRIDGE;
    }

    /// @notice Deposits ether to the sender. For older tools, as the three below.
    function depositETH(uint32 minGasLimit, bytes calldata extraData) external payable onlyAccount {
        _bridgeETH(msg.sender, minGasLimit, extraData);
    }

    function depositETHTo(address to, uint32 minGasLimit, bytes calldata extraData) external payable {
        _bridgeETH(to, minGasLimit, extraData);
    }

    function depositERC20(
        address l1Token,
        address l2Token,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external onlyAccount {
        _bridgeERC20(l1Token, l2Token, msg.sender, amount, minGasLimit, extraData);
    }

    function depositERC20To(
        address l1Token,
        address l2Token,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external {
        _bridgeERC20(l1Token, l2Token, to, amount, minGasLimit, extraData);
    }

    function messenger() public view override returns (ICrossDomainMessenger) {
        return MESSENGER;
    }
}
