// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Why INFER (0x42000000000000000000000000000000000000a1) refuses a call: the ABI of its return data
/// @notice A call with a reason fails like a REVERT: it costs 2,100 gas and gives back the rest. The reason does not depend
/// on the gas: with any other amount, from 2,100 up, the same call has the same one. A call that fails without return data ran
/// out of gas.
interface IInfer {
    /// @notice The data is too short for a model's id.
    /// @param length Bytes of the data.
    error MissingModelId(uint256 length);
    /// @notice No model of that id is registered.
    error UnknownModel(bytes32 modelId);
    /// @notice The packed input is longer or shorter than the model's.
    /// @param given Bytes behind the id.
    /// @param expected Bytes that the model takes.
    error WrongLength(uint256 given, uint256 expected);
}
