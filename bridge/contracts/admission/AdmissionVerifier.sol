// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAdmissionVerifier} from "../interfaces/IAdmissionVerifier.sol";
import {ILeafRules, Leaf, LeafKind, Past} from "../interfaces/ILeafRules.sol";
import {IProgramRules, Named, Sums} from "../interfaces/IProgramRules.sol";
import {Content} from "../libraries/Content.sol";
import {Elements} from "../libraries/Elements.sol";
import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {NodeHash, StateHash} from "../libraries/Ids.sol";
import {Lefts} from "../libraries/Lefts.sol";
import {Admission, MachineState, Reference} from "../libraries/MachineState.sol";
import {Operator, Program} from "../libraries/Program.sol";
import {Tag} from "../libraries/Tag.sol";
import {Run} from "../libraries/TensorAccess.sol";
import {TensorOpening, WordTree} from "../libraries/TensorOpening.sol";
import {WordRoots} from "../libraries/WordRoots.sol";
import {Frontier} from "../steps/Frontier.sol";
import {Judgement, Judgements} from "./Judgements.sol";

/// @notice A leaf of level 2 that is being decided.
/// @param position Of it.
/// @param lefts Roots of the complete subtrees left of it.
/// @param asked What ADMIT judges.
struct Place {
    uint64 position;
    NodeHash[] lefts;
    Admission asked;
}

