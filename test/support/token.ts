import { compile } from "./solidity.ts";

/** A token that keeps a fee of each move; its first owner has a thousand. */
export const TOKEN = compile(
  "Token",
  `contract Token {
    uint256 public immutable fee;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    constructor(uint256 fee_) { fee = fee_; balanceOf[msg.sender] = 1000 ether; }
    function approve(address spender, uint256 amount) external { allowance[msg.sender][spender] = amount; }
    function transfer(address to, uint256 amount) external { _move(msg.sender, to, amount); }
    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
    }
    function _move(address from, address to, uint256 amount) private {
        balanceOf[from] -= amount;
        balanceOf[to] += amount - fee;
    }
}`,
);
