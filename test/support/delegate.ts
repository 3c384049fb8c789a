import { compile } from "./solidity.ts";

/** Code that an account delegates to: it pays from the account, says who asked, and takes ERC-4337's operations. */
export const DELEGATE = compile(
  "Delegate",
  `struct Operation {
    address sender;
    uint256 nonce;
    bytes initCode;
    bytes callData;
    bytes32 accountGasLimits;
    uint256 preVerificationGas;
    bytes32 gasFees;
    bytes paymasterAndData;
    bytes signature;
}
contract Delegate {
    event Paid(address indexed by, address to, uint256 value);
    function pay(address payable to, uint256 value) external payable {
        (bool ok,) = to.call{value: value}("");
        require(ok);
        emit Paid(msg.sender, to, value);
    }
    function validateUserOp(Operation calldata op, bytes32 hash, uint256 missing) external returns (uint256) {
        (bool ok,) = msg.sender.call{value: missing}("");
        require(ok);
        (bytes32 r, bytes32 s, uint8 v) = abi.decode(op.signature, (bytes32, bytes32, uint8));
        return ecrecover(hash, v, r, s) == address(this) ? 0 : 1;
    }
    receive() external payable {}
}`,
);
