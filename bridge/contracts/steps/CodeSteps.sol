// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {MachineState, Reference} from "../libraries/MachineState.sol";
import {RLPWriter} from "../libraries/RLPWriter.sol";
import {Access} from "./Access.sol";
import {Account, Accounts} from "./Accounts.sol";
import {ChunkTree} from "./ChunkTree.sol";
import {Forks} from "./Forks.sol";
import {Frame, Part, Phase, Registers, Rest, Result, State} from "./Part.sol";
import {Step, Steps} from "./Steps.sol";
import {Words} from "./Words.sol";

/// @title Bytes that become code: phases INITCODE and DEPOSIT
/// @notice Evidence behind state, rest and frame: the registers where there are any, then what the functions below say, in
/// their order.
contract CodeSteps is IStepVerifier {
    using Part for bytes;
    using Steps for Step;

    uint256 private constant MAX_CODE = 24_576;
    uint256 private constant BYTE_GAS = 200;
    /// @dev EIP-3541.
    bytes1 private constant RESERVED = 0xef;

    Forks public immutable FORKS;

    constructor(Forks forks) {
        FORKS = forks;
    }

    /// @inheritdoc IStepVerifier
    function step(bytes32 pre, bytes calldata evidence) external view returns (bytes32) {
        // Which of the two is a claim of the evidence's, until the state is opened in that phase.
        bool begins = evidence.length > 1 && uint8(evidence[1]) == Phase.INITCODE;
        Step memory s = Steps.openFramed(pre, evidence, begins ? Phase.INITCODE : Phase.DEPOSIT);
        return begins ? _run(s) : _store(s);
    }

    /// @dev The init code; unless the address has a salt the creator; environment, block, the new address's mark.
    function _run(Step memory s) private view returns (bytes32) {
        s.openRegisters();
        Reference memory source = MachineState.referenceAt(s.registers, Registers.SOURCE_AT);
        bytes memory code = Words.read(s.unread, source, 0, source.length);
        uint256 self = _addressOf(s, code);
        s.openBlock();
        Access.warm(s, Access.open(s, FORKS, self));
        s.frame.put(Frame.SELF, self);
        s.frame.put(Frame.CODE_ADDRESS, self);
        s.frame.put(Frame.CODE_ROOT, ChunkTree.root(code));
        s.frame.put(Frame.CODE_SIZE, code.length);
        s.setFrame();
        s.clearRegisters();
        s.state.put(State.PHASE, Phase.ENTER);
        return s.seal();
    }

    function _addressOf(Step memory s, bytes memory code) private pure returns (uint256) {
        address creator = address(uint160(s.frame.get(Frame.CALLER)));
        if (s.registers.get(Registers.KIND) == Registers.INITCODE2) {
            bytes memory preimage = abi.encodePacked(hex"ff", creator, s.registers.get(Registers.X), keccak256(code));
            return uint160(uint256(keccak256(preimage)));
        }
        // The creator's nonce counts this creation already.
        uint256 nonce = Accounts.open(s, uint160(creator)).nonce - 1;
        bytes memory items = bytes.concat(RLPWriter.writeAddress(creator), RLPWriter.writeUint(nonce));
        return uint160(uint256(keccak256(RLPWriter.writeList(items))));
    }

    /// @dev Where it is short enough and paid for, the output; where it may be code, the account.
    function _store(Step memory s) private pure returns (bytes32) {
        Reference memory output;
        if (s.rest.get(Rest.REGISTERS) != 0) {
            s.openRegisters();
            output = MachineState.referenceAt(s.registers, Registers.SOURCE_AT);
        }
        uint256 length = output.length;
        if (length > MAX_CODE || !s.spend(BYTE_GAS * length)) return s.halt();
        bytes memory code = Words.read(s.unread, output, 0, length);
        if (length > 0 && code[0] == RESERVED) return s.halt();
        Account memory account = Accounts.open(s, s.frame.get(Frame.SELF));
        account.codeHash = uint256(keccak256(code));
        account.codeSize = length;
        account.codeRoot = ChunkTree.root(code);
        Accounts.set(s, account);
        return s.exit(Result.CREATED, Reference(0, 0, 0, 0));
    }
}
