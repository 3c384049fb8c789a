// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICrossDomainMessenger} from "./interfaces/ICrossDomainMessenger.sol";
import {IOptimismMintableERC20} from "./interfaces/IOptimismMintableERC20.sol";
import {IStandardBridge} from "./interfaces/IStandardBridge.sol";
import {Account} from "./libraries/Account.sol";
import {IERC20, SafeToken} from "./libraries/SafeToken.sol";

/// @title StandardBridge
/// @notice What the bridges of both chains share.
abstract contract StandardBridge is IStandardBridge {
    /// @dev Gas on the other chain of a plain transfer to it.
    uint32 internal constant RECEIVE_GAS = 200_000;

    /// @inheritdoc IStandardBridge
    /// @dev Slot 0: genesis writes it on L2.
    address public otherBridge;
    /// @inheritdoc IStandardBridge
    mapping(address localToken => mapping(address remoteToken => uint256)) public deposits;

    modifier onlyAccount() {
        if (!Account.hasKey()) revert OnlyAccount(msg.sender);
        _;
    }

    modifier onlyOtherBridge() {
        // INVARIANT: money is given out only for what the other bridge took.
        if (msg.sender != address(messenger()) || messenger().xDomainMessageSender() != otherBridge) {
            revert OnlyOtherBridge(msg.sender);
        }
        _;
    }

    /// @notice Bridges ether to the sender.
    receive() external payable onlyAccount {
        _bridgeETH(msg.sender, RECEIVE_GAS, "");
    }

    /// @inheritdoc IStandardBridge
    function bridgeETH(uint32 minGasLimit, bytes calldata extraData) external payable onlyAccount {
        _bridgeETH(msg.sender, minGasLimit, extraData);
    }

    /// @inheritdoc IStandardBridge
    function bridgeETHTo(address to, uint32 minGasLimit, bytes calldata extraData) external payable {
        _bridgeETH(to, minGasLimit, extraData);
    }

    /// @inheritdoc IStandardBridge
    function bridgeERC20(
        address localToken,
        address remoteToken,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external onlyAccount {
        _bridgeERC20(localToken, remoteToken, msg.sender, amount, minGasLimit, extraData);
    }

    /// @inheritdoc IStandardBridge
    function bridgeERC20To(
        address localToken,
        address remoteToken,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external {
        _bridgeERC20(localToken, remoteToken, to, amount, minGasLimit, extraData);
    }

    /// @inheritdoc IStandardBridge
    function finalizeBridgeETH(address from, address to, uint256 amount, bytes calldata extraData)
        external
        payable
        onlyOtherBridge
    {
        if (msg.value != amount) revert WrongAmount(msg.value, amount);
        if (to == address(this) || to == address(messenger())) revert WrongRecipient(to);
        emit ETHBridgeFinalized(from, to, amount, extraData);
        (bool ok,) = to.call{value: amount}("");
        if (!ok) revert TransferFailed(address(0));
    }

    /// @inheritdoc IStandardBridge
    function finalizeBridgeERC20(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes calldata extraData
    ) external onlyOtherBridge {
        if (_isMintable(localToken)) {
            _checkPair(localToken, remoteToken);
            IOptimismMintableERC20(localToken).mint(to, amount);
        } else {
            // INVARIANT: of each pair no more goes out than came in.
            deposits[localToken][remoteToken] -= amount;
            if (!SafeToken.transfer(localToken, to, amount)) revert TransferFailed(localToken);
        }
        emit ERC20BridgeFinalized(localToken, remoteToken, from, to, amount, extraData);
    }

    /// @inheritdoc IStandardBridge
    function messenger() public view virtual returns (ICrossDomainMessenger);

    function _bridgeETH(address to, uint32 minGasLimit, bytes memory extraData) internal {
        emit ETHBridgeInitiated(msg.sender, to, msg.value, extraData);
        messenger().sendMessage{value: msg.value}(
            otherBridge,
            abi.encodeCall(IStandardBridge.finalizeBridgeETH, (msg.sender, to, msg.value, extraData)),
            minGasLimit
        );
    }

    function _bridgeERC20(
        address localToken,
        address remoteToken,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes memory extraData
    ) internal {
        if (_isMintable(localToken)) {
            _checkPair(localToken, remoteToken);
            IOptimismMintableERC20(localToken).burn(msg.sender, amount);
        } else {
            _take(localToken, amount);
            deposits[localToken][remoteToken] += amount;
        }
        emit ERC20BridgeInitiated(localToken, remoteToken, msg.sender, to, amount, extraData);
        messenger().sendMessage(
            otherBridge,
            abi.encodeCall(
                IStandardBridge.finalizeBridgeERC20, (remoteToken, localToken, msg.sender, to, amount, extraData)
            ),
            minGasLimit
        );
    }

    /// @dev INVARIANT: what is counted has come: a token that keeps a fee is refused.
    function _take(address token, uint256 amount) private {
        uint256 before = IERC20(token).balanceOf(address(this));
        if (!SafeToken.transferFrom(token, msg.sender, address(this), amount)) revert TransferFailed(token);
        uint256 come = IERC20(token).balanceOf(address(this)) - before;
        if (come != amount) revert WrongAmount(come, amount);
    }

    function _isMintable(address token) private view returns (bool) {
        return SafeToken.hasInterface(token, type(IOptimismMintableERC20).interfaceId);
    }

    /// @dev INVARIANT: a token is minted only for the one that it stands for.
    function _checkPair(address localToken, address remoteToken) private view {
        if (IOptimismMintableERC20(localToken).remoteToken() != remoteToken) revert WrongPair(localToken, remoteToken);
    }
}
