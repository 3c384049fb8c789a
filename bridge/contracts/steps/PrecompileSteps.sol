// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {MachineState, Reference} from "../libraries/MachineState.sol";
import {WordRoots} from "../libraries/WordRoots.sol";
import {Forks} from "./Forks.sol";
import {Frame, Part, Phase, Result} from "./Part.sol";
import {Precompiles} from "./Precompiles.sol";
import {Step, Steps} from "./Steps.sol";
import {Words} from "./Words.sol";

/// @title PRECOMPILE: one call that no bytecode answers
/// @notice Evidence behind state and rest: the frame; the whole input's words, none where it is longer than the precompile
/// takes, and none of IDENTITY, which passes it on.
contract PrecompileSteps is IStepVerifier {
    using Part for bytes;
    using Steps for Step;

    /// @notice The registry asks whether an artifact is admitted: that is not decided in a call, whatever the evidence.
    error AdmitUndecided();

    uint256 private constant REGISTRY = 0x42 << 152 | 0xa2;
    uint256 private constant ADMIT = 0x42 << 152 | 0xa3;
    uint256 private constant ADMIT_BYTES = 64;

    /// @dev INVARIANT: L1 has what the chain has or will have. Those of Cancun are there where this code runs.
    constructor(Forks forks) {
        if (forks.hasPrague()) Precompiles.requireBls12381();
        if (forks.hasOsaka()) Precompiles.requireP256();
    }

    /// @inheritdoc IStepVerifier
    function step(bytes32 pre, bytes calldata evidence) external view returns (bytes32) {
        Step memory s = Steps.open(pre, evidence, Phase.PRECOMPILE);
        s.openFrame();
        uint256 address_ = s.frame.get(Frame.CODE_ADDRESS);
        Reference memory input = MachineState.referenceAt(s.frame, Frame.CALLDATA_AT);
        if (address_ == ADMIT) return _admit(s, input.length);
        return _ethereums(s, address_, input);
    }

    function _admit(Step memory s, uint256 length) private pure returns (bytes32) {
        bool asked = s.frame.get(Frame.CALLER) == REGISTRY && s.frame.get(Frame.SELF) == ADMIT && length == ADMIT_BYTES;
        if (asked) revert AdmitUndecided();
        return s.halt();
    }

    function _ethereums(Step memory s, uint256 address_, Reference memory input) private view returns (bytes32) {
        if (input.length > Precompiles.mostInput(address_)) return s.halt();
        if (address_ == Precompiles.IDENTITY) {
            return _pay(s, 15 + 3 * ((uint256(input.length) + 31) / 32)) ? s.exit(Result.SUCCESS, input) : s.halt();
        }
        bytes memory data = Words.read(s.unread, input, 0, input.length);
        (bool valid, uint256 gas_, uint256 size) = Precompiles.priceOf(address_, data);
        if (!valid || !_pay(s, gas_)) return s.halt();
        (bool done, bytes memory output) = Precompiles.call(address_, data, gas_, size);
        return done ? s.exit(Result.SUCCESS, _fresh(output)) : s.halt();
    }

    function _pay(Step memory s, uint256 gas_) private pure returns (bool) {
        return gas_ <= Precompiles.MOST_GAS && s.spend(gas_);
    }

    /// @dev A word tree of its own.
    function _fresh(bytes memory output) private pure returns (Reference memory) {
        uint256 count = (output.length + 31) / 32;
        bytes32[] memory words = new bytes32[](count);
        assembly ("memory-safe") {
            mcopy(add(words, 32), add(output, 32), mload(output))
        }
        return Reference(WordRoots.memoryRoot(words), uint32(count), 0, uint32(output.length));
    }

}
