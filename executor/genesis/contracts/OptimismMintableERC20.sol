// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IOptimismMintableERC20} from "./interfaces/IOptimismMintableERC20.sol";

/// @title OptimismMintableERC20
/// @notice A token of the other chain, as the bridge mints and burns it here.
contract OptimismMintableERC20 is IOptimismMintableERC20 {
    event Transfer(address indexed from, address indexed to, uint256 amount);
    event Approval(address indexed owner, address indexed spender, uint256 amount);
    event Mint(address indexed account, uint256 amount);
    event Burn(address indexed account, uint256 amount);

    /// @notice Only the bridge mints and burns.
    error OnlyBridge(address caller);
    /// @notice The account has fewer tokens.
    error ShortBalance(address account, uint256 balance, uint256 needed);
    /// @notice The spender may not spend so much of the account's tokens.
    error ShortAllowance(address spender, uint256 allowance, uint256 needed);
    /// @notice There is no recipient: tokens do not go to address zero, and a vault pays only whom genesis named.
    error NoRecipient();

    /// @inheritdoc IOptimismMintableERC20
    address public immutable remoteToken;
    /// @inheritdoc IOptimismMintableERC20
    address public immutable bridge;
    uint8 public immutable decimals;

    string public name;
    string public symbol;
    uint256 public totalSupply;
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    modifier onlyBridge() {
        // INVARIANT: a token comes into being only for one that is held on the other chain.
        if (msg.sender != bridge) revert OnlyBridge(msg.sender);
        _;
    }

    constructor(address bridge_, address remoteToken_, string memory name_, string memory symbol_, uint8 decimals_) {
        (bridge, remoteToken, decimals) = (bridge_, remoteToken_, decimals_);
        (name, symbol) = (name_, symbol_);
    }

    /// @inheritdoc IOptimismMintableERC20
    function mint(address to, uint256 amount) external onlyBridge {
        if (to == address(0)) revert NoRecipient();
        totalSupply += amount;
        balanceOf[to] += amount;
        emit Transfer(address(0), to, amount);
        emit Mint(to, amount);
    }

    /// @inheritdoc IOptimismMintableERC20
    function burn(address from, uint256 amount) external onlyBridge {
        _spend(from, amount);
        totalSupply -= amount;
        emit Transfer(from, address(0), amount);
        emit Burn(from, amount);
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed < amount) revert ShortAllowance(msg.sender, allowed, amount);
        if (allowed != type(uint256).max) allowance[from][msg.sender] = allowed - amount;
        return _move(from, to, amount);
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        return true;
    }

    /// @notice ERC-165.
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == 0x01ffc9a7 || interfaceId == type(IOptimismMintableERC20).interfaceId;
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        if (to == address(0)) revert NoRecipient();
        _spend(from, amount);
        balanceOf[to] += amount;
        emit Transfer(from, to, amount);
        return true;
    }

    function _spend(address from, uint256 amount) private {
        uint256 balance = balanceOf[from];
        if (balance < amount) revert ShortBalance(from, balance, amount);
        balanceOf[from] = balance - amount;
    }
}
