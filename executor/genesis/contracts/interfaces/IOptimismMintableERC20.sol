// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title A token that the bridge mints, of one on the other chain
interface IOptimismMintableERC20 {
    function remoteToken() external view returns (address);
    function bridge() external returns (address);
    function mint(address to, uint256 amount) external;
    function burn(address from, uint256 amount) external;
}
