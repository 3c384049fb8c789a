// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IModelRegistry, ModelRecord, ModelSchema} from "./interfaces/IModelRegistry.sol";

/// @title ModelRegistry, predeploy 0x42000000000000000000000000000000000000a2
/// @dev The state transition reads slot 0 when a model is called; the order of these variables is consensus.
contract ModelRegistry is IModelRegistry {
    /// @dev Native: judges a program. Input modelId ++ root ++ u32 length ++ u32 chunks; empty output: not admissible.
    address private constant ADMIT = 0x42000000000000000000000000000000000000A3;

    /// @dev Slot 0: gas << 192 | inputBytes << 160 | outputBytes << 128 | operators << 96 | callable.
    mapping(bytes32 modelId => uint256) private _records;
    /// @dev Slot 1.
    mapping(bytes32 modelId => bytes) private _metas;
    /// @dev Slot 2.
    mapping(bytes32 nameHash => bytes32) private _ids;
    /// @inheritdoc IModelRegistry
    /// @dev Slot 3, written in genesis.
    address public l1Registry;

    /// @inheritdoc IModelRegistry
    function register(bytes32 modelId, bytes32 root, uint32 length, uint32 chunks, string calldata name) external {
        // INVARIANT: registrations come from L1 alone, after the bytes were posted there.
        if (msg.sender != l1Registry) revert OnlyL1Registry(msg.sender);
        // INVARIANT: an id is judged once; what a call sees of it never changes.
        if (_records[modelId] == 0) _admit(modelId, abi.encodePacked(root, length, chunks), name);
        if (bytes(name).length != 0) _assign(modelId, name);
    }

    function _admit(bytes32 modelId, bytes memory content, string calldata name) private {
        (bool ok, bytes memory answer) = ADMIT.staticcall(abi.encodePacked(modelId, content));
        // INVARIANT: only a well-formed program with this id becomes callable.
        if (!ok || answer.length == 0) revert NotAdmissible(modelId);
        (uint64 callGas, uint32 inputBytes, uint32 outputBytes, uint32 operators, bytes memory meta) =
            abi.decode(answer, (uint64, uint32, uint32, uint32, bytes));
        _records[modelId] = uint256(callGas) << 192 | uint256(inputBytes) << 160 | uint256(outputBytes) << 128
            | uint256(operators) << 96 | 1;
        _metas[modelId] = meta;
        emit ModelRegistered(modelId, name, keccak256(content), callGas, inputBytes, outputBytes);
    }

    function _assign(bytes32 modelId, string calldata name) private {
        bytes32 nameHash = keccak256(bytes(name));
        bytes32 holder = _ids[nameHash];
        if (holder == 0) {
            _ids[nameHash] = modelId;
            emit NameAssigned(modelId, nameHash, name);
        } else if (holder != modelId) {
            // INVARIANT: first come; an occupied name keeps its meaning and does not undo the registration.
            emit NameOccupied(modelId, holder, name);
        }
    }

    /// @inheritdoc IModelRegistry
    function record(bytes32 modelId) external view returns (ModelRecord memory) {
        uint256 packed = _records[modelId];
        return ModelRecord({
            gas: uint64(packed >> 192),
            inputBytes: uint32(packed >> 160),
            outputBytes: uint32(packed >> 128),
            operators: uint32(packed >> 96),
            callable: uint8(packed) == 1
        });
    }

    /// @inheritdoc IModelRegistry
    function gasOf(bytes32 modelId) external view returns (uint64) {
        uint256 packed = _records[modelId];
        if (packed == 0) revert UnknownModel(modelId);
        return uint64(packed >> 192);
    }

    /// @inheritdoc IModelRegistry
    function metaOf(bytes32 modelId) external view returns (bytes memory) {
        return _metas[modelId];
    }

    /// @inheritdoc IModelRegistry
    function schemaOf(bytes32 modelId) external view returns (ModelSchema memory) {
        if (_records[modelId] == 0) revert UnknownModel(modelId);
        return abi.decode(_metas[modelId], (ModelSchema));
    }

    /// @inheritdoc IModelRegistry
    function idOf(string calldata name) external view returns (bytes32) {
        return _ids[keccak256(bytes(name))];
    }
}