/// @title AdmissionVerifier
contract AdmissionVerifier is IAdmissionVerifier {
    using EvidenceReader for Evidence;

    /// @dev Positions of level 2: objects, then the header's judgement, then the records'; the end is the last.
    uint256 private constant HEADER_AT = 1 << 16;
    uint256 private constant END_AT = (1 << 18) - 1;
    uint256 private constant HEADER = 0;
    uint256 private constant RECORDS = 1;
    uint256 private constant DATA = 2;

    /// @dev Of level 3: bytes, of which 2^5 make a word.
    uint8 private constant BYTES = 5;
    uint8 private constant BYTES_LEVEL = 0x30 + BYTES;
    /// @dev Bytes of an operator's record, at most.
    uint256 private constant MOST_RECORD = 8_192;

    bytes32 private constant REFUSED = keccak256(abi.encodePacked(Tag.ADMISSION));

    IProgramRules public immutable RULES;

    constructor(IProgramRules rules) {
        RULES = rules;
    }

    /// @inheritdoc IAdmissionVerifier
    function leafOf(uint64 position, Past calldata past, bytes calldata evidence)
        external
        view
        returns (Leaf memory leaf)
    {
        Evidence memory unread = EvidenceReader.open(evidence);
        (bytes memory state, bytes memory rest, Place memory place) = _open(position, past, unread);
        if (position < HEADER_AT) {
            (bool exists, uint256 size,) = _object(place, position, unread);
            leaf = exists
                ? Leaf(LeafKind.DESCEND, BYTES_LEVEL, uint8(Program.elementHeight(Elements.U8, size)), StateHash.wrap(0))
                : _proven(StateHash.unwrap(past.pre));
        } else if (position == END_AT) {
            bytes memory output = _finish(place, past.pre, unread);
            uint256 words = (output.length + 31) / 32;
            bytes32 root = WordRoots.memoryRoot(_wordsOf(output));
            Reference memory answer = Reference(root, uint32(words), 0, uint32(output.length));
            leaf = Leaf(LeafKind.PROVE, 0, 0, MachineState.afterInference(state, rest, answer));
        } else if (position == HEADER_AT) {
            bytes memory header = _header(place, unread);
            bool ok = RULES.header(header, place.asked.length);
            leaf = _proven(ok ? Judgements.hashOf(_begin(header)) : REFUSED);
        } else {
            leaf = _proven(_judge(place, past.pre, unread));
        }
        unread.close();
    }

    /// @inheritdoc IAdmissionVerifier
    function elementOf(uint8 k, uint64 position, uint64 object, Past calldata past, bytes calldata evidence)
        external
        view
        returns (NodeHash)
    {
        Evidence memory unread = EvidenceReader.open(evidence);
        (,, Place memory place) = _open(object, past, unread);
        (bool exists, uint256 size, uint256 offset) = _object(place, object, unread);
        // INVARIANT: a tree of bytes hangs below objects alone.
        if (k != BYTES || object >= HEADER_AT || !exists) revert ILeafRules.BadEvidence();
        Admission memory asked = place.asked;
        uint8 value = position < size
            ? Content.byteAt(unread, asked.root, asked.length, asked.chunks, offset + position)
            : 0;
        unread.close();
        return NodeHash.wrap(keccak256(abi.encodePacked(Tag.TENSOR_PART, uint8(0), value)));
    }

    // --- what is read ------------------------------------------------------------------------------------------------

    function _open(uint64 position, Past calldata past, Evidence memory unread)
        private
        pure
        returns (bytes memory state, bytes memory rest, Place memory place)
    {
        state = unread.take(MachineState.SIZE);
        rest = unread.take(MachineState.REST_SIZE);
        place.asked = MachineState.admissionOf(past.start, state, rest, unread.take(MachineState.REGISTERS_SIZE));
        place.position = position;
        place.lefts = past.lefts;
    }

    /// @dev An object: whether there is one, its bytes, and where they lie in the artifact. What has no size that the rules
    /// allow is none; its record is refused further on.
    function _object(Place memory place, uint64 index, Evidence memory unread)
        private
        view
        returns (bool exists, uint256 size, uint256 offset)
    {
        if (index == HEADER) return (true, Program.HEADER_SIZE, 0);
        bytes memory header = _header(place, unread);
        if (!RULES.header(header, place.asked.length)) return (false, 0, 0);
        if (index == RECORDS) return (true, Judgements.recordsSize(header), Program.HEADER_SIZE);
        uint256 k = index - DATA;
        if (k >= Judgements.constantsOf(header)) return (false, 0, 0);
        bytes memory record = _records(
            place, header, Program.CONSTANT_RECORD_SIZE * k, Program.CONSTANT_RECORD_SIZE, unread
        );
        (exists, size,) = RULES.constant_(record);
        offset = Judgements.dataOffset(record);
    }

    /// @dev The header, as object 0 has it.
    function _header(Place memory place, Evidence memory unread) private pure returns (bytes memory header) {
        header = unread.take(Program.HEADER_SIZE);
        _requireObject(place, HEADER, WordRoots.tensorRoot(_wordsOf(header)), unread);
    }

    /// @dev Bytes of object 1.
    function _records(Place memory place, bytes memory header, uint256 from, uint256 size, Evidence memory unread)
        private
        pure
        returns (bytes memory part)
    {
        if (size == 0) return part;
        bytes32 root = unread.word();
        _requireObject(place, RECORDS, NodeHash.wrap(root), unread);
        uint256 all = Judgements.recordsSize(header);
        Run[] memory runs = new Run[](1);
        runs[0] = Run.wrap(from << 64 | size << 32);
        TensorOpening.open(unread, WordTree(root, Program.wordHeight(Elements.U8, all), 1, all, true), runs);
        uint256 data = Run.unwrap(runs[0]) >> 64;
        part = new bytes(size);
        assembly ("memory-safe") {
            mcopy(add(part, 32), data, size)
        }
    }

    /// @dev An object's leaf lies left of the position.
    function _requireObject(Place memory place, uint256 index, NodeHash root, Evidence memory unread) private pure {
        (uint256 which, uint256 height) = Lefts.locate(place.position, index);
        NodeHash node = Program.rootOver(Program.operatorLeaf(index, root), index, unread.words(height));
        if (node != place.lefts[which]) revert ILeafRules.BadEvidence();
    }

    function _wordsOf(bytes memory data) private pure returns (bytes32[] memory words) {
        words = new bytes32[]((data.length + 31) / 32);
        assembly ("memory-safe") {
            mcopy(add(words, 32), add(data, 32), mload(data))
        }
    }

    // --- judgement ---------------------------------------------------------------------------------------------------

    function _proven(bytes32 post) private pure returns (Leaf memory) {
        return Leaf(LeafKind.PROVE, 0, 0, StateHash.wrap(post));
    }

    function _begin(bytes memory header) private pure returns (Judgement memory now_) {
        now_.header = header;
        now_.dataCursor = uint64(Program.HEADER_SIZE + Judgements.recordsSize(header));
        now_.constants = Frontier.EMPTY;
        now_.operators = Frontier.EMPTY;
    }

    /// @dev Hash of the state after one record is judged; the same where all are.
    function _judge(Place memory place, StateHash pre, Evidence memory unread) private view returns (bytes32) {
        if (StateHash.unwrap(pre) == REFUSED) return REFUSED;
        Judgement memory now_ = Judgements.open(unread, pre);
        (uint256 constants, uint256 operators, uint256 outputs) = Judgements.countsOf(now_.header);
        uint256 index = now_.index;
        bool ok = true;
        if (index < constants) ok = _judgeConstant(place, now_, unread);
        else if (index < constants + operators) ok = _judgeOperator(place, now_, index - constants, unread);
        else if (index < constants + operators + outputs) {
            ok = _judgeOutput(place, now_, index - constants - operators, unread);
        } else return StateHash.unwrap(pre);
        if (!ok) return REFUSED;
        now_.index = uint32(index + 1);
        return Judgements.hashOf(now_);
    }

    function _judgeConstant(Place memory place, Judgement memory now_, Evidence memory unread)
        private
        view
        returns (bool ok)
    {
        uint256 index = now_.index;
        uint256 recordSize = Program.CONSTANT_RECORD_SIZE;
        bytes memory record = _records(place, now_.header, recordSize * index, recordSize, unread);
        (bool formed, uint64 size, uint64 weight) = RULES.constant_(record);
        // INVARIANT: data lie one behind the other, and all in the artifact.
        if (!formed || Judgements.dataOffset(record) != now_.dataCursor) return false;
        if (now_.dataCursor + size > place.asked.length) return false;
        bytes32 root = unread.word();
        _requireObject(place, DATA + index, NodeHash.wrap(root), unread);
        now_.dataCursor += size;
        now_.sums.weight += weight;
        bytes32 leaf = keccak256(abi.encodePacked(Tag.CONSTANT_RECORD, uint32(index), record, root));
        now_.constants = Frontier.append(unread, now_.constants, leaf);
        return true;
    }

    function _judgeOperator(Place memory place, Judgement memory now_, uint256 index, Evidence memory unread)
        private
        view
        returns (bool ok)
    {
        (uint256 constants, uint256 operators,) = Judgements.countsOf(now_.header);
        bytes memory record;
        uint32[] memory sources;
        {
            uint256 left = Judgements.operatorsSize(now_.header) - now_.cursor;
            uint256 from = Program.CONSTANT_RECORD_SIZE * constants + now_.cursor;
            record = _records(place, now_.header, from, left < MOST_RECORD ? left : MOST_RECORD, unread);
            uint16 size;
            (size, sources) = RULES.measure(record);
            if (size == 0) return false;
            assembly ("memory-safe") {
                mstore(record, size)
            }
            now_.cursor += size;
            // INVARIANT: the records fill the room that the header says.
            if (index + 1 == operators && size != left) return false;
        }
        Named[] memory named = new Named[](sources.length);
        {
            (, bytes32[] memory constantPeaks) = Frontier.open(unread, now_.constants);
            (, bytes32[] memory peaks) = Frontier.open(unread, now_.operators);
            for (uint256 j; j < named.length; ++j) {
                uint256 source = sources[j] & 0x7fffffff;
                if (sources[j] >> 31 == 1) {
                    if (source < constants) named[j] = Judgements.namedConstant(unread, constants, constantPeaks, source);
                } else if (source < index) {
                    named[j] = Judgements.named(Judgements.operatorBefore(unread, index, peaks, source));
                }
            }
            bytes32 leaf = keccak256(abi.encodePacked(Tag.OPERATOR_RECORD, uint32(index), record));
            now_.operators = Frontier.grown(index, peaks, leaf);
        }
        (ok, now_.sums) = RULES.operator_(now_.header, uint32(index), record, now_.sums, named);
    }

    function _judgeOutput(Place memory place, Judgement memory now_, uint256 index, Evidence memory unread)
        private
        view
        returns (bool ok)
    {
        (uint256 constants, uint256 operators,) = Judgements.countsOf(now_.header);
        uint256 from = Program.CONSTANT_RECORD_SIZE * constants + Judgements.operatorsSize(now_.header);
        bytes memory entry = _records(place, now_.header, from + Program.OUTPUT_SIZE * index, Program.OUTPUT_SIZE, unread);
        (, bytes32[] memory peaks) = Frontier.open(unread, now_.operators);
        uint256 operator_ = uint32(bytes4(entry));
        bytes memory record;
        if (operator_ < operators) record = Judgements.operatorBefore(unread, operators, peaks, operator_);
        (ok, now_.sums) = RULES.output(now_.header, entry, record, now_.sums);
        if (!ok) return false;
        Operator memory op = Program.decodeOperator(record);
        now_.outputBytes += uint32(32 * Program.wordsOf(op.dtype, Program.countOf(op)));
    }

    /// @dev What ADMIT answers: nothing where the program is refused, or has another id.
    function _finish(Place memory place, StateHash pre, Evidence memory unread) private pure returns (bytes memory) {
        if (StateHash.unwrap(pre) == REFUSED) return "";
        Judgement memory now_ = Judgements.open(unread, pre);
        bytes memory header = now_.header;
        (, uint256 operators, uint256 outputs) = Judgements.countsOf(header);
        uint256 from = Judgements.recordsSize(header) - Judgements.metaSize(header);
        uint256 listSize = Program.OUTPUT_SIZE * outputs;
        bytes32 list = keccak256(_records(place, header, from - listSize, listSize, unread));
        bytes memory meta = _records(place, header, from, Judgements.metaSize(header), unread);
        bytes32 constantsRoot = Judgements.rootOf(unread, now_.constants);
        bytes32 id = keccak256(
            abi.encodePacked(
                Tag.PROGRAM_ID, header, Judgements.rootOf(unread, now_.operators), constantsRoot, list
            )
        );
        bool ok = now_.sums.weight == Judgements.gasOf(header) && now_.dataCursor == place.asked.length
            && keccak256(abi.encodePacked(Tag.PROGRAM_META, meta)) == Judgements.metaHashOf(header) && id == place.asked.id;
        if (!ok) return "";
        uint256 inputBytes = now_.sums.inputEnd;
        uint256 outputBytes = now_.outputBytes;
        uint64 gas_ = uint64(20_000 + (uint256(now_.sums.weight) + 63) / 64 + 3 * (inputBytes / 32 + outputBytes / 32));
        return abi.encode(gas_, uint32(inputBytes), uint32(outputBytes), uint32(operators), meta);
    }
}
