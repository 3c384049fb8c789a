// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Publication of models on L1
/// @notice The bytes go into calldata or blobs, in chunks; publication then tells L2, where they are judged.
interface IModelRegistry {
    event ChunkPosted(bytes32 indexed hash, uint256 length);
    /// @notice Follows ChunkPosted where the caller has code or did not send the transaction: the bytes, which need not be the
    /// transaction's input.
    event ChunkLogged(bytes32 indexed hash, bytes chunk);
    /// @notice Each blob is a chunk, known by its versioned hash.
    event BlobsPosted(bytes32[] versionedHashes);
    /// @param manifest `u8 kind ++ hash ++ u32 length` for each chunk: 1 calldata, 2 blob, and how many of the artifact's bytes
    /// lie in it.
    event ModelPublished(bytes32 indexed modelId, bytes32 indexed contentHash, bytes manifest, string name);

    /// @notice The chunk has no bytes, or more than one may have.
    error BadChunk(uint256 length);
    /// @notice The chunk was not posted, or its blob too long ago. Post it first.
    error ChunkMissing(bytes32 hash);
    /// @notice The chunks have another number of bytes: those in calldata have what was posted, blobs are full but for the end.
    error BadLength(uint256 length);
    /// @notice No chunks, or more than a model or a transaction may have.
    error BadChunkCount(uint256 count);
    /// @notice A name is `name@major.minor`: a-z, 0-9, `.`, `_`, `-`, `/` before the `@`, at most 64 bytes.
    error BadName(string name);

    /// @notice Puts bytes on L1. A chunk that is there already changes nothing. A caller with code, or that did not send the
    /// transaction, pays at least GAS_PER_LOGGED_BYTE for each byte.
    /// @param chunk 1 to 98,304 bytes.
    function post(bytes calldata chunk) external returns (bytes32 hash);

    /// @notice Puts the transaction's blobs on L1, each a chunk: of each field element the low 31 bytes. L1 keeps them for weeks,
    /// so they are to be published within BLOB_WINDOW; posted again, the time begins anew.
    function postBlobs() external returns (bytes32[] memory hashes);

    /// @notice Queues the registration of a model whose chunks are all there.
    /// @param modelId Merkle commitment of the program.
    /// @param chunkHashes Of its chunks, in order, at most 4,096: keccak256, or the blob's versioned hash.
    /// @param length Bytes of the artifact.
    /// @param name Name to be given to it on L2 if free, or empty.
    /// @param gas L2 gas of the registration.
    /// @return index Of the delayed message.
    function publish(
        bytes32 modelId,
        bytes32[] calldata chunkHashes,
        uint32 length,
        string calldata name,
        uint64 gas
    ) external returns (uint64 index);

    /// @notice Whether a publication may name the chunk.
    function isPosted(bytes32 hash) external view returns (bool);
}
