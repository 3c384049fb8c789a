import { compile } from "./solidity.ts";

/** Code that an account delegates to: it pays from the account, and says who asked. */
export const DELEGATE = compile(
  "Delegate",
  `contract Delegate {
    event Paid(address indexed by, address to, uint256 value);
    function pay(address payable to, uint256 value) external payable {
        (bool ok,) = to.call{value: value}("");
        require(ok);
        emit Paid(msg.sender, to, value);
    }
    receive() external payable {}
}`,
);
