// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Deposit, IBatchInbox, InboxParameters, Message, Record} from "./interfaces/IBatchInbox.sol";
import {Account} from "../../executor/genesis/contracts/libraries/Account.sol";
import {ISystemConfig} from "./interfaces/ISystemConfig.sol";
import {RLPWriter} from "./libraries/RLPWriter.sol";

/// @title BatchInbox
/// @notice Orders everything that makes the chain. It stores commitments; the bytes are in calldata, blobs and events.
contract BatchInbox is IBatchInbox {
    uint8 private constant KIND_CALLDATA = 0;
    uint8 private constant KIND_BLOBS = 1;
    uint8 private constant KIND_FORCED = 2;
    uint8 private constant KIND_DEPOSIT = 0;
    uint8 private constant KIND_RAW = 1;

    /// @notice Bytes of one batch in calldata.
    uint256 public constant MAX_DATA = 100_000;
    /// @notice Blobs of one batch: as many as one transaction may carry (EIP-7594).
    uint256 public constant MAX_BLOBS = 6;
    /// @notice Bytes of one envelope.
    uint256 public constant MAX_ENVELOPE = 98_304;
    /// @notice L1 blocks that an origin may be old.
    uint64 public constant SEQUENCING_WINDOW = 300;
    /// @notice Seconds that an origin's timestamp may be ahead: a reorg can replace its block by an earlier one.
    uint64 public constant MAX_CLOCK_SKEW = 60;
    /// @notice L2 gas that one message may declare.
    uint64 public constant MAX_MESSAGE_GAS = 2 ** 24;
    /// @notice L2 gas that all messages of one L1 block may declare.
    uint256 public constant MAX_QUEUED_GAS = 20_000_000;
    /// @notice L2 gas that one unit of L1 gas pays for. To fill a block's MAX_QUEUED_GAS costs 1.25 million L1 gas.
    uint256 public constant GAS_PER_L1_GAS = 16;

    /// @dev Bytes that one blob holds.
    uint256 private constant BLOB_BYTES = 126_976;
    /// @dev The shortest record of a batch; a block's header has 13, for its begin and its end.
    uint256 private constant BYTES_PER_UNIT = 5;
    /// @dev Begin and end of a block of messages alone, and the step to the next batch.
    uint256 private constant UNITS_OF_BATCH = 3;
    /// @dev The same, and the step over what the budget does not pay for.
    uint256 private constant UNPAID_UNITS_OF_BATCH = 4;

    /// @notice Says who appends.
    ISystemConfig public immutable CONFIG;
    address public immutable PORTAL;
    address public immutable MODEL_REGISTRY;
    /// @notice Declared gas of the messages of one batch: the L2 block's gas limit.
    uint64 public immutable BLOCK_GAS_LIMIT;
    /// @notice Seconds after which a message may not be left out.
    uint64 public immutable FORCE_DELAY;
    /// @notice Seconds that an origin's timestamp may be old: L2's clock can lag by no more.
    uint64 public immutable MAX_ORIGIN_AGE;
    /// @notice Seconds by which the timestamps of a batch can differ from its origin's, ahead and behind together.
    uint64 public immutable MAX_DRIFT;
    /// @notice L2 gas that a second of L1's time pays for, that is saved up at most, and that a unit takes at least.
    uint64 public immutable BUDGET_RATE;
    uint64 public immutable BUDGET_CAP;
    uint64 public immutable UNIT_PRICE;

    Record[] private _records;
    Message[] private _messages;
    uint128 private _queuedInBlock;
    uint128 private _queuedGas;

    constructor(ISystemConfig config, address portal, address modelRegistry, InboxParameters memory given) {
        CONFIG = config;
        PORTAL = portal;
        MODEL_REGISTRY = modelRegistry;
        BLOCK_GAS_LIMIT = given.blockGasLimit;
        FORCE_DELAY = given.forceDelay;
        MAX_ORIGIN_AGE = given.maxOriginAge;
        MAX_DRIFT = given.maxDrift;
        BUDGET_RATE = given.budgetRate;
        BUDGET_CAP = given.budgetCap;
        UNIT_PRICE = given.unitPrice;
    }

    /// @inheritdoc IBatchInbox
    function append(
        uint64 index,
        uint64 originNumber,
        uint64 originTimestamp,
        uint64 delayedEnd,
        bytes32 delayedAccumulator,
        bytes calldata data
    ) external {
        // INVARIANT: a reader has to hold at most this much.
        if (data.length > MAX_DATA) revert DataTooLong(data.length);
        _checkSequenced(index, originNumber, originTimestamp, delayedEnd, delayedAccumulator);
        _append(keccak256(data), Record(0, KIND_CALLDATA, originNumber, originTimestamp, delayedEnd, 0), data.length);
        // INVARIANT: the bytes are the transaction's input, or they are in its logs.
        if (!Account.callsDirectly()) emit BatchLogged(index, data);
    }

    /// @inheritdoc IBatchInbox
    function appendBlobs(
        uint64 index,
        uint64 originNumber,
        uint64 originTimestamp,
        uint64 delayedEnd,
        bytes32 delayedAccumulator
    ) external {
        bytes32[] memory hashes = _blobHashes();
        _checkSequenced(index, originNumber, originTimestamp, delayedEnd, delayedAccumulator);
        bytes32 dataHash = keccak256(abi.encodePacked(hashes));
        uint256 size = hashes.length * BLOB_BYTES;
        _append(dataHash, Record(0, KIND_BLOBS, originNumber, originTimestamp, delayedEnd, 0), size);
        emit BlobsAppended(index, hashes);
    }

    /// @inheritdoc IBatchInbox
    function force(uint64 index, uint64 delayedEnd) external {
        uint64 start = _checkPlace(index, delayedEnd);
        // INVARIANT: only what has waited too long is forced; messages are in the order of their timestamps.
        if (delayedEnd == start || !_starved(delayedEnd - 1)) revert NotStarved(delayedEnd);
        // A batch's timestamp may be ahead of this block's; records stay in order all the same.
        uint64 timestamp = uint64(block.timestamp);
        if (index != 0 && _records[index - 1].l1Timestamp > timestamp) timestamp = _records[index - 1].l1Timestamp;
        _append(keccak256(""), Record(0, KIND_FORCED, uint64(block.number), timestamp, delayedEnd, 0), 0);
    }

    /// @inheritdoc IBatchInbox
    function enqueue(bytes calldata envelope, uint64 gas) external returns (uint64 index) {
        uint256 gasBefore = gasleft();
        index = _queue(KIND_RAW, gas, envelope);
        _burn(gasBefore, gas);
    }

    /// @inheritdoc IBatchInbox
    function deposit(Deposit calldata message) external returns (uint64 index) {
        uint256 gasBefore = gasleft();
        // INVARIANT: who minted and who sent is known only from contracts that checked it.
        if (msg.sender != PORTAL && msg.sender != MODEL_REGISTRY) revert NotDepositor(msg.sender);
        index = _queue(KIND_DEPOSIT, message.gas, _encode(message, _messages.length));
        _burn(gasBefore, message.gas);
    }

    /// @inheritdoc IBatchInbox
    function recordCount() external view returns (uint64) {
        return uint64(_records.length);
    }

    /// @inheritdoc IBatchInbox
    function messageCount() external view returns (uint64) {
        return uint64(_messages.length);
    }

    /// @inheritdoc IBatchInbox
    function recordAt(uint64 index) external view returns (Record memory) {
        return _records[index];
    }

    /// @inheritdoc IBatchInbox
    function lineageAt(uint64 count) public view returns (bytes32) {
        return count == 0 ? bytes32(0) : _records[count - 1].lineage;
    }

    /// @inheritdoc IBatchInbox
    function furthest(uint64 start, uint256 units) external view returns (uint64 end) {
        end = uint64(_records.length);
        if (end <= start + 1 || _unitsOf(start, end) <= units) return end;
        // Records through `low` are taken, through `high` they are too many.
        (uint64 low, uint64 high) = (start + 1, end);
        while (high - low > 1) {
            uint64 middle = (low + high) / 2;
            if (_unitsOf(start, middle) <= units) low = middle;
            else high = middle;
        }
        return low;
    }

    /// @inheritdoc IBatchInbox
    function messageAt(uint64 index) external view returns (Message memory) {
        return _messages[index];
    }

    /// @inheritdoc IBatchInbox
    function accumulatorAt(uint64 count) public view returns (bytes32) {
        return count == 0 ? bytes32(0) : _messages[count - 1].accumulator;
    }

    /// @dev Versioned hashes of all blobs that the transaction carries.
    function _blobHashes() private view returns (bytes32[] memory hashes) {
        // INVARIANT: a batch of blobs has bytes, and a reader has to hold at most MAX_BLOBS.
        if (blobhash(0) == 0) revert NoBlobs();
        if (blobhash(MAX_BLOBS) != 0) revert TooManyBlobs();
        uint256 count = 1;
        while (count < MAX_BLOBS && blobhash(count) != 0) count++;
        hashes = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) hashes[i] = blobhash(i);
    }

    /// @dev Checks what every batch of the sequencer must obey, wherever its bytes are.
    function _checkSequenced(
        uint64 index,
        uint64 originNumber,
        uint64 originTimestamp,
        uint64 delayedEnd,
        bytes32 delayedAccumulator
    ) private view {
        // INVARIANT: nobody else orders.
        if (msg.sender != CONFIG.batcher()) revert NotSequencer(msg.sender);
        uint64 start = _checkPlace(index, delayedEnd);
        // INVARIANT: origins never go back, so neither do the chain's timestamps.
        if (index != 0) {
            Record storage previous = _records[index - 1];
            if (originNumber < previous.l1Number || originTimestamp < previous.l1Timestamp) revert OriginBackwards();
        }
        if (originNumber > block.number || originTimestamp > block.timestamp + MAX_CLOCK_SKEW) revert OriginInFuture();
        // INVARIANT: the chain's clock runs. That a block of L1 had the timestamp cannot be seen here; that it is recent can.
        if (block.number - originNumber > SEQUENCING_WINDOW || originTimestamp + MAX_ORIGIN_AGE < block.timestamp) {
            revert OriginTooOld(originNumber);
        }
        // INVARIANT: the blocks were built on these very messages.
        bytes32 expected = accumulatorAt(delayedEnd);
        if (delayedAccumulator != expected) revert WrongAccumulator(delayedAccumulator, expected);
        // INVARIANT: no message that fits waits longer than FORCE_DELAY.
        if (delayedEnd < _messages.length && _starved(delayedEnd) && _gasOf(start, delayedEnd + 1) <= BLOCK_GAS_LIMIT) {
            revert MessageStarved(delayedEnd);
        }
    }

    /// @dev Checks what every batch must obey.
    /// @return start First message that it takes.
    function _checkPlace(uint64 index, uint64 delayedEnd) private view returns (uint64 start) {
        uint256 count = _records.length;
        // INVARIANT: a batch is appended at the place it was made for, once.
        if (index != count) revert WrongIndex(index, uint64(count));
        start = count == 0 ? 0 : _records[count - 1].delayedEnd;
        // INVARIANT: messages are taken in order, each once.
        if (delayedEnd < start) revert DelayedBackwards(delayedEnd, start);
        if (delayedEnd > _messages.length) revert DelayedPastEnd(delayedEnd, uint64(_messages.length));
        // INVARIANT: the messages of a batch fit the first block of it.
        uint256 gas = _gasOf(start, delayedEnd);
        if (gas > BLOCK_GAS_LIMIT) revert DelayedGasExceeded(gas, BLOCK_GAS_LIMIT);
    }

    /// @param size Bytes that the batch holds at most.
    function _append(bytes32 dataHash, Record memory record, uint256 size) private {
        uint64 index = uint64(_records.length);
        uint64 taken = index == 0 ? 0 : _records[index - 1].delayedEnd;
        // INVARIANT: no bytes, however cut, are more units.
        uint256 units = size / BYTES_PER_UNIT + (record.delayedEnd - taken) + UNITS_OF_BATCH;
        record.unitsThrough = uint56(_unitsThrough(index) + units);
        // INVARIANT: whoever names a lineage names all that the chain is derived from, so far.
        record.lineage = keccak256(
            abi.encodePacked(
                lineageAt(index),
                record.kind,
                dataHash,
                record.l1Number,
                record.l1Timestamp,
                record.delayedEnd,
                accumulatorAt(record.delayedEnd)
            )
        );
        _records.push(record);
        emit BatchAppended(index, record.kind, dataHash, record.l1Number, record.l1Timestamp, record.delayedEnd);
    }

    /// @dev Upper bound of the units of records start to end - 1; end > start. It never falls where end grows.
    function _unitsOf(uint64 start, uint64 end) private view returns (uint256) {
        uint256 byBytes = _unitsThrough(end) - _unitsThrough(start);
        Record storage last = _records[end - 1];
        // INVARIANT: every unit of a block takes its price, but for messages and what every batch has. Before the first block
        // there is at most BUDGET_CAP; it is not before its origin less the lag, and the last not after its plus the drift.
        uint256 span = last.l1Timestamp - _records[start].l1Timestamp + MAX_DRIFT;
        uint256 paid = (BUDGET_CAP + BUDGET_RATE * span) / UNIT_PRICE;
        uint256 taken = start == 0 ? 0 : _records[start - 1].delayedEnd;
        uint256 byTime = paid + (last.delayedEnd - taken) + UNPAID_UNITS_OF_BATCH * (end - start);
        return byBytes < byTime ? byBytes : byTime;
    }

    function _unitsThrough(uint64 count) private view returns (uint256) {
        return count == 0 ? 0 : _records[count - 1].unitsThrough;
    }

    function _starved(uint64 index) private view returns (bool) {
        return block.timestamp - _messages[index].timestamp > FORCE_DELAY;
    }

    /// @dev Declared gas of messages start to end - 1.
    function _gasOf(uint64 start, uint64 end) private view returns (uint256) {
        return _gasThrough(end) - _gasThrough(start);
    }

    function _gasThrough(uint64 count) private view returns (uint256) {
        return count == 0 ? 0 : _messages[count - 1].gasThrough;
    }

    function _queue(uint8 kind, uint64 gas, bytes memory envelope) private returns (uint64 index) {
        if (envelope.length == 0 || envelope.length > MAX_ENVELOPE) revert BadEnvelope(envelope.length);
        if (gas < 21_000 || gas > MAX_MESSAGE_GAS) revert BadGas(gas);
        _meter(gas);
        index = uint64(_messages.length);
        _messages.push(
            Message({
                accumulator: keccak256(abi.encodePacked(accumulatorAt(index), kind, gas, keccak256(envelope))),
                timestamp: uint64(block.timestamp),
                gas: gas,
                gasThrough: uint128(_gasThrough(index)) + gas
            })
        );
        emit MessageQueued(index, kind, gas, envelope);
    }

    /// @dev INVARIANT: one L1 block queues at most MAX_QUEUED_GAS, below one L2 block: the queue can always be drained.
    function _meter(uint64 gas) private {
        uint256 queued = _queuedInBlock == block.number ? _queuedGas + gas : gas;
        if (queued > MAX_QUEUED_GAS) revert QueueFull(queued);
        (_queuedInBlock, _queuedGas) = (uint128(block.number), uint128(queued));
    }

    /// @dev Spends L1 gas until the call has used its share; what queueing itself used counts.
    function _burn(uint256 gasBefore, uint64 gas) private view {
        uint256 price = gas / GAS_PER_L1_GAS;
        while (gasBefore - gasleft() < price) {}
    }

    /// @dev `0x7e ++ rlp([sourceHash, from, to, mint, value, gas, isSystem, data])`.
    function _encode(Deposit calldata message, uint256 index) private view returns (bytes memory) {
        bytes32 sourceHash = keccak256(abi.encode(uint256(0), keccak256(abi.encode(address(this), index))));
        bytes memory fields = bytes.concat(
            RLPWriter.writeBytes32(sourceHash),
            RLPWriter.writeAddress(message.from),
            message.isCreation ? bytes(hex"80") : RLPWriter.writeAddress(message.to),
            RLPWriter.writeUint(message.mint),
            RLPWriter.writeUint(message.value),
            RLPWriter.writeUint(message.gas),
            hex"80",
            RLPWriter.writeBytes(message.data)
        );
        return bytes.concat(hex"7e", RLPWriter.writeList(fields));
    }
}
