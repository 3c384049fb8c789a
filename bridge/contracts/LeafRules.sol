// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAdmissionVerifier} from "./interfaces/IAdmissionVerifier.sol";
import {ILeafRules, Leaf, LeafKind, Past} from "./interfaces/ILeafRules.sol";
import {IStepVerifier} from "./interfaces/IStepVerifier.sol";
import {ITensorStepVerifier} from "./interfaces/ITensorStepVerifier.sol";
import {ChainState} from "./libraries/ChainState.sol";
import {Evidence, EvidenceReader} from "./libraries/Evidence.sol";
import {GameHash} from "./libraries/GameHash.sol";
import {ContextId, NodeHash, StateHash} from "./libraries/Ids.sol";
import {Lefts} from "./libraries/Lefts.sol";
import {Inference, MachineState, Reference} from "./libraries/MachineState.sol";
import {Operator, Program, ProgramShape} from "./libraries/Program.sol";
import {Tag} from "./libraries/Tag.sol";
import {WordRoots} from "./libraries/WordRoots.sol";

/// @notice A call of a model, and the rest of the machine that makes it.
struct Call {
    Inference inference;
    bytes rest;
}

/// @title What stands at a leaf, decided by the state before it and by its place
/// @notice Evidence, one preimage behind the other, each part's length known from what stands before it:
/// level 0: the game (125 bytes), the chain state (254);
/// level 1: at the unit's end the chain state; where a model is about to be called the machine state (128), rest (301),
/// registers (342) and the program's identity (192); where one is about to be admitted the machine state; for any other step `u8 part ++ the part's own`, the part below 0x10;
/// level 2: of an admission as `IAdmissionVerifier` says; of a call the four of the level's start; for an operator `u16 size ++ record ++ path`; for the finish the list of outputs
/// and for each of them `u16 size ++ record ++ path ++ words ++ path` to the left subtree that has its leaf. Paths are
/// siblings, lowest first.
contract LeafRules is ILeafRules {
    using EvidenceReader for Evidence;

    uint8 private constant CHAIN = 0;
    uint8 private constant EXECUTION = 1;
    uint8 private constant INFERENCE = 2;
    uint8 private constant TENSOR = 0x30;

    /// @dev Of a run: at most 65,535 operators and their finish, tensors of at most 2^26 elements.
    uint8 private constant RUN_HEIGHT = 16;
    uint8 private constant TENSOR_HEIGHT = 26;
    /// @dev Of an admission, and of its objects: constants of at most 2^26 elements of eight bytes.
    uint8 private constant ADMISSION_HEIGHT = 18;
    uint8 private constant OBJECT_HEIGHT = 29;

    StateHash private constant NO_POST = StateHash.wrap(0);

    /// @notice A call that is left with less than this part of its gas ran out of it.
    uint256 private constant EXHAUSTED = 32;

    /// @notice Height of the trees of level 1.
    uint8 public immutable HEIGHT_1;
    /// @notice What the challenge period counts with for levels 2 and 3.
    uint8 public immutable MAX_HEIGHT_2;
    uint8 public immutable MAX_HEIGHT_3;
    ITensorStepVerifier public immutable TENSOR_STEP_VERIFIER;
    IStepVerifier public immutable STEP_VERIFIER;
    IAdmissionVerifier public immutable ADMISSION_VERIFIER;

    constructor(
        uint8 height1,
        uint8 maxHeight2,
        uint8 maxHeight3,
        ITensorStepVerifier tensorStepVerifier,
        IStepVerifier stepVerifier,
        IAdmissionVerifier admissionVerifier
    ) {
        // INVARIANT: every model that a chain may call has trees here: a leaf without one would go to whoever came first.
        if (maxHeight2 < ADMISSION_HEIGHT || maxHeight3 < OBJECT_HEIGHT) revert HeightsTooSmall();
        HEIGHT_1 = height1;
        MAX_HEIGHT_2 = maxHeight2;
        MAX_HEIGHT_3 = maxHeight3;
        TENSOR_STEP_VERIFIER = tensorStepVerifier;
        STEP_VERIFIER = stepVerifier;
        ADMISSION_VERIFIER = admissionVerifier;
    }

    /// @inheritdoc ILeafRules
    function leafOf(uint8 level, uint64 position, Past calldata past, bytes calldata evidence)
        external
        view
        returns (Leaf memory leaf)
    {
        Evidence memory unread = EvidenceReader.open(evidence);
        if (level == CHAIN) leaf = _chainLeaf(past, unread);
        else if (level == EXECUTION) leaf = _executionLeaf(position, past, unread, bytes1(evidence));
        else if (level != INFERENCE) revert BadEvidence();
        else if (_isAdmission(evidence)) leaf = _admissionLeaf(position, past, unread);
        else leaf = _inferenceLeaf(position, past, unread);
        unread.close();
    }

    /// @inheritdoc ILeafRules
    function elementOf(uint8 k, uint64 position, uint64 operator, Past calldata past, bytes calldata evidence)
        external
        view
        returns (NodeHash)
    {
        uint256 before = gasleft();
        if (_isAdmission(evidence)) {
            try ADMISSION_VERIFIER.elementOf(k, position, operator, past, evidence) returns (NodeHash post) {
                return post;
            } catch (bytes memory reason) {
                _fail(before, reason);
            }
        }
        try TENSOR_STEP_VERIFIER.elementOf(k, position, operator, past, evidence) returns (NodeHash post) {
            return post;
        } catch (bytes memory reason) {
            _fail(before, reason);
        }
    }

    /// @dev Whether evidence begins with a machine that is about to admit; whoever reads it tests that it is the right one.
    function _isAdmission(bytes calldata evidence) private pure returns (bool) {
        return evidence.length > 1 && uint8(evidence[1]) == MachineState.PHASE_ADMIT;
    }

    function _admissionLeaf(uint64 position, Past calldata past, Evidence memory evidence)
        private
        view
        returns (Leaf memory)
    {
        bytes calldata own = evidence.take(evidence.end - evidence.offset);
        uint256 before = gasleft();
        try ADMISSION_VERIFIER.leafOf(position, past, own) returns (Leaf memory leaf) {
            return leaf;
        } catch (bytes memory reason) {
            _fail(before, reason);
        }
    }

    /// @dev Ends as the call that had `before` gas ended.
    function _fail(uint256 before, bytes memory reason) private view {
        if (reason.length == 0 && gasleft() < before / EXHAUSTED) revert NotEnoughGas();
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    function _chainLeaf(Past calldata past, Evidence memory evidence) private view returns (Leaf memory) {
        bytes memory game = evidence.take(GameHash.GAME_SIZE);
        // INVARIANT: the limit is the game's own. Where a range ends is part of the hash that all its claims share.
        if (ContextId.wrap(keccak256(game)) != past.origin) revert BadEvidence();
        bytes memory state = _chainState(past.pre, evidence);
        return ChainState.batch(state) < GameHash.limitOf(game)
            ? Leaf(LeafKind.REFINE, EXECUTION, HEIGHT_1, NO_POST)
            : _unchanged(past);
    }

    function _executionLeaf(uint64 position, Past calldata past, Evidence memory evidence, bytes1 tag)
        private
        view
        returns (Leaf memory)
    {
        // INVARIANT: position tells "about to begin" from "finished": one chain state is both.
        if (tag == Tag.CHAIN_STATE) {
            _chainState(past.pre, evidence);
            if (position == 0) revert BadEvidence();
            return _unchanged(past);
        }
        if (tag != Tag.MACHINE_STATE) return _step(position, past, evidence);
        bytes memory state = evidence.take(MachineState.SIZE);
        if (MachineState.phaseOf(state) == MachineState.PHASE_ADMIT) {
            if (StateHash.wrap(keccak256(state)) != past.pre) revert BadEvidence();
            return Leaf(LeafKind.REFINE, INFERENCE, ADMISSION_HEIGHT, NO_POST);
        }
        (, ProgramShape memory program) = _callOf(past.pre, state, evidence);
        uint256 height = Program.ceilLog2(program.operators + 1);
        return Leaf(LeafKind.REFINE, INFERENCE, _within(height, RUN_HEIGHT), NO_POST);
    }

    function _step(uint64 position, Past calldata past, Evidence memory evidence) private view returns (Leaf memory) {
        bytes calldata own = evidence.take(evidence.end - evidence.offset);
        bool begins = own.length > 1 && own[1] == Tag.CHAIN_STATE;
        if (begins != (position == 0)) revert BadEvidence();
        uint256 before = gasleft();
        try STEP_VERIFIER.step(StateHash.unwrap(past.pre), own) returns (bytes32 post) {
            return Leaf(LeafKind.PROVE, 0, 0, StateHash.wrap(post));
        } catch (bytes memory reason) {
            _fail(before, reason);
        }
    }

    function _inferenceLeaf(uint64 position, Past calldata past, Evidence memory evidence)
        private
        pure
        returns (Leaf memory)
    {
        bytes memory state = evidence.take(MachineState.SIZE);
        (Call memory call, ProgramShape memory program) = _callOf(past.start, state, evidence);
        if (position < program.operators) {
            Operator memory op = _operatorAt(program, position, evidence);
            uint8 level = uint8(TENSOR + Program.wordExponent(op.dtype));
            uint256 height = Program.elementHeight(op.dtype, Program.countOf(op));
            return Leaf(LeafKind.DESCEND, level, _within(height, TENSOR_HEIGHT), NO_POST);
        }
        if (position > program.operators) return _unchanged(past);
        bytes32[] memory words = _packedOutput(program, past.lefts, evidence);
        Reference memory output = Reference(WordRoots.memoryRoot(words), uint32(words.length), 0, call.inference.outputLength);
        return Leaf(LeafKind.PROVE, 0, 0, MachineState.afterInference(state, call.rest, output));
    }

    /// @dev The packed output, word after word.
    function _packedOutput(ProgramShape memory program, NodeHash[] calldata lefts, Evidence memory evidence)
        private
        pure
        returns (bytes32[] memory packed)
    {
        uint256[] memory outputs = Program.outputsOf(program, evidence.take(Program.OUTPUT_SIZE * program.outputs));
        bytes32[][] memory tensors = new bytes32[][](outputs.length);
        uint256 total;
        for (uint256 i; i < outputs.length; ++i) {
            uint256 index = outputs[i];
            Operator memory op = _operatorAt(program, index, evidence);
            tensors[i] = evidence.words(Program.wordsOf(op.dtype, Program.countOf(op)));
            total += tensors[i].length;
            NodeHash leaf = Program.operatorLeaf(index, WordRoots.tensorRoot(tensors[i]));
            // INVARIANT: the outputs are those of the tree in which this leaf lies.
            (uint256 which, uint256 height) = Lefts.locate(program.operators, index);
            if (Program.rootOver(leaf, index, evidence.words(height)) != lefts[which]) revert BadEvidence();
        }
        packed = new bytes32[](total);
        uint256 next;
        for (uint256 i; i < tensors.length; ++i) {
            for (uint256 w; w < tensors[i].length; ++w) {
                packed[next++] = tensors[i][w];
            }
        }
    }

    /// @dev The call that the machine with this hash is about to make, and its program; `state` is read already.
    function _callOf(StateHash hash, bytes memory state, Evidence memory evidence)
        private
        pure
        returns (Call memory call, ProgramShape memory program)
    {
        call.rest = evidence.take(MachineState.REST_SIZE);
        call.inference =
            MachineState.inferenceOf(hash, state, call.rest, evidence.take(MachineState.REGISTERS_SIZE));
        program = Program.open(call.inference.modelId, evidence.take(Program.IDENTITY_SIZE));
    }

    function _operatorAt(ProgramShape memory program, uint256 index, Evidence memory evidence)
        private
        pure
        returns (Operator memory)
    {
        bytes calldata record = evidence.take(evidence.number(2));
        return Program.operatorAt(program, index, record, evidence.words(Program.ceilLog2(program.operators)));
    }

    function _chainState(StateHash hash, Evidence memory evidence) private pure returns (bytes memory state) {
        state = evidence.take(ChainState.SIZE);
        if (StateHash.wrap(keccak256(state)) != hash || !ChainState.isValid(state)) revert BadEvidence();
    }

    function _unchanged(Past calldata past) private pure returns (Leaf memory) {
        return Leaf(LeafKind.PROVE, 0, 0, past.pre);
    }

    /// @dev What is higher was never admitted.
    function _within(uint256 height, uint8 most) private pure returns (uint8) {
        if (height > most) revert BadEvidence();
        return uint8(height);
    }
}
