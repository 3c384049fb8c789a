// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IInfer} from "../../../executor/genesis/contracts/interfaces/IInfer.sol";
import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {MachineState, Reference} from "../libraries/MachineState.sol";
import {WordRoots} from "../libraries/WordRoots.sol";
import {Accounts} from "./Accounts.sol";
import {Forks} from "./Forks.sol";
import {Marks} from "./Marks.sol";
import {Frame, Part, Phase, Registers, Rest, Result, State} from "./Part.sol";
import {Precompiles} from "./Precompiles.sol";
import {Step, Steps} from "./Steps.sol";
import {Words} from "./Words.sol";

/// @title PRECOMPILE: one call that no bytecode answers
/// @notice Evidence behind state, rest and frame: the whole input's words, none where it is longer than the precompile
/// takes, and none of IDENTITY, which passes it on. Of INFER, if the gas pays for a reason and the input has a model's id: the
/// id's words, the path of the model's slot. Of ADMIT, if the registry asks with as many bytes as it should, the input's words.
contract PrecompileSteps is IStepVerifier {
    using Part for bytes;
    using Steps for Step;

    /// @dev The chain's ModelRegistry. A model's record is the word at slot `K(id ++ 0)`: `u64 gas ++ u32 bytes of input ++
    /// u32 bytes of output ++ u32 operators ++ 11 bytes ++ u8 1 if it is callable`.
    uint256 private constant REGISTRY = 0x42 << 152 | 0xa2;
    uint256 private constant ID_BYTES = 32;
    /// @dev Gas of a call of INFER that fails with a reason.
    uint256 private constant REASON_GAS = 2_100;
    uint256 private constant ADMIT_BYTES = 72;
    /// @dev Gas of an admission, and bytes of the artifact for one more.
    uint256 private constant ADMIT_GAS = 5_000;
    uint256 private constant ADMIT_BYTES_PER_GAS = 8;

    /// @dev INVARIANT: L1 has what the chain has or will have. Those of Cancun are there where this code runs.
    constructor(Forks forks) {
        if (forks.hasPrague()) Precompiles.requireBls12381();
        if (forks.hasOsaka()) Precompiles.requireP256();
    }

    /// @inheritdoc IStepVerifier
    function step(bytes32 pre, bytes calldata evidence) external view returns (bytes32) {
        Step memory s = Steps.openFramed(pre, evidence, Phase.PRECOMPILE);
        uint256 address_ = s.frame.get(Frame.CODE_ADDRESS);
        Reference memory input = MachineState.referenceAt(s.frame, Frame.CALLDATA_AT);
        if (address_ == Marks.INFER) return _infer(s, input);
        if (address_ == Marks.ADMIT) return _admit(s, input);
        return _ethereums(s, address_, input);
    }

    /// @dev The model runs next.
    function _infer(Step memory s, Reference memory input) private pure returns (bytes32) {
        if (s.state.get(State.GAS) < REASON_GAS) return s.halt();
        if (input.length < ID_BYTES) {
            return _refuse(s, abi.encodeWithSelector(IInfer.MissingModelId.selector, uint256(input.length)));
        }
        bytes32 id = bytes32(Words.read(s.unread, input, 0, ID_BYTES));
        uint256 slot = uint256(keccak256(abi.encodePacked(id, bytes32(0))));
        uint256 model = Accounts.openSlot(s, bytes32(s.rest.get(Rest.STATE_ROOT)), REGISTRY, slot).value;
        uint32 size = uint32(model >> 160);
        if (uint8(model) != 1) return _refuse(s, abi.encodeWithSelector(IInfer.UnknownModel.selector, id));
        uint256 given = input.length - ID_BYTES;
        if (given != size) return _refuse(s, abi.encodeWithSelector(IInfer.WrongLength.selector, given, uint256(size)));
        if (!s.spend(model >> 192)) return s.halt();
        s.newRegisters(Registers.INFER);
        Reference memory source = Reference(input.root, input.words, input.offset + uint32(ID_BYTES), size);
        Steps.writeReference(s.registers, Registers.SOURCE_AT, source);
        s.registers.put(Registers.LENGTH, uint32(model >> 128));
        s.registers.put(Registers.X, uint256(id));
        s.setRegisters();
        s.state.put(State.PHASE, Phase.INFER);
        return s.seal();
    }

    /// @dev INFER fails with a reason, which is paid: the gas was tested.
    function _refuse(Step memory s, bytes memory reason) private pure returns (bytes32) {
        s.spend(REASON_GAS);
        return s.exit(Result.REVERT, _fresh(reason));
    }

    /// @dev The artifact is judged next.
    function _admit(Step memory s, Reference memory input) private pure returns (bytes32) {
        bool isAsked = s.frame.get(Frame.CALLER) == REGISTRY && s.frame.get(Frame.SELF) == Marks.ADMIT;
        if (!isAsked || input.length != ADMIT_BYTES) return s.halt();
        bytes memory asked = Words.read(s.unread, input, 0, ADMIT_BYTES);
        bytes32 id;
        bytes32 root;
        uint256 sizes;
        assembly ("memory-safe") {
            id := mload(add(asked, 32))
            root := mload(add(asked, 64))
            sizes := shr(192, mload(add(asked, 96)))
        }
        uint256 length = sizes >> 32;
        if (!s.spend(ADMIT_GAS + (length + ADMIT_BYTES_PER_GAS - 1) / ADMIT_BYTES_PER_GAS)) return s.halt();
        s.newRegisters(Registers.ADMIT);
        s.registers.put(Registers.CURSOR, uint32(sizes));
        s.registers.put(Registers.LENGTH, length);
        s.registers.put(Registers.X, uint256(id));
        s.registers.put(Registers.Y, uint256(root));
        s.setRegisters();
        s.state.put(State.PHASE, Phase.ADMIT);
        return s.seal();
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
