// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice One batch: where its bytes are, which L1 block it refers to, and where the delayed queue stands after it.
/// @param lineage keccak256(previous lineage ++ u8 kind ++ dataHash ++ u64 l1Number ++ u64 l1Timestamp ++ u64 delayedEnd ++
/// accumulator after delayedEnd messages): of this record and all before it. dataHash is keccak256 of the bytes; of the
/// blobs' versioned hashes, in order, for a batch in blobs.
/// @param kind 0 bytes in calldata, 1 in blobs, 2 forced (no bytes).
/// @param delayedEnd Number of delayed messages that this batch and all before it take.
/// @param unitsThrough Upper bound of the units of derivation in this batch and all before it, by their bytes.
struct Record {
    bytes32 lineage;
    uint8 kind;
    uint64 l1Number;
    uint64 l1Timestamp;
    uint64 delayedEnd;
    uint56 unitsThrough;
}

/// @notice One delayed message.
/// @param accumulator keccak256(previous accumulator ++ u8 kind ++ u64 gas ++ keccak256(envelope)).
/// @param timestamp When it was queued.
/// @param gasThrough Declared gas of this message and all before it.
struct Message {
    bytes32 accumulator;
    uint64 timestamp;
    uint64 gas;
    uint128 gasThrough;
}

/// @param mint Wei that L1 took in, credited to `from` whatever the transaction does.
struct Deposit {
    address from;
    address to;
    bool isCreation;
    uint256 mint;
    uint256 value;
    uint64 gas;
    bytes data;
}

/// @notice What the inbox has to know of the chain. Times in seconds, the rest in L2 gas.
/// @param blockGasLimit Declared gas of the messages of one batch: the L2 block's gas limit.
/// @param forceDelay After which a message may not be left out.
/// @param maxOriginAge That the timestamp of an origin may lie behind the append.
/// @param maxDrift By which timestamps of one batch can differ from its origin's, ahead and behind together.
/// @param budgetRate That a second adds to the chain's budget.
/// @param budgetCap That the budget saves up at most.
/// @param unitPrice That a unit of derivation takes from the budget at least.
struct InboxParameters {
    uint64 blockGasLimit;
    uint64 forceDelay;
    uint64 maxOriginAge;
    uint64 maxDrift;
    uint64 budgetRate;
    uint64 budgetCap;
    uint64 unitPrice;
}

/// @title The two queues from which the chain is derived
interface IBatchInbox {
    event BatchAppended(
        uint64 indexed index, uint8 kind, bytes32 dataHash, uint64 l1Number, uint64 l1Timestamp, uint64 delayedEnd
    );
    /// @notice Follows BatchAppended of a batch in blobs: its blobs in order, so that no reader needs the transaction.
    event BlobsAppended(uint64 indexed index, bytes32[] versionedHashes);
    /// @notice Follows BatchAppended of a batch in calldata whose caller has code or did not send the transaction: its bytes,
    /// which need not be the transaction's input.
    event BatchLogged(uint64 indexed index, bytes data);
    event MessageQueued(uint64 indexed index, uint8 kind, uint64 gas, bytes envelope);

