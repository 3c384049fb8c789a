// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";

/// @title Ethereum's precompiles: what the chain charges, and L1's own as the answer
/// @notice Twin of executor/machine/precompiles.ts and executor/precompiles.
library Precompiles {
    /// @notice L1 has no such precompile, or another one there.
    error PrecompileMissing(uint256 address_);

    uint256 internal constant RECOVER = 0x01;
    uint256 internal constant SHA256 = 0x02;
    uint256 internal constant RIPEMD160 = 0x03;
    uint256 internal constant IDENTITY = 0x04;
    uint256 internal constant MODEXP = 0x05;
    uint256 internal constant BN254_ADD = 0x06;
    uint256 internal constant BN254_MULTIPLY = 0x07;
    uint256 internal constant BN254_PAIRING = 0x08;
    uint256 internal constant BLAKE2F = 0x09;
    uint256 internal constant POINT_EVALUATION = 0x0a;
    uint256 internal constant G1_ADD = 0x0b;
    uint256 internal constant G1_SUM = 0x0c;
    uint256 internal constant G2_ADD = 0x0d;
    uint256 internal constant G2_SUM = 0x0e;
    uint256 internal constant PAIRING = 0x0f;
    uint256 internal constant MAP_TO_G1 = 0x10;
    uint256 internal constant MAP_TO_G2 = 0x11;
    uint256 internal constant P256_VERIFY = 0x100;

    /// @notice A call that costs more fails.
    uint256 internal constant MOST_GAS = 8_000_000;
    /// @notice What L1's precompile is given beyond the chain's price. It takes all that it is given when it fails.
    uint256 internal constant HEADROOM = 2_000_000;

    /// @dev For what comes behind the call.
    uint256 private constant RESERVE = 100_000;
    /// @dev EIP-7823.
    uint256 private constant MOST_MODEXP_BYTES = 1024;
    uint256 private constant BLAKE2F_BYTES = 213;

    /// @dev Thousandths of the price of one multiplication that each of so many costs (EIP-2537), u16; of more, the last.
    bytes private constant G1_DISCOUNTS =
        hex"03e803b50350031d02fc02ee02e202d802cf02c802c102ba02b402af02aa02a502a1029d029902950292028e028b0288"
        hex"028502820280027d027b0278027602730271026f026d026b026902670265026302610260025e025c025b025902570256"
        hex"0254025302510250024f024d024c024a02490248024602450244024302410240023f023e023d023c023a023902380237"
        hex"0236023502340233023202310230022f022e022d022c022b022a02290228022702260225022402230223022202210220"
        hex"021f021e021d021c021c021b021a0219021802180217021602150214021402130212021102100210020f020e020d020d"
        hex"020c020b020a020a0209020802080207";
    bytes private constant G2_DISCOUNTS =
        hex"03e803e8039b037403570340032c031c030e030202f702ed02e402dc02d402cd02c702c002bb02b502b002ab02a702a2"
        hex"029e029a02970293028f028c0289028602830280027d027a0278027502730270026e026c026a0267026502630261025f"
        hex"025e025c025a025802560255025302510250024e024d024b024a0248024702460244024302420240023f023e023d023b"
        hex"023a023902380237023602350233023202310230022f022e022d022c022b022a02290228022802270226022502240223"
        hex"0222022102210220021f021e021d021d021c021b021a0219021902180217021702160215021402140213021202120211"
        hex"02100210020f020e020e020d020c020c";

    /// @dev A signature of the hash 1 by the key 1 with the nonce 1: `hash ++ r ++ s ++ x ++ y`, r = x of the generator.
    bytes private constant P256_SIGNED =
        hex"0000000000000000000000000000000000000000000000000000000000000001"
        hex"6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        hex"6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c297"
        hex"6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        hex"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

    /// @notice Bytes of input that it takes at most.
    function mostInput(uint256 address_) internal pure returns (uint256) {
        return address_ == BN254_PAIRING ? 38_400 : 65_536;
    }

    /// @notice What a call costs, and bytes of the answer. Not `valid`: it fails whatever it is given.
    function priceOf(uint256 address_, bytes memory input)
        internal
        pure
        returns (bool valid, uint256 gas_, uint256 output)
    {
        uint256 length = input.length;
        uint256 words = (length + 31) / 32;
        if (address_ == RECOVER) return (true, 3_000, 32);
        if (address_ == SHA256) return (true, 60 + 12 * words, 32);
        if (address_ == RIPEMD160) return (true, 600 + 120 * words, 32);
        if (address_ == IDENTITY) return (true, 15 + 3 * words, length);
        if (address_ == MODEXP) return _modexp(input);
        if (address_ == BN254_ADD) return (true, 150, 64);
        if (address_ == BN254_MULTIPLY) return (true, 6_000, 64);
        if (address_ == BN254_PAIRING) return (length % 192 == 0, 45_000 + 34_000 * (length / 192), 32);
        if (address_ == BLAKE2F) {
            // INVARIANT: with these two it never fails.
            if (length != BLAKE2F_BYTES || uint8(input[BLAKE2F_BYTES - 1]) > 1) return (false, 0, 0);
            return (true, word(input, 0) >> 224, 64);
        }
        if (address_ == POINT_EVALUATION) return (length == 192, 50_000, 64);
        if (address_ == G1_ADD) return (length == 256, 375, 128);
        if (address_ == G1_SUM) return (_isMultiple(length, 160), _sum(length / 160, 12_000, G1_DISCOUNTS), 128);
        if (address_ == G2_ADD) return (length == 512, 600, 256);
        if (address_ == G2_SUM) return (_isMultiple(length, 288), _sum(length / 288, 22_500, G2_DISCOUNTS), 256);
        if (address_ == PAIRING) return (_isMultiple(length, 384), 37_700 + 32_600 * (length / 384), 32);
        if (address_ == MAP_TO_G1) return (length == 64, 5_500, 128);
        if (address_ == MAP_TO_G2) return (length == 128, 23_800, 256);
        if (address_ == P256_VERIFY) return (true, 6_900, 32);
        revert ILeafRules.BadEvidence();
    }

    /// @notice L1's answer to a call whose price is valid and paid. Not `done`: it fails.
    /// @param gas_ The chain's price: L1's is not above.
    /// @param size Bytes of the answer, of those that have one.
    function call(uint256 address_, bytes memory input, uint256 gas_, uint256 size)
        internal
        view
        returns (bool done, bytes memory output)
    {
        uint256 returned;
        (done, returned, output) = _forward(address_, input, gas_, size);
        if (!done) {
            // INVARIANT: it never fails for want of gas: what can always be computed was priced otherwise, or short of gas.
            if (!_mayFail(address_)) revert ILeafRules.NotEnoughGas();
            return (false, "");
        }
        if (returned == size) return (true, output);
        // INVARIANT: where L1 has no precompile a call succeeds and returns nothing.
        if (returned != 0 || (address_ != RECOVER && address_ != P256_VERIFY)) revert PrecompileMissing(address_);
        if (address_ == P256_VERIFY) requireP256();
        return (true, "");
    }

    /// @notice That L1 has those of EIP-2537: zeros are points at infinity, or are mapped to points.
    function requireBls12381() internal view {
        bytes14 lengths = hex"010000a002000120018000400080";
        for (uint256 i; i < 7; ++i) {
            bytes memory zeros = new bytes(uint16(bytes2(lengths << 16 * i)));
            (, uint256 gas_, uint256 size) = priceOf(G1_ADD + i, zeros);
            (bool done, uint256 returned,) = _forward(G1_ADD + i, zeros, gas_, size);
            if (!done || returned != size) revert PrecompileMissing(G1_ADD + i);
        }
    }

    /// @notice That L1 has P256VERIFY: "no signature" and "no precompile" look alike.
    function requireP256() internal view {
        (bool done, uint256 returned, bytes memory output) = _forward(P256_VERIFY, P256_SIGNED, 6_900, 32);
        if (!done || returned != 32 || word(output, 0) != 1) revert PrecompileMissing(P256_VERIFY);
    }

    /// @notice The 32 bytes from a place on, zeros behind the end.
    function word(bytes memory data, uint256 place) internal pure returns (uint256 value) {
        if (place >= data.length) return 0;
        assembly ("memory-safe") {
            value := mload(add(add(data, 32), place))
        }
        uint256 there = data.length - place;
        if (there < 32) value = value >> (256 - 8 * there) << (256 - 8 * there);
    }

    /// @dev INVARIANT: L1's precompile has all that it may need, or nothing is said about it.
    function _forward(uint256 address_, bytes memory input, uint256 gas_, uint256 size)
        private
        view
        returns (bool done, uint256 returned, bytes memory output)
    {
        output = new bytes(size);
        gas_ += HEADROOM;
        uint256 left = gasleft();
        // EIP-150: a 64th stays here.
        if (left < RESERVE || left - left / 64 - RESERVE < gas_) revert ILeafRules.NotEnoughGas();
        assembly ("memory-safe") {
            done := staticcall(gas_, address_, add(input, 32), mload(input), add(output, 32), size)
            returned := returndatasize()
        }
    }

    /// @dev Of a valid price. Others take every input.
    function _mayFail(uint256 address_) private pure returns (bool) {
        return address_ >= BN254_ADD && address_ <= MAP_TO_G2 && address_ != BLAKE2F;
    }

    function _isMultiple(uint256 length, uint256 size) private pure returns (bool) {
        return length > 0 && length % size == 0;
    }

    function _sum(uint256 count, uint256 each, bytes memory discounts) private pure returns (uint256) {
        if (count == 0) return 0;
        uint256 last = discounts.length / 2;
        return count * each * (word(discounts, 2 * (count < last ? count : last) - 2) >> 240) / 1000;
    }

    /// @dev EIP-7883 with the bounds of EIP-7823.
    function _modexp(bytes memory input) private pure returns (bool valid, uint256 gas_, uint256 output) {
        uint256 base = word(input, 0);
        uint256 exponent = word(input, 32);
        uint256 modulus = word(input, 64);
        if (base > MOST_MODEXP_BYTES || exponent > MOST_MODEXP_BYTES || modulus > MOST_MODEXP_BYTES) {
            return (false, 0, 0);
        }
        uint256 head = word(input, 96 + base);
        uint256 count;
        if (exponent > 32) count = 16 * (exponent - 32);
        else head = exponent == 0 ? 0 : head >> (256 - 8 * exponent);
        for (; head > 1; head >>= 1) ++count;
        uint256 longest = base > modulus ? base : modulus;
        uint256 size = (longest + 7) / 8;
        gas_ = (count == 0 ? 1 : count) * (longest > 32 ? 2 * size * size : 16);
        return (true, gas_ < 500 ? 500 : gas_, modulus);
    }
}
