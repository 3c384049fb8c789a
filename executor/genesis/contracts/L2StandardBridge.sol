// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICrossDomainMessenger} from "./interfaces/ICrossDomainMessenger.sol";
import {IOptimismMintableERC20} from "./interfaces/IOptimismMintableERC20.sol";
import {StandardBridge} from "./StandardBridge.sol";

/// @title L2StandardBridge, predeploy 0x4200000000000000000000000000000000000010
contract L2StandardBridge is StandardBridge {
    /// @dev By this name the OP Stack's older calls know ether.
    address private constant LEGACY_ETHER = 0xDeadDeAddeAddEAddeadDEaDDEAdDeaDDeAD0000;

    /// @notice Withdraws a token that the bridge minted, or ether, to the sender. For older tools.
    function withdraw(address l2Token, uint256 amount, uint32 minGasLimit, bytes calldata extraData)
        external
        payable
        onlyAccount
    {
        _withdraw(l2Token, msg.sender, amount, minGasLimit, extraData);
    }

    /// @notice The same, to another account.
    function withdrawTo(address l2Token, address to, uint256 amount, uint32 minGasLimit, bytes calldata extraData)
        external
        payable
    {
        _withdraw(l2Token, to, amount, minGasLimit, extraData);
    }

    function messenger() public pure override returns (ICrossDomainMessenger) {
        return ICrossDomainMessenger(0x4200000000000000000000000000000000000007);
    }

    function _withdraw(address l2Token, address to, uint256 amount, uint32 minGasLimit, bytes memory extraData)
        private
    {
        if (l2Token == LEGACY_ETHER) {
            if (msg.value != amount) revert WrongAmount(msg.value, amount);
            return _bridgeETH(to, minGasLimit, extraData);
        }
        if (msg.value != 0) revert ValueNotExpected();
        address l1Token = IOptimismMintableERC20(l2Token).remoteToken();
        _bridgeERC20(l2Token, l1Token, to, amount, minGasLimit, extraData);
    }
}
