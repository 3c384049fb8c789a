// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AssayInference} from "./AssayInference.sol";
import {
    IInference,
    JsonScalar,
    ModelInferenceRequest,
    ModelOutput,
    Number,
    NumberTensor,
    StringTensor
} from "./interfaces/IInference.sol";
import {IModelRegistry, ModelSchema, TensorSchema} from "./interfaces/IModelRegistry.sol";
import {Float32} from "./libraries/Float32.sol";

/// @title Inference, predeploy 0x00000000000000000000000000000000000000F4
/// @dev A face without state: it translates, the native call underneath computes.
contract Inference is IInference {
    IModelRegistry private constant REGISTRY = IModelRegistry(0x42000000000000000000000000000000000000a2);

    uint8 private constant U8 = 1;
    uint8 private constant I8 = 2;
    uint8 private constant I32 = 3;
    uint8 private constant I64 = 4;
    uint8 private constant F32 = 5;

    /// @inheritdoc IInference
    function runModelInference(ModelInferenceRequest memory request) external view returns (ModelOutput memory) {
        // INVARIANT: whoever asks for a proof system that is not there is told so.
        if (request.mode != 0) revert UnsupportedMode(request.mode, _modeName(request.mode));
        if (request.input.strings.length != 0) revert StringsUnsupported();
        bytes32 modelId = _resolve(request.modelCID);
        ModelSchema memory schema = REGISTRY.schemaOf(modelId);
        bytes memory output = AssayInference.infer(modelId, _pack(schema.inputs, request.input.numbers));
        return ModelOutput({
            numbers: _unpack(schema.outputs, output),
            strings: new StringTensor[](0),
            jsons: new JsonScalar[](0),
            is_simulation_result: false
        });
    }

    /// @inheritdoc IInference
    function toFloat32(Number memory number) external pure returns (uint32 bits) {
        return Float32.fromDecimal(number.value, number.decimals);
    }

    /// @inheritdoc IInference
    function toNumber(uint32 bits) external pure returns (Number memory number) {
        (number.value, number.decimals) = Float32.toDecimal(bits);
    }

    function _modeName(uint8 mode) private pure returns (string memory) {
        if (mode == 1) return "ZK";
        if (mode == 2) return "TEE";
        return "unknown";
    }

    /// @dev An id in hex is taken as it is if the registry has it; anything else is a name.
    function _resolve(string memory modelCID) private view returns (bytes32 modelId) {
        bool isId;
        (isId, modelId) = _parseId(bytes(modelCID));
        if (!isId) modelId = REGISTRY.idOf(modelCID);
        if (modelId == 0 || !REGISTRY.record(modelId).callable) revert UnknownModel(modelCID);
    }

    function _parseId(bytes memory text) private pure returns (bool, bytes32) {
        if (text.length != 66 || text[0] != "0" || text[1] != "x") return (false, 0);
        uint256 id;
        for (uint256 i = 2; i < 66; ++i) {
            uint256 c = uint8(text[i]);
            if (c >= 0x30 && c <= 0x39) id = id << 4 | (c - 0x30);
            else if (c >= 0x61 && c <= 0x66) id = id << 4 | (c - 0x57);
            else if (c >= 0x41 && c <= 0x46) id = id << 4 | (c - 0x37);
            else return (false, 0);
        }
        return (true, bytes32(id));
    }

    function _pack(TensorSchema[] memory schema, NumberTensor[] memory given) private pure returns (bytes memory packed) {
        if (given.length != schema.length) revert WrongInputCount(given.length, schema.length);
        uint256 size;
        for (uint256 i; i < schema.length; ++i) {
            size += _paddedBytes(schema[i]);
        }
        packed = new bytes(size);
        uint256 offset;
        uint256 used;
        for (uint256 i; i < schema.length; ++i) {
            // INVARIANT: each given tensor serves one input.
            uint256 j = _find(schema[i].name, given, used);
            used |= 1 << j;
            _packTensor(packed, offset, schema[i], given[j]);
            offset += _paddedBytes(schema[i]);
        }
    }

    /// @dev A model has at most 64 inputs, so a word remembers which tensors are used.
    function _find(string memory name, NumberTensor[] memory given, uint256 used) private pure returns (uint256 j) {
        bytes32 hash = keccak256(bytes(name));
        for (; j < given.length; ++j) {
            if (used >> j & 1 == 0 && keccak256(bytes(given[j].name)) == hash) return j;
        }
        revert MissingInput(name);
    }

    function _packTensor(bytes memory packed, uint256 offset, TensorSchema memory schema, NumberTensor memory given)
        private
        pure
    {
        if (keccak256(abi.encodePacked(schema.shape)) != keccak256(abi.encodePacked(given.shape))) {
            revert WrongShape(schema.name, given.shape, schema.shape);
        }
        uint256 count = _count(schema.shape);
        if (given.values.length != count) revert WrongValueCount(schema.name, given.values.length, count);
        uint256 width = _width(schema.dtype);
        for (uint256 i; i < count; ++i) {
            Number memory number = given.values[i];
            uint256 pattern = schema.dtype == F32
                ? Float32.fromDecimal(number.value, number.decimals)
                : uint256(_toInteger(number, schema.dtype));
            _store(packed, offset + i * width, pattern, width);
        }
    }

    function _unpack(TensorSchema[] memory schema, bytes memory output)
        private
        pure
        returns (NumberTensor[] memory tensors)
    {
        tensors = new NumberTensor[](schema.length);
        uint256 offset;
        for (uint256 i; i < schema.length; ++i) {
            (uint8 dtype, uint256 count) = (schema[i].dtype, _count(schema[i].shape));
            uint256 width = _width(dtype);
            Number[] memory values = new Number[](count);
            for (uint256 j; j < count; ++j) {
                uint256 pattern = _load(output, offset + j * width, width);
                if (dtype == F32) (values[j].value, values[j].decimals) = Float32.toDecimal(uint32(pattern));
                else values[j].value = _fromPattern(pattern, dtype);
            }
            tensors[i] = NumberTensor(schema[i].name, values, schema[i].shape);
            offset += _paddedBytes(schema[i]);
        }
    }

    /// @dev The integer that the number is, in the range of the dtype.
    function _toInteger(Number memory number, uint8 dtype) private pure returns (int256 integer) {
        integer = number.value;
        int256 decimals = number.decimals;
        if (integer == 0) return 0;
        if (decimals > 38) revert NotAnInteger(number.value, number.decimals);
        if (decimals < -38) revert NumberOutOfRange(number.value, number.decimals);
        if (decimals > 0) {
            int256 unit = int256(10 ** uint256(decimals));
            if (integer % unit != 0) revert NotAnInteger(number.value, number.decimals);
            integer /= unit;
        } else {
            integer *= int256(10 ** uint256(-decimals));
        }
        (int256 lo, int256 hi) = _range(dtype);
        if (integer < lo || integer > hi) revert NumberOutOfRange(number.value, number.decimals);
    }

    function _range(uint8 dtype) private pure returns (int256 lo, int256 hi) {
        if (dtype == U8) return (0, 255);
        if (dtype == I8) return (-128, 127);
        if (dtype == I32) return (type(int32).min, type(int32).max);
        // Integers of a program are below 2^53.
        return (-(2 ** 53 - 1), 2 ** 53 - 1);
    }

    function _fromPattern(uint256 pattern, uint8 dtype) private pure returns (int128) {
        if (dtype == U8) return int128(uint128(pattern));
        if (dtype == I8) return int8(uint8(pattern));
        if (dtype == I32) return int32(uint32(pattern));
        return int64(uint64(pattern));
    }

    function _width(uint8 dtype) private pure returns (uint256) {
        if (dtype == U8 || dtype == I8) return 1;
        if (dtype == I32 || dtype == F32) return 4;
        if (dtype == I64) return 8;
        revert UnknownDtype(dtype);
    }

    function _count(uint32[] memory shape) private pure returns (uint256 count) {
        count = 1;
        for (uint256 i; i < shape.length; ++i) {
            count *= shape[i];
        }
    }

    function _paddedBytes(TensorSchema memory schema) private pure returns (uint256) {
        return (_count(schema.shape) * _width(schema.dtype) + 31) / 32 * 32;
    }

    /// @dev Writes the low `width` bytes of `pattern`, lowest first.
    function _store(bytes memory data, uint256 offset, uint256 pattern, uint256 width) private pure {
        assembly {
            let at := add(add(data, 32), offset)
            for { let i := 0 } lt(i, width) { i := add(i, 1) } {
                mstore8(add(at, i), pattern)
                pattern := shr(8, pattern)
            }
        }
    }

    /// @dev Reads `width` bytes, lowest first. INVARIANT: nothing beyond the data is read.
    function _load(bytes memory data, uint256 offset, uint256 width) private pure returns (uint256 pattern) {
        if (offset + width > data.length) revert OutputTooShort(data.length, offset + width);
        assembly {
            let w := mload(add(add(data, 32), offset))
            for { let i := width } i { } {
                i := sub(i, 1)
                pattern := or(shl(8, pattern), byte(i, w))
            }
        }
    }
}
