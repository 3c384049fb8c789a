// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatchInbox, Message, Record} from "../interfaces/IBatchInbox.sol";
import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {Reference} from "../libraries/MachineState.sol";
import {RLPWriter} from "../libraries/RLPWriter.sol";
import {Tag} from "../libraries/Tag.sol";
import {WordRoots} from "../libraries/WordRoots.sol";
import {Batch, Batches} from "./Batch.sol";
import {ChainRules} from "./ChainRules.sol";
import {Frontier} from "./Frontier.sol";
import {Chain, Logs, Part, Phase, Registers, Rest, State} from "./Part.sol";
import {Path, StateTree} from "./StateTree.sol";
import {Sweep} from "./Sweep.sol";
import {Words} from "./Words.sol";

/// @title The first step of a unit: a block begins or ends, a part of a batch is passed over, a transaction arrives
/// @notice Evidence: the chain state; then, unless a delayed message is next or the block's budget is used up, the batch's
/// data. Then of a block that begins the paths of the history contract's slot and of L1Block's; of one that ends its bloom
/// and both frontiers; of a message `u8 kind ++ u32 length ++ envelope`.
contract DerivationSteps is IStepVerifier {
    using EvidenceReader for Evidence;
    using Part for bytes;

    uint256 private constant LENGTH = 4;
    /// @dev A block's header in a batch: a zero byte and a timestamp.
    uint256 private constant HEADER = 9;
    uint256 private constant MAX_ENVELOPE = 98_304;
    uint256 private constant BLOOM = 256;
    uint256 private constant MAX_U64 = 2 ** 64 - 1;

    uint160 private constant HISTORY = 0x00f90827f1c53a10cb7a02335b175320002935;
    uint256 private constant HISTORY_WINDOW = 8191;
    uint160 private constant L1_BLOCK = 0x15 | 0x42 << 152;
    uint160 private constant COINBASE = 0x11 | 0x42 << 152;

    bytes32 private constant NO_BLOOM = keccak256(abi.encodePacked(Tag.BLOOM, new bytes(BLOOM)));
    bytes32 private constant EMPTY_LIST = keccak256(hex"c0");
    bytes32 private constant EMPTY_TRIE = keccak256(hex"80");

    IBatchInbox public immutable INBOX;
    uint64 public immutable BLOCK_GAS_LIMIT;
    uint256 public immutable MINIMUM_BASE_FEE;
    uint64 public immutable MAX_DRIFT;
    uint64 public immutable MAX_LAG;
    uint64 public immutable BUDGET_RATE;
    uint64 public immutable BUDGET_CAP;
    uint64 public immutable BLOCK_PRICE;
    uint64 public immutable REFUSAL_PRICE;

    constructor(ChainRules memory rules) {
        INBOX = rules.inbox;
        BLOCK_GAS_LIMIT = rules.blockGasLimit;
        MINIMUM_BASE_FEE = rules.minimumBaseFee;
        MAX_DRIFT = rules.maxDrift;
        MAX_LAG = rules.maxLag;
        BUDGET_RATE = rules.budgetRate;
        BUDGET_CAP = rules.budgetCap;
        BLOCK_PRICE = rules.blockPrice;
        REFUSAL_PRICE = rules.refusalPrice;
    }

    /// @inheritdoc IStepVerifier
    function step(bytes32 pre, bytes calldata evidence) external view returns (bytes32 post) {
        Evidence memory unread = EvidenceReader.open(evidence);
        bytes memory chain = unread.take(Chain.SIZE);
        if (keccak256(chain) != pre || chain[0] != Tag.CHAIN_STATE) revert ILeafRules.BadEvidence();
        uint64 index = uint64(chain.get(Chain.BATCH));
        Record memory record = INBOX.recordAt(index);
        bool hasMessages = chain.get(Chain.DELAYED) < record.delayedEnd;
        if (chain.get(Chain.PHASE) == Chain.OPEN) {
            if (hasMessages) {
                post = _message(chain, pre, unread);
            } else if (chain.get(Chain.BUDGET) < REFUSAL_PRICE) {
                post = _end(chain, unread, record);
            } else {
                Batch memory batch = Batches.open(unread, INBOX, index, record);
                (uint256 length, bool isHeader,) = _item(unread, batch, chain.get(Chain.CURSOR));
                post = length == 0 || isHeader
                    ? _end(chain, unread, record)
                    : _envelope(chain, pre, batch, length);
            }
        } else {
            Batch memory batch = Batches.open(unread, INBOX, index, record);
            post = _between(chain, unread, batch, record, hasMessages);
        }
        unread.close();
    }

    /// @dev The item at a cursor: bytes of its body, none where the batch has no item there; whether it begins a block, and
    /// with which timestamp.
    function _item(Evidence memory unread, Batch memory batch, uint256 cursor)
        private
        view
        returns (uint256 length, bool isHeader, uint256 timestamp)
    {
        if (batch.size < cursor + LENGTH) return (0, false, 0);
        length = Batches.number(unread, batch, cursor, LENGTH);
        if (length > batch.size - cursor - LENGTH) return (0, false, 0);
        if (length == HEADER) {
            uint256 header = Batches.number(unread, batch, cursor + LENGTH, HEADER);
            isHeader = header >> 64 == 0;
            timestamp = uint64(header);
        }
    }

    /// @dev No block is open: one begins, or something is passed over.
    function _between(
        bytes memory chain,
        Evidence memory unread,
        Batch memory batch,
        Record memory record,
        bool hasMessages
    ) private view returns (bytes32) {
        uint256 cursor = chain.get(Chain.CURSOR);
        (uint256 length, bool isHeader, uint256 timestamp) = _item(unread, batch, cursor);
        if (length == 0) {
            if (hasMessages) {
                _open(chain, record, record.l1Timestamp, true, true);
                return _begin(chain, unread, record);
            }
            chain.put(Chain.BATCH, chain.get(Chain.BATCH) + 1);
            chain.put(Chain.CURSOR, 0);
            return keccak256(chain);
        }
        if (isHeader && _open(chain, record, timestamp, hasMessages, false)) {
            chain.put(Chain.CURSOR, cursor + LENGTH + length);
            return _begin(chain, unread, record);
        }
        // What belongs to no block, or is not paid for, takes the rest of its batch with it.
        chain.put(Chain.CURSOR, batch.size);
        return keccak256(chain);
    }

    /// @dev Timestamp, budget, gas limit and base fee of the block that begins. False, and nothing is set, where the budget
    /// does not pay for it; a block of messages alone begins all the same.
    function _open(bytes memory chain, Record memory record, uint256 given, bool hasMessages, bool isFree)
        private
        view
        returns (bool)
    {
        uint256 parent = chain.get(Chain.TIMESTAMP);
        uint256 latest = uint256(record.l1Timestamp) + MAX_DRIFT;
        uint256 timestamp = given < latest ? given : latest;
        if (timestamp + MAX_LAG < record.l1Timestamp) timestamp = record.l1Timestamp - MAX_LAG;
        if (timestamp < parent) timestamp = parent;
        if (timestamp > MAX_U64) timestamp = MAX_U64;
        uint256 accrued = chain.get(Chain.BUDGET) + uint256(BUDGET_RATE) * (timestamp - parent);
        if (accrued > BUDGET_CAP) accrued = BUDGET_CAP;
        bool isPaid = accrued >= BLOCK_PRICE;
        if (!isPaid && !isFree) return false;
        uint256 budget = isPaid ? accrued - BLOCK_PRICE : 0;
        chain.put(Chain.BASE_FEE, _nextBaseFee(chain));
        chain.put(Chain.TIMESTAMP, timestamp);
        chain.put(Chain.BUDGET, budget);
        chain.put(Chain.GAS_LIMIT, hasMessages || budget > BLOCK_GAS_LIMIT ? BLOCK_GAS_LIMIT : budget);
        return true;
    }

    /// @dev EIP-1559's, or the least one.
    function _nextBaseFee(bytes memory chain) private view returns (uint256 fee) {
        uint256 target = chain.get(Chain.GAS_LIMIT) / 2;
        uint256 used = chain.get(Chain.GAS_USED);
        fee = chain.get(Chain.BASE_FEE);
        if (target > 0 && used > target) {
            uint256 change = fee * (used - target) / target / 8;
            fee += change > 0 ? change : 1;
        } else if (used < target) {
            fee -= fee * (target - used) / target / 8;
        }
        return fee > MINIMUM_BASE_FEE ? fee : MINIMUM_BASE_FEE;
    }

    /// @dev What is at hand of the block is set: the rest of its state.
    function _begin(bytes memory chain, Evidence memory unread, Record memory record) private pure returns (bytes32) {
        uint256 number = chain.get(Chain.NUMBER);
        bytes32 root = bytes32(chain.get(Chain.STATE_ROOT));
        root = _put(unread, root, HISTORY, number % HISTORY_WINDOW, chain.get(Chain.PARENT_HASH));
        root = _put(unread, root, L1_BLOCK, 0, uint256(record.l1Timestamp) << 64 | record.l1Number);
        chain.put(Chain.PHASE, Chain.OPEN);
        chain.put(Chain.NUMBER, number + 1);
        chain.put(Chain.GAS_USED, 0);
        chain.put(Chain.STATE_ROOT, uint256(root));
        chain.put(Chain.BLOOM, uint256(NO_BLOOM));
        chain.put(Chain.TRANSACTIONS, uint256(Frontier.EMPTY));
        chain.put(Chain.RECEIPTS, uint256(Frontier.EMPTY));
        return keccak256(chain);
    }

    function _put(Evidence memory unread, bytes32 root, uint160 account, uint256 slot, uint256 value)
        private
        pure
        returns (bytes32)
    {
        bytes32 key = keccak256(abi.encodePacked(Tag.SLOT_KEY, account, slot));
        Path memory path = StateTree.open(unread, root, key, 32);
        return value == 0 ? StateTree.remove(unread, path) : StateTree.put(path, value);
    }

    /// @dev The block is over: its header's hash.
    function _end(bytes memory chain, Evidence memory unread, Record memory record) private pure returns (bytes32) {
        bytes memory bloom = unread.take(BLOOM);
        if (uint256(keccak256(abi.encodePacked(Tag.BLOOM, bloom))) != chain.get(Chain.BLOOM)) {
            revert ILeafRules.BadEvidence();
        }
        bytes32 transactions = _root(unread, chain.get(Chain.TRANSACTIONS));
        bytes32 receipts = _root(unread, chain.get(Chain.RECEIPTS));
        bytes32 parent = bytes32(chain.get(Chain.PARENT_HASH));
        bytes memory fields = bytes.concat(
            RLPWriter.writeBytes32(parent),
            RLPWriter.writeBytes32(EMPTY_LIST),
            RLPWriter.writeAddress(address(COINBASE)),
            RLPWriter.writeBytes32(bytes32(chain.get(Chain.STATE_ROOT))),
            RLPWriter.writeBytes32(transactions),
            RLPWriter.writeBytes32(receipts),
            RLPWriter.writeBytes(bloom),
            RLPWriter.writeUint(0),
            RLPWriter.writeUint(chain.get(Chain.NUMBER)),
            RLPWriter.writeUint(chain.get(Chain.GAS_LIMIT)),
            RLPWriter.writeUint(chain.get(Chain.GAS_USED))
        );
        fields = bytes.concat(
            fields,
            RLPWriter.writeUint(chain.get(Chain.TIMESTAMP)),
            RLPWriter.writeBytes(abi.encodePacked(uint64(chain.get(Chain.BUDGET)))),
            RLPWriter.writeBytes32(keccak256(abi.encodePacked(Tag.PREV_RANDAO, parent, record.l1Number))),
            RLPWriter.writeBytes(new bytes(8)),
            RLPWriter.writeUint(chain.get(Chain.BASE_FEE)),
            RLPWriter.writeBytes32(EMPTY_TRIE),
            RLPWriter.writeUint(0),
            RLPWriter.writeUint(0),
            RLPWriter.writeBytes32(0)
        );
        chain.put(Chain.PHASE, Chain.BETWEEN);
        chain.put(Chain.PARENT_HASH, uint256(keccak256(RLPWriter.writeList(fields))));
        return keccak256(chain);
    }

    function _root(Evidence memory unread, uint256 hash) private pure returns (bytes32) {
        (uint256 count, bytes32[] memory peaks) = Frontier.open(unread, bytes32(hash));
        return Frontier.root(count, peaks);
    }

    /// @dev An envelope of the batch: refused where it is too long to be read, otherwise it arrives, from calldata at once.
    function _envelope(
        bytes memory chain,
        bytes32 pre,
        Batch memory batch,
        uint256 length
    ) private view returns (bytes32) {
        uint256 start = chain.get(Chain.CURSOR) + LENGTH;
        if (length > MAX_ENVELOPE) {
            chain.put(Chain.CURSOR, start + length);
            chain.put(Chain.BUDGET, chain.get(Chain.BUDGET) - REFUSAL_PRICE);
            return keccak256(chain);
        }
        if (batch.hashes.length > 0) {
            uint256 words = (length + 31) / 32;
            return _arrive(chain, pre, Phase.LOAD, length, Words.grow(0, 0, words));
        }
        Evidence memory data = Evidence(batch.offset + start, batch.offset + batch.size);
        return _arrive(chain, pre, Phase.DECODE, length, _rootOf(data.take(length)));
    }

    /// @dev A delayed message: its bytes are in the queue's accumulator.
    function _message(bytes memory chain, bytes32 pre, Evidence memory unread) private view returns (bytes32) {
        uint64 index = uint64(chain.get(Chain.DELAYED));
        uint8 kind = uint8(unread.number(1));
        uint256 length = unread.number(4);
        bytes calldata envelope = unread.take(length);
        Message memory message = INBOX.messageAt(index);
        bytes memory link =
            abi.encodePacked(INBOX.accumulatorAt(index), kind, message.gas, keccak256(envelope));
        if (keccak256(link) != message.accumulator) revert ILeafRules.BadEvidence();
        return _arrive(chain, pre, Phase.DECODE, length, _rootOf(envelope));
    }

    function _rootOf(bytes calldata envelope) private pure returns (bytes32) {
        bytes32[] memory words = new bytes32[]((envelope.length + 31) / 32);
        assembly ("memory-safe") {
            calldatacopy(add(words, 32), envelope.offset, envelope.length)
        }
        return WordRoots.memoryRoot(words);
    }

    /// @dev The machine before a transaction: its memory is the envelope, or the room for it.
    function _arrive(bytes memory chain, bytes32 pre, uint256 phase, uint256 length, bytes32 memory_)
        private
        pure
        returns (bytes32)
    {
        bytes memory registers = new bytes(Registers.SIZE);
        registers[0] = Tag.REGISTERS;
        registers.put(Registers.KIND, Registers.LOAD);
        registers.put(Registers.CURSOR, phase == Phase.LOAD ? 0 : length);
        registers.put(Registers.LENGTH, length);
        bytes memory rest = new bytes(Rest.SIZE);
        rest[0] = Tag.REST;
        rest.put(Rest.STATE_ROOT, chain.get(Chain.STATE_ROOT));
        rest.put(Rest.LOGS, uint256(keccak256(abi.encodePacked(Tag.LOGS_RECORD, bytes32(0), uint32(0), NO_BLOOM))));
        rest.put(Rest.SWEEP, uint256(keccak256(abi.encodePacked(Tag.SWEEP_RECORD, bytes32(0), bytes32(0)))));
        rest.put(Rest.ENVIRONMENT, uint256(pre));
        rest.put(Rest.REGISTERS, uint256(keccak256(registers)));
        bytes memory state = new bytes(State.SIZE);
        state[0] = Tag.MACHINE_STATE;
        state.put(State.PHASE, phase);
        state.put(State.MEMORY_WORDS, (length + 31) / 32);
        state.put(State.MEMORY, uint256(memory_));
        state.put(State.REST, uint256(keccak256(rest)));
        return keccak256(state);
    }
}
