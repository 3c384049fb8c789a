// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Item, Rlp} from "./Rlp.sol";
import {Signatures} from "./Signatures.sol";

/// @notice A well-formed transaction whose stateless rules hold. Fields that its type lacks are zero.
/// @param kind Its type: 0 legacy, 1 EIP-2930, 2 EIP-1559, 4 EIP-7702, 0x7e deposit.
/// @param to Zero for a creation.
/// @param feeCap Most wei a gas.
/// @param tipCap Most of it for the coinbase: all, where the type has one price.
/// @param floorGas What it takes at least from Prague on.
/// @param data Where calldata lies in the envelope.
/// @param accessList The same of the access list.
/// @param authorizations The same of the list of authorizations.
/// @param authorizationOffset Where that list begins, header and all.
struct Transaction {
    uint256 kind;
    bool creation;
    address sender;
    uint256 to;
    uint256 nonce;
    uint256 gasLimit;
    uint256 feeCap;
    uint256 tipCap;
    uint256 value;
    uint256 mint;
    uint256 intrinsicGas;
    uint256 floorGas;
    Item data;
    Item accessList;
    Item authorizations;
    uint256 authorizationOffset;
}

/// @notice Items of a list while they are read.
/// @param malformed One of them is not what belongs in its place.
struct Fields {
    bytes data;
    Item[] items;
    bool malformed;
}

