// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Canonical RLP
library RLPWriter {
    function writeBytes(bytes memory value) internal pure returns (bytes memory) {
        if (value.length == 1 && uint8(value[0]) < 0x80) return value;
        return bytes.concat(_header(value.length, 0x80), value);
    }

    function writeAddress(address value) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(0x94), value);
    }

    function writeBytes32(bytes32 value) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(0xa0), value);
    }

    /// @dev Big-endian without leading zeros; zero is the empty string.
    function writeUint(uint256 value) internal pure returns (bytes memory) {
        return writeBytes(_minimal(value));
    }

    /// @param items Encoded items, concatenated.
    function writeList(bytes memory items) internal pure returns (bytes memory) {
        return bytes.concat(_header(items.length, 0xc0), items);
    }

    function _header(uint256 length, uint8 base) private pure returns (bytes memory) {
        if (length <= 55) return abi.encodePacked(uint8(base + length));
        bytes memory size = _minimal(length);
        return abi.encodePacked(uint8(base + 55 + size.length), size);
    }

    function _minimal(uint256 value) private pure returns (bytes memory out) {
        uint256 size;
        for (uint256 rest = value; rest != 0; rest >>= 8) {
            ++size;
        }
        out = new bytes(size);
        for (uint256 i = size; i > 0; --i) {
            out[i - 1] = bytes1(uint8(value));
            value >>= 8;
        }
    }
}
