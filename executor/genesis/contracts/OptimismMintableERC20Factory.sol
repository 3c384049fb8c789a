// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {OptimismMintableERC20} from "./OptimismMintableERC20.sol";

/// @title OptimismMintableERC20Factory, predeploy 0x4200000000000000000000000000000000000012
contract OptimismMintableERC20Factory {
    event OptimismMintableERC20Created(address indexed localToken, address indexed remoteToken, address deployer);

    /// @notice A token that stands for none is not made.
    error NoRemoteToken();

    address public constant BRIDGE = 0x4200000000000000000000000000000000000010;
    uint8 private constant DECIMALS = 18;

    /// @notice The other chain's token of each that was made here.
    mapping(address localToken => address remoteToken) public deployments;

    function createOptimismMintableERC20(address remoteToken, string memory name, string memory symbol)
        external
        returns (address)
    {
        return createOptimismMintableERC20WithDecimals(remoteToken, name, symbol, DECIMALS);
    }

    /// @notice Makes the token that stands for another on the other chain. The same arguments give the same address, once.
    function createOptimismMintableERC20WithDecimals(
        address remoteToken,
        string memory name,
        string memory symbol,
        uint8 decimals
    ) public returns (address localToken) {
        if (remoteToken == address(0)) revert NoRemoteToken();
        bytes32 salt = keccak256(abi.encode(remoteToken, name, symbol, decimals));
        localToken = address(new OptimismMintableERC20{salt: salt}(BRIDGE, remoteToken, name, symbol, decimals));
        deployments[localToken] = remoteToken;
        emit OptimismMintableERC20Created(localToken, remoteToken, msg.sender);
    }
}