/// @title The stateless rules of envelopes, 1 to 8 as far as they need no block
/// @notice Twin of `decodeEnvelope` in executor/protocol/envelope.ts. Total: any bytes are a transaction or none. Which rule
/// fails first changes nothing.
library Envelope {
    uint256 internal constant SET_CODE = 4;
    uint256 internal constant DEPOSIT = 0x7e;
    uint256 internal constant MAX_INITCODE = 49_152;

    uint256 private constant MAX_BYTES = 98_304;
    uint256 private constant ADDRESS_HEADER = 0x94;
    uint256 private constant WORD_HEADER = 0xa0;

    /// @notice Not `ok`: no transaction of the chain.
    function decode(bytes memory envelope, uint256 chainId, uint256 gasCap)
        internal
        view
        returns (bool ok, Transaction memory t)
    {
        if (envelope.length == 0 || envelope.length > MAX_BYTES) return (false, t);
        uint256 kind = uint8(envelope[0]);
        if (kind == DEPOSIT) return _deposit(envelope);
        if (kind >= 0xc0) kind = 0;
        else if (kind != 1 && kind != 2 && kind != SET_CODE) return (false, t);
        t.kind = kind;
        return (_signed(envelope, t, chainId, gasCap), t);
    }

    /// @dev `0x7e ++ rlp([sourceHash, from, to, mint, value, gas, isSystem, data])`.
    function _deposit(bytes memory envelope) private pure returns (bool ok, Transaction memory t) {
        (Fields memory f,) = _fields(envelope, 1, 8);
        if (f.malformed) return (false, t);
        t.kind = DEPOSIT;
        _fixed(f, 0, 32);
        t.sender = address(uint160(_fixed(f, 1, 20)));
        (t.creation, t.to) = _target(f, 2);
        t.mint = _uint(f, 3, 16);
        t.value = _uint(f, 4, 32);
        t.gasLimit = _uint(f, 5, 8);
        Item memory isSystem = _string(f, 6);
        t.data = _string(f, 7);
        if (f.malformed || isSystem.start != isSystem.end) return (false, t);
        _price(envelope, t);
        t.floorGas = 0;
        return (true, t);
    }

    function _signed(bytes memory envelope, Transaction memory t, uint256 chainId, uint256 gasCap)
        private
        view
        returns (bool)
    {
        uint256 kind = t.kind;
        // Items of each type, the place of its fee cap, and where the list begins.
        (uint256 count, uint256 fee, uint256 first) = kind == 0
            ? (uint256(9), uint256(1), uint256(0))
            : kind == 1 ? (uint256(11), uint256(2), uint256(1)) : (uint256(kind == 2 ? 12 : 13), uint256(3), uint256(1));
        (Fields memory f, uint256 start) = _fields(envelope, first, count);
        if (f.malformed) return false;
        t.nonce = _uint(f, first, 8);
        t.feeCap = _uint(f, fee, 32);
        t.tipCap = fee == 3 ? _uint(f, 2, 32) : t.feeCap;
        t.gasLimit = _uint(f, fee + 1, 8);
        (t.creation, t.to) = _target(f, fee + 2);
        t.value = _uint(f, fee + 3, 32);
        t.data = _string(f, fee + 4);
        if (f.malformed || t.gasLimit > gasCap || t.tipCap > t.feeCap) return false;
        if (t.creation && (kind == SET_CODE || t.data.end - t.data.start > MAX_INITCODE)) return false;
        if (kind != 0) {
            if (_uint(f, 0, 32) != chainId) return false;
            t.accessList = f.items[fee + 5];
        }
        if (kind == SET_CODE) {
            t.authorizations = f.items[9];
            t.authorizationOffset = t.accessList.end;
        }
        _price(envelope, t);
        if (!_addLists(envelope, t) || t.intrinsicGas > t.gasLimit) return false;
        t.sender = _signer(f, kind, start, chainId);
        return t.sender != address(0);
    }

    /// @dev What it takes by data and creation; that of the lists comes on top.
    function _price(bytes memory envelope, Transaction memory t) private pure {
        (uint256 start, uint256 end) = (t.data.start, t.data.end);
        unchecked {
            uint256 size = end - start;
            uint256 zeros = size - _nonZeros(envelope, start, end);
            t.intrinsicGas = 21_000 + 16 * size - 12 * zeros;
            if (t.creation) t.intrinsicGas += 32_000 + 2 * ((size + 31) / 32);
            t.floorGas = 21_000 + 40 * size - 30 * zeros;
        }
    }

    /// @dev Reads the lists and adds their gas; false where they are not well-formed, or cost more than the limit. So that
    /// work on the second, whose items are short, is bounded by what was paid.
    function _addLists(bytes memory data, Transaction memory t) private pure returns (bool) {
        if (t.kind == 0) return true;
        Item memory list = t.accessList;
        if (!list.list) return false;
        for (uint256 next = list.start; next != list.end;) {
            (bool ok, uint256 keys, uint256 end) = _entry(data, next, list.end);
            if (!ok) return false;
            t.intrinsicGas += 2400 + 1900 * keys;
            next = end;
        }
        if (t.kind != SET_CODE) return true;
        list = t.authorizations;
        if (!list.list || list.start == list.end) return false;
        for (uint256 next = list.start; next != list.end;) {
            t.intrinsicGas += 25_000;
            if (t.intrinsicGas > t.gasLimit) return false;
            (Fields memory f, uint256 end) = _authorization(data, next, list.end);
            if (f.malformed) return false;
            next = end;
        }
        return true;
    }

    /// @dev `[address, [slots]]`.
    function _entry(bytes memory data, uint256 from, uint256 limit)
        private
        pure
        returns (bool ok, uint256 keys, uint256 end)
    {
        bool list;
        uint256 start;
        (list, start, end) = Rlp.span(data, from, limit);
        // Not a list, or not in canonical form.
        if (!list || end == 0 || _byte(data, start) != ADDRESS_HEADER) return (false, 0, 0);
        (bool isList, uint256 first, uint256 last) = Rlp.span(data, start + 21, end);
        unchecked {
            uint256 size = last - first;
            if (!isList || last != end || size % 33 != 0) return (false, 0, 0);
            for (; first != last; first += 33) {
                if (_byte(data, first) != WORD_HEADER) return (false, 0, 0);
            }
            return (true, size / 33, end);
        }
    }

    /// @dev `[chain id, address, nonce, y parity, r, s]`.
    function _authorization(bytes memory data, uint256 from, uint256 limit)
        private
        pure
        returns (Fields memory f, uint256 end)
    {
        (f,) = _fieldsWithin(data, from, limit, 6);
        if (f.malformed) return (f, 0);
        _uint(f, 0, 32);
        _fixed(f, 1, 20);
        _uint(f, 2, 8);
        _uint(f, 3, 1);
        _uint(f, 4, 32);
        _uint(f, 5, 32);
        return (f, f.items[5].end);
    }

    /// @dev Who signed; zero: nobody, or for another chain. The last three items are the signature.
    /// @param start Of the list's payload.
    function _signer(Fields memory f, uint256 kind, uint256 start, uint256 chainId) private view returns (address) {
        uint256 count = f.items.length;
        uint256 parity = _uint(f, count - 3, 32);
        uint256 r = _uint(f, count - 2, 32);
        uint256 s = _uint(f, count - 1, 32);
        if (f.malformed) return address(0);
        bytes memory tail;
        if (kind == 0) {
            if (parity == 27 || parity == 28) {
                parity -= 27;
            } else {
                // EIP-155: v is 35 + 2 * chain id + parity.
                if (parity < 35 || (parity - 35) / 2 != chainId) return address(0);
                parity = (parity - 35) % 2;
                tail = abi.encodePacked(Rlp.encode(chainId), hex"8080");
            }
        }
        uint256 size = f.items[count - 4].end - start;
        bytes memory head = Rlp.header(size + tail.length, 0xc0);
        if (kind != 0) head = abi.encodePacked(uint8(kind), head);
        return Signatures.signerOf(_hash(head, f.data, start, size, tail), parity, r, s);
    }

    /// @dev `K(head ++ size bytes of data from start on ++ tail)`.
    function _hash(bytes memory head, bytes memory data, uint256 start, uint256 size, bytes memory tail)
        private
        pure
        returns (bytes32 digest)
    {
        assembly ("memory-safe") {
            // In scratch behind all that is allocated.
            let from := mload(64)
            let to := from
            mcopy(to, add(head, 32), mload(head))
            to := add(to, mload(head))
            mcopy(to, add(add(data, 32), start), size)
            to := add(to, size)
            mcopy(to, add(tail, 32), mload(tail))
            to := add(to, mload(tail))
            digest := keccak256(from, sub(to, from))
        }
    }

    /// @dev The list that fills the bytes from `from` on, in so many items.
    function _fields(bytes memory data, uint256 from, uint256 count)
        private
        pure
        returns (Fields memory f, uint256 start)
    {
        (f, start) = _fieldsWithin(data, from, data.length, count);
        if (!f.malformed && f.items[count - 1].end != data.length) f.malformed = true;
    }

    /// @dev The list that begins at `from`, in so many items.
    /// @return f Its items.
    /// @return start Of its payload.
    function _fieldsWithin(bytes memory data, uint256 from, uint256 limit, uint256 count)
        private
        pure
        returns (Fields memory f, uint256 start)
    {
        bool list;
        uint256 end;
        (list, start, end) = Rlp.span(data, from, limit);
        f.data = data;
        f.items = new Item[](count);
        f.malformed = !list || end == 0;
        uint256 next = start;
        for (uint256 i; i < count && !f.malformed; ++i) {
            Item memory item = Rlp.read(data, next, end);
            f.items[i] = item;
            f.malformed = item.end == 0;
            next = item.end;
        }
        if (next != end) f.malformed = true;
    }

    function _string(Fields memory f, uint256 index) private pure returns (Item memory item) {
        item = f.items[index];
        if (item.list) f.malformed = true;
    }

    /// @dev An unsigned integer of at most `size` bytes in the shortest form.
    function _uint(Fields memory f, uint256 index, uint256 size) private pure returns (uint256) {
        Item memory item = _string(f, index);
        uint256 length = item.end - item.start;
        if (length == 0) return 0;
        if (length > size || _byte(f.data, item.start) == 0) {
            f.malformed = true;
            return 0;
        }
        return Rlp.number(f.data, item);
    }

    /// @dev Exactly `size` bytes, at most 32.
    function _fixed(Fields memory f, uint256 index, uint256 size) private pure returns (uint256) {
        Item memory item = _string(f, index);
        if (item.end - item.start != size) {
            f.malformed = true;
            return 0;
        }
        return Rlp.number(f.data, item);
    }

    /// @dev An address, or nothing for a creation.
    function _target(Fields memory f, uint256 index) private pure returns (bool creation, uint256 to) {
        Item memory item = f.items[index];
        if (item.start == item.end && !item.list) return (true, 0);
        return (false, _fixed(f, index, 20));
    }

    function _byte(bytes memory data, uint256 index) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(0, mload(add(add(data, 32), index)))
        }
    }

    /// @dev Bytes from `start` to `end` that are not zero, a word at a time.
    function _nonZeros(bytes memory data, uint256 start, uint256 end) private pure returns (uint256 count) {
        assembly ("memory-safe") {
            let low := 0x7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f
            let ones := 0x0101010101010101010101010101010101010101010101010101010101010101
            let from := add(add(data, 32), start)
            let to := add(add(data, 32), end)
            for {} lt(from, to) { from := add(from, 32) } {
                let word := mload(from)
                let left := sub(to, from)
                if lt(left, 32) { word := shr(sub(256, shl(3, left)), word) }
                // The high bit of each byte: whether the byte is not zero.
                let bits := or(add(and(word, low), low), word)
                count := add(count, shr(248, mul(and(shr(7, bits), ones), ones)))
            }
        }
    }
}
