// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice What a call of the model costs, takes and gives. Sizes are those of the packed tensors.
struct ModelRecord {
    uint64 gas;
    uint32 inputBytes;
    uint32 outputBytes;
    uint32 operators;
    bool callable;
}

/// @notice One named tensor. dtype: 1 u8, 2 i8, 3 i32, 4 i64, 5 f32.
struct TensorSchema {
    string name;
    uint8 dtype;
    uint32[] shape;
}

/// @notice Names and shapes of a model, bound by its id.
struct ModelSchema {
    string name;
    string licence;
    TensorSchema[] inputs;
    TensorSchema[] outputs;
}

/// @title Models that contracts can call
/// @notice A model is known by its id, the Merkle commitment of its program. Neither an id nor a name ever changes its meaning.
interface IModelRegistry {
    event ModelRegistered(
        bytes32 indexed modelId, string name, bytes32 contentHash, uint64 gas, uint32 inputBytes, uint32 outputBytes
    );
    event NameAssigned(bytes32 indexed modelId, bytes32 indexed nameHash, string name);
    /// @notice The name was asked for, but it means another model already.
    event NameOccupied(bytes32 indexed modelId, bytes32 indexed holder, string name);

    /// @notice Only the L1 registry's alias may register.
    error OnlyL1Registry(address caller);
    /// @notice The bytes on L1 are not a well-formed program of this id.
    error NotAdmissible(bytes32 modelId);
    /// @notice No model of that id is registered.
    error UnknownModel(bytes32 modelId);

    /// @notice Registers the model whose bytes are on L1, and its name if the name is free and not empty.
    /// @param modelId Merkle commitment of the program.
    /// @param root Of the tree over the chunks that L1 holds.
    /// @param length Bytes of the artifact.
    /// @param chunks How many they are.
    /// @param name `name@major.minor`, or empty.
    function register(bytes32 modelId, bytes32 root, uint32 length, uint32 chunks, string calldata name) external;

    /// @return All zero for an unknown model.
    function record(bytes32 modelId) external view returns (ModelRecord memory);

    /// @return EVM gas of one call, apart from the call's own. Reverts with UnknownModel.
    function gasOf(bytes32 modelId) external view returns (uint64);

    /// @return Encoded ModelSchema. Empty for an unknown model.
    function metaOf(bytes32 modelId) external view returns (bytes memory);

    /// @return Names and shapes of inputs and outputs. Reverts with UnknownModel.
    function schemaOf(bytes32 modelId) external view returns (ModelSchema memory);

    /// @param name `name@major.minor`.
    /// @return Zero for an unknown name.
    function idOf(string calldata name) external view returns (bytes32);

    /// @return Alias of the L1 registry.
    function l1Registry() external view returns (address);
}
