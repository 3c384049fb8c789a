// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

interface IERC20 {
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
    function balanceOf(address account) external view returns (uint256);
}

/// @title Tokens as they are
/// @notice Some answer nothing where the standard says true.
library SafeToken {
    function transfer(address token, address to, uint256 amount) internal returns (bool) {
        return _call(token, abi.encodeCall(IERC20.transfer, (to, amount)));
    }

    function transferFrom(address token, address from, address to, uint256 amount) internal returns (bool) {
        return _call(token, abi.encodeCall(IERC20.transferFrom, (from, to, amount)));
    }

    /// @notice Whether a contract says by ERC-165 that it has the interface.
    function hasInterface(address token, bytes4 interfaceId) internal view returns (bool) {
        (bool ok, bytes memory answer) =
            token.staticcall{gas: 30_000}(abi.encodeWithSignature("supportsInterface(bytes4)", interfaceId));
        return ok && answer.length == 32 && bytes32(answer) == bytes32(uint256(1));
    }

    function _call(address token, bytes memory data) private returns (bool) {
        (bool ok, bytes memory answer) = token.call(data);
        if (!ok || token.code.length == 0) return false;
        return answer.length == 0 || (answer.length >= 32 && bytes32(answer) == bytes32(uint256(1)));
    }
}