    /// @notice Only the batcher in force appends; anyone may force starved messages in.
    error NotSequencer(address caller);
    /// @notice Only the portal and the model registry queue deposits.
    error NotDepositor(address caller);
    /// @notice The batch was made for another place; after a reorg, or sent twice.
    error WrongIndex(uint64 given, uint64 expected);
    /// @notice The origin lies before that of the record before.
    error OriginBackwards();
    /// @notice The origin is not an L1 block yet.
    error OriginInFuture();
    /// @notice The origin is more than SEQUENCING_WINDOW blocks old, or its timestamp is older than MAX_ORIGIN_AGE. The batch
    /// is to be built again.
    error OriginTooOld(uint64 originNumber);
    /// @notice Delayed messages are taken in order, each once.
    error DelayedBackwards(uint64 given, uint64 previous);
    /// @notice The batch takes messages that the queue does not have.
    error DelayedPastEnd(uint64 given, uint64 length);
    /// @notice The delayed queue is not the one that the batch was made for.
    error WrongAccumulator(bytes32 given, bytes32 expected);
    /// @notice The batch leaves out a message that has waited too long and would fit.
    error MessageStarved(uint64 index);
    /// @notice The message has not waited long enough to be forced.
    error NotStarved(uint64 index);
    /// @notice The delayed messages that the batch takes declare more gas than a block has. Take fewer.
    error DelayedGasExceeded(uint256 gas, uint256 limit);
    /// @notice The batch has more bytes than a reader must hold. Post it in blobs, or in parts.
    error DataTooLong(uint256 length);
    /// @notice The transaction carries no blobs.
    error NoBlobs();
    /// @notice More blobs than a batch may have.
    error TooManyBlobs();
    /// @notice The envelope has no bytes, or more than one may have.
    error BadEnvelope(uint256 length);
    /// @notice The message declares less gas than any transaction takes, or more than one may ask for.
    error BadGas(uint64 gas);
    /// @notice This L1 block has no room for more delayed gas.
    error QueueFull(uint256 gas);

    /// @notice Appends a batch of the sequencer.
    /// @param index Where it goes: the number of records so far.
    /// @param originNumber The L1 block that the batch's blocks refer to: not older than the last batch's, at most
    /// SEQUENCING_WINDOW blocks old.
    /// @param originTimestamp Its timestamp: at most MAX_ORIGIN_AGE seconds ago.
    /// @param delayedEnd Delayed messages taken by this batch and all before it.
    /// @param delayedAccumulator Accumulator after them, zero for none.
    /// @param data Length-prefixed records: blocks, each a header and envelopes.
    function append(
        uint64 index,
        uint64 originNumber,
        uint64 originTimestamp,
        uint64 delayedEnd,
        bytes32 delayedAccumulator,
        bytes calldata data
    ) external;

    /// @notice Appends a batch of the sequencer whose bytes are in the blobs of this transaction, at most MAX_BLOBS: byte p
    /// is in blob p / 126,976, one of the low 31 bytes of field element (p / 31) % 4096. Else as `append`.
    function appendBlobs(
        uint64 index,
        uint64 originNumber,
        uint64 originTimestamp,
        uint64 delayedEnd,
        bytes32 delayedAccumulator
    ) external;

    /// @notice Appends a batch of delayed messages alone, each of which has waited longer than FORCE_DELAY. Anyone may.
    /// @param index Where it goes: the number of records so far.
    /// @param delayedEnd Delayed messages taken by this batch and all before it.
    function force(uint64 index, uint64 delayedEnd) external;

    /// @notice Queues a signed transaction that the sequencer cannot leave out for longer than FORCE_DELAY. Burns L1 gas
    /// up to `gas` / GAS_PER_L1_GAS.
    /// @param envelope The transaction. One with a gas limit above `gas` does nothing, nor does a deposit.
    /// @param gas L2 gas that it may use, 21,000 to 2^24.
    function enqueue(bytes calldata envelope, uint64 gas) external returns (uint64 index);

    /// @notice Queues a deposit; for the portal and the model registry. Burns L1 gas as `enqueue` does.
    function deposit(Deposit calldata message) external returns (uint64 index);

    function recordCount() external view returns (uint64);
    function messageCount() external view returns (uint64);
    function recordAt(uint64 index) external view returns (Record memory);
    /// @notice Lineage of the first `count` records, zero for none: equal lineages are equal chains.
    function lineageAt(uint64 count) external view returns (bytes32);
    /// @notice Number of records, from `start` on as many as surely hold at most `units`, but at least one when there is one:
    /// by their bytes, or by what L1's time pays for, whichever is less.
    function furthest(uint64 start, uint256 units) external view returns (uint64 end);
    function messageAt(uint64 index) external view returns (Message memory);
    /// @notice Accumulator after `count` messages, zero for none.
    function accumulatorAt(uint64 count) external view returns (bytes32);
}
