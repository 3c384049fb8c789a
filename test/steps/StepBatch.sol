// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

interface IStep {
    function step(bytes32 pre, bytes calldata evidence) external view returns (bytes32 post);
}

/// @notice Many steps in one call: `u8 verifier ++ u32 size ++ pre ++ want ++ evidence` each.
contract StepBatch {
    /// @return verdicts Of each step: `u8 0 right, 1 another hash, 2 reverted ++ u32 gas ++ first four bytes of the reason`.
    function run(address[] calldata verifiers, bytes calldata steps) external view returns (bytes memory verdicts) {
        uint256 from;
        verdicts = new bytes(0);
        uint256 count;
        bytes memory all = new bytes(9 * (steps.length / 69 + 1));
        while (from < steps.length) {
            address verifier = verifiers[uint8(steps[from])];
            uint256 size = uint32(bytes4(steps[from + 1:from + 5]));
            bytes32 pre = bytes32(steps[from + 5:from + 37]);
            bytes32 want = bytes32(steps[from + 37:from + 69]);
            uint256 free;
            assembly ("memory-safe") {
                free := mload(64)
            }
            uint256 gas_ = gasleft();
            uint8 verdict;
            bytes4 reason;
            try IStep(verifier).step(pre, steps[from + 69:from + 69 + size]) returns (bytes32 post) {
                verdict = post == want ? 0 : 1;
            } catch (bytes memory data) {
                verdict = 2;
                reason = bytes4(data);
            }
            gas_ -= gasleft();
            assembly {
                mstore(64, free)
                mstore(add(add(all, 32), mul(9, count)), or(or(shl(248, verdict), shl(216, gas_)), shr(40, reason)))
            }
            ++count;
            from += 69 + size;
        }
        assembly ("memory-safe") {
            mstore(all, mul(9, count))
        }
        return all;
    }
}
