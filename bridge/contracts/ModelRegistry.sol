// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Deposit, IBatchInbox} from "./interfaces/IBatchInbox.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {Content} from "./libraries/Content.sol";
import {Account} from "../../executor/genesis/contracts/libraries/Account.sol";
import {AddressAlias} from "../../executor/genesis/contracts/libraries/AddressAlias.sol";

/// @title ModelRegistry
contract ModelRegistry is IModelRegistry {
    /// @notice Bytes of a chunk in calldata: a proof of a byte shows all of them.
    uint256 public constant MAX_CHUNK = 98_304;
    uint256 public constant MAX_CHUNKS = 4_096;
    uint256 public constant MAX_NAME = 64;
    /// @notice Blobs of one transaction (EIP-7594).
    uint256 public constant MAX_BLOBS = 6;
    /// @notice Seconds from the posting of a blob to the publication that names it.
    uint256 public constant BLOB_WINDOW = 1 days;
    /// @notice L1 gas that a byte in a log takes at least. With 16 for a byte of input it is what calldata costs by EIP-7623:
    /// readers keep every chunk, and no caller makes them keep it for less.
    uint256 public constant GAS_PER_LOGGED_BYTE = 24;
    address public constant L2_REGISTRY = 0x42000000000000000000000000000000000000a2;

    IBatchInbox public immutable INBOX;

    /// @dev Bytes of the chunk.
    mapping(bytes32 hash => uint256) private _posted;
    mapping(bytes32 versionedHash => uint256) private _blobPostedAt;

    constructor(IBatchInbox inbox) {
        INBOX = inbox;
    }

    /// @inheritdoc IModelRegistry
    function post(bytes calldata chunk) external returns (bytes32 hash) {
        uint256 gasBefore = gasleft();
        if (chunk.length == 0 || chunk.length > MAX_CHUNK) revert BadChunk(chunk.length);
        hash = keccak256(chunk);
        if (_posted[hash] != 0) return hash;
        _posted[hash] = chunk.length;
        emit ChunkPosted(hash, chunk.length);
        // INVARIANT: the bytes are the transaction's input, or they are in its logs.
        if (Account.callsDirectly()) return hash;
        emit ChunkLogged(hash, chunk);
        uint256 price = chunk.length * GAS_PER_LOGGED_BYTE;
        while (gasBefore - gasleft() < price) {}
    }

    /// @inheritdoc IModelRegistry
    function postBlobs() external returns (bytes32[] memory hashes) {
        uint256 count;
        while (count < MAX_BLOBS && blobhash(count) != 0) ++count;
        // INVARIANT: no blob that was paid for goes unnoticed.
        if (count == 0 || blobhash(MAX_BLOBS) != 0) revert BadChunkCount(count);
        hashes = new bytes32[](count);
        for (uint256 i; i < count; ++i) {
            hashes[i] = blobhash(i);
            _blobPostedAt[hashes[i]] = block.timestamp;
        }
        emit BlobsPosted(hashes);
    }

    /// @inheritdoc IModelRegistry
    function publish(
        bytes32 modelId,
        bytes32[] calldata chunkHashes,
        uint32 length,
        string calldata name,
        uint64 gas
    ) external returns (uint64 index) {
        if (chunkHashes.length == 0 || chunkHashes.length > MAX_CHUNKS) revert BadChunkCount(chunkHashes.length);
        if (!_isName(bytes(name))) revert BadName(name);
        (bytes32 root, bytes memory manifest) = _contentOf(chunkHashes, length);
        uint32 chunks = uint32(chunkHashes.length);
        emit ModelPublished(modelId, Content.hashOf(root, length, chunks), manifest, name);
        index = INBOX.deposit(
            Deposit({
                from: AddressAlias.toL2(address(this)),
                to: L2_REGISTRY,
                isCreation: false,
                mint: 0,
                value: 0,
                gas: gas,
                data: abi.encodeWithSignature(
                    "register(bytes32,bytes32,uint32,uint32,string)", modelId, root, length, chunks, name
                )
            })
        );
    }

    /// @inheritdoc IModelRegistry
    function isPosted(bytes32 hash) public view returns (bool) {
        return _kindOf(hash) != 0;
    }

    /// @return One of Content's kinds; 0 of what is not there.
    function _kindOf(bytes32 hash) private view returns (uint256) {
        if (_posted[hash] != 0) return Content.CALLDATA;
        uint256 postedAt = _blobPostedAt[hash];
        // INVARIANT: L1 still has a blob for weeks after it was named.
        return postedAt != 0 && block.timestamp <= postedAt + BLOB_WINDOW ? Content.BLOB : 0;
    }

    /// @dev A blob is full but for the artifact's end.
    /// @return root Of the content's tree.
    /// @return manifest `u8 kind ++ hash ++ u32 length` for each chunk.
    function _contentOf(bytes32[] calldata hashes, uint256 length)
        private
        view
        returns (bytes32 root, bytes memory manifest)
    {
        bytes32[] memory leaves = new bytes32[](hashes.length);
        manifest = new bytes(Content.ENTRY_SIZE * hashes.length);
        uint256 start;
        for (uint256 i; i < hashes.length; ++i) {
            bytes32 hash = hashes[i];
            uint256 kind = _kindOf(hash);
            // INVARIANT: whoever derives the chain from L1 finds every byte of a model there.
            if (kind == 0) revert ChunkMissing(hash);
            uint256 left = length - start;
            uint256 size = kind == Content.CALLDATA ? _posted[hash] : left < Content.BLOB_BYTES ? left : Content.BLOB_BYTES;
            // INVARIANT: the chunks' bytes are the artifact's, all of them.
            if (size == 0 || size > left) revert BadLength(length);
            leaves[i] = Content.leaf(kind, hash, start, size);
            Content.writeEntry(manifest, i, kind, hash, size);
            start += size;
        }
        if (start != length) revert BadLength(length);
        root = Content.rootOf(leaves);
    }

    /// @dev Empty, or `name@major.minor`. A name cannot be taken for an id: an id has no `@`.
    function _isName(bytes memory name) private pure returns (bool) {
        if (name.length == 0) return true;
        if (name.length > MAX_NAME) return false;
        uint256 sign;
        while (sign < name.length && name[sign] != "@") {
            if (!_isNameCharacter(uint8(name[sign]))) return false;
            ++sign;
        }
        (uint256 dot, bool major) = _number(name, sign + 1);
        if (sign == 0 || !major || dot == name.length || name[dot] != ".") return false;
        (uint256 end, bool minor) = _number(name, dot + 1);
        return minor && end == name.length;
    }

    function _isNameCharacter(uint8 c) private pure returns (bool) {
        return (c >= 0x61 && c <= 0x7a) || (c >= 0x2d && c <= 0x39) || c == 0x5f;
    }

    /// @dev Digits from `start`, without a leading zero unless it is the only one.
    function _number(bytes memory name, uint256 start) private pure returns (uint256 end, bool ok) {
        end = start;
        while (end < name.length && name[end] >= "0" && name[end] <= "9") {
            ++end;
        }
        ok = end > start && (name[start] != "0" || end == start + 1);
    }
}
