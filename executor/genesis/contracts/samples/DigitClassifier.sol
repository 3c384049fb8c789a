// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AssayInference} from "../AssayInference.sol";

/// @title A contract that reads handwriting
/// @notice Its model takes a float32 image of 8 x 8 pixels, each 0 to 16, and gives ten probabilities.
contract DigitClassifier {
    struct Result {
        uint8 digit;
        uint248 confidence;
    }

    /// @param confidence Probability in millionths.
    event Classified(address indexed from, uint8 digit, uint256 confidence);

    error WrongLength(uint256 length);
    error PixelOutOfRange(uint256 index, uint256 value);
    error WrongModel(bytes32 modelId);

    /// @dev Upper halves of the float32 patterns of 16, 15, ..., 1, little-endian; their lower halves are zero.
    uint256 private constant FLOATS = 0x804170416041504140413041204110410041e040c040a040804040400040803f;

    bytes32 public immutable modelId;

    /// @notice The last answer that each account got.
    mapping(address from => Result) public lastResult;

    constructor(bytes32 modelId_) {
        modelId = modelId_;
    }

    /// @notice Classifies an image, remembers the answer for the caller and tells the world.
    /// @param pixels 64 bytes, row by row.
    function classify(bytes calldata pixels) external returns (uint8 digit, uint256 confidence) {
        (digit, confidence) = predict(pixels);
        lastResult[msg.sender] = Result(digit, uint248(confidence));
        emit Classified(msg.sender, digit, confidence);
    }

    /// @notice The same answer without a trace.
    function predict(bytes calldata pixels) public view returns (uint8 digit, uint256 confidence) {
        bytes memory output = AssayInference.infer(modelId, _toFloats(pixels));
        if (output.length < 40) revert WrongModel(modelId);
        uint256 best;
        for (uint256 i; i < 10; ++i) {
            // Patterns of non-negative floats are ordered as the numbers are.
            uint256 bits = _floatAt(output, i);
            if (bits > best) (best, digit) = (bits, uint8(i));
        }
        confidence = _millionths(best);
    }

    function _toFloats(bytes calldata pixels) private pure returns (bytes memory packed) {
        if (pixels.length != 64) revert WrongLength(pixels.length);
        packed = new bytes(256);
        for (uint256 i; i < 64; i += 8) {
            uint256 row = uint64(bytes8(pixels[i:i + 8]));
            uint256 floats;
            for (uint256 j; j < 8; ++j) {
                uint256 pixel;
                assembly {
                    pixel := byte(add(24, j), row)
                }
                if (pixel > 16) revert PixelOutOfRange(i + j, pixel);
                // Pixel 0 shifts by more than 256 bits and so gives 0.
                assembly {
                    floats := or(shl(32, floats), and(shr(mul(16, sub(pixel, 1)), FLOATS), 0xffff))
                }
            }
            assembly {
                mstore(add(packed, add(32, mul(4, i))), floats)
            }
        }
    }

    /// @dev Pattern of little-endian float number i; a negative number reads as 0.
    function _floatAt(bytes memory output, uint256 i) private pure returns (uint256 bits) {
        assembly {
            let w := mload(add(output, add(32, mul(4, i))))
            bits := or(or(shl(24, byte(3, w)), shl(16, byte(2, w))), or(shl(8, byte(1, w)), byte(0, w)))
        }
        if (bits >> 31 == 1) bits = 0;
    }

    /// @dev Nearest integer to 10^6 times a float of [0, 2).
    function _millionths(uint256 bits) private pure returns (uint256) {
        uint256 exponent = bits >> 23;
        if (exponent < 100) return 0;
        uint256 shift = 150 - exponent;
        return ((bits & 0x7fffff | 0x800000) * 1e6 + (1 << (shift - 1))) >> shift;
    }
}
