// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Publication of models on L1
/// @notice The bytes go into calldata, in chunks; publication then tells L2, where they are judged.
interface IModelRegistry {
    event ChunkPosted(bytes32 indexed hash, uint256 length);
    event ModelPublished(
        bytes32 indexed modelId, bytes32 indexed contentHash, bytes32[] chunkHashes, string name
    );

    /// @notice Chunks come from accounts without code, directly, so that their bytes are a transaction's input.
    error NotDirect(address caller);
    error BadChunk(uint256 length);
    error ChunkMissing(bytes32 hash);
    error ChunkRepeated(bytes32 hash);
    error BadChunkCount(uint256 count);
    /// @notice A name is `name@major.minor`: a-z, 0-9, `.`, `_`, `-`, `/` before the `@`, at most 64 bytes.
    error BadName(string name);

    /// @notice Puts bytes on L1. A chunk that is there already changes nothing.
    /// @param chunk 1 to 100,000 bytes.
    function post(bytes calldata chunk) external returns (bytes32 hash);

    /// @notice Queues the registration of a model whose chunks are all there.
    /// @param modelId Merkle commitment of the program.
    /// @param chunkHashes keccak256 of its chunks, in order, at most 4,096, no two of them equal.
    /// @param name Name to be given to it on L2 if free, or empty.
    /// @param gas L2 gas of the registration.
    /// @return index Of the delayed message.
    function publish(bytes32 modelId, bytes32[] calldata chunkHashes, string calldata name, uint64 gas)
        external
        returns (uint64 index);

    function isPosted(bytes32 hash) external view returns (bool);
}
