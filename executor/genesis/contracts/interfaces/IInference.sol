// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice The decimal number `value * 10^-decimals`. Number(15, 1) is 1.5, Number(10, 0) is 10.
struct Number {
    int128 value;
    int128 decimals;
}

/// @notice Row-major values of a tensor.
struct NumberTensor {
    string name;
    Number[] values;
    uint32[] shape;
}

struct StringTensor {
    string name;
    string[] values;
}

struct JsonScalar {
    string name;
    string value;
}

struct ModelInput {
    NumberTensor[] numbers;
    StringTensor[] strings;
}

/// @notice `strings` and `jsons` are always empty, `is_simulation_result` is always false.
struct ModelOutput {
    NumberTensor[] numbers;
    StringTensor[] strings;
    JsonScalar[] jsons;
    bool is_simulation_result;
}

/// @param mode 0, the only one: the call is executed in the transaction and can be disputed on L1.
/// @param modelCID `0x` and the 64 hex digits of a model's id, or `name@major.minor`.
struct ModelInferenceRequest {
    uint8 mode;
    string modelCID;
    ModelInput input;
}

/// @title Inference with named tensors of decimal numbers, in OpenGradient's ABI
interface IInference {
    /// @notice There is one mode. `name` is what OpenGradient calls the refused one.
    error UnsupportedMode(uint8 mode, string name);
    /// @notice No model of that id or name is registered.
    error UnknownModel(string modelCID);
    /// @notice No model takes strings.
    error StringsUnsupported();
    /// @notice The model takes another number of inputs.
    error WrongInputCount(uint256 given, uint256 expected);
    /// @notice The model has an input of this name and the request has none.
    error MissingInput(string name);
    /// @notice The input has another shape than the model's.
    error WrongShape(string name, uint32[] given, uint32[] expected);
    /// @notice The tensor has another number of values than its shape says.
    error WrongValueCount(string name, uint256 given, uint256 expected);
    /// @notice The number does not fit the tensor's element type.
    error NumberOutOfRange(int128 value, int128 decimals);
    /// @notice An element of an integer tensor is not an integer.
    error NotAnInteger(int128 value, int128 decimals);
    /// @notice An output is infinite or no number: it has no decimal.
    error NotFinite(uint32 bits);
    /// @notice No element type has this code.
    error UnknownDtype(uint8 dtype);
    /// @notice The names and shapes that the model was published with ask for more than it computes.
    error OutputTooShort(uint256 length, uint256 needed);

    /// @notice Runs a model on named tensors. Numbers become the model's element type: float32 by rounding to the
    /// nearest, ties to even; integers exactly. Outputs: integers exactly, float32 as nine significant digits.
    /// @param request Mode, model, and one tensor for each of the model's inputs, in any order.
    /// @return The model's outputs in the order of its schema.
    function runModelInference(ModelInferenceRequest memory request) external returns (ModelOutput memory);

    /// @notice Pattern of the float32 nearest to a decimal number, ties to even.
    function toFloat32(Number memory number) external pure returns (uint32 bits);

    /// @notice Nine significant decimal digits of a float32, correctly rounded, without trailing zeros. They tell all
    /// float32 apart. `decimals` is negative only where `value` would not fit: from 10^38.
    function toNumber(uint32 bits) external pure returns (Number memory);
}
