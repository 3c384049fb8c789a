// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title One permutation keccak-f[1600] (FIPS 202): 200 bytes in, 200 bytes out
/// @notice A call's data is the sponge: 25 lanes of eight bytes, little-endian, lane (x, y) at x + 5 y; so is what it
/// returns. No instruction and no precompile gives the sponge between two permutations.
/// @dev Compiled without the Yul optimiser: that lifts more values at once than the stack holds, and spills them. A rotation
/// by k is one product: `v * 2^k * (2^64 + 1)` has it in bits 64 to 127.
contract KeccakF {
    fallback() external {
        // Lane i is the word at 0x80 + 32 i; behind the lanes stand those of the round's other half, from 0x3a0 on, and the
        // constants of the rounds, from 0x6c0 on. The call ends here: nothing else has memory.
        assembly {
            function reverseLanes(four) -> reversed {
                let mask := 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff
                reversed := or(shl(8, and(four, mask)), and(shr(8, four), mask))
                mask := 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff
                reversed := or(shl(16, and(reversed, mask)), and(shr(16, reversed), mask))
                mask := 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff
                reversed := or(shl(32, and(reversed, mask)), and(shr(32, reversed), mask))
            }
            if sub(calldatasize(), 200) { revert(0, 0) }
            let mask := 0xffffffffffffffff
            for { let i := 0 } lt(i, 7) { i := add(i, 1) } {
                let four := reverseLanes(calldataload(shl(5, i)))
                let to := add(0x80, shl(7, i))
                mstore(to, shr(192, four))
                mstore(add(to, 32), and(shr(128, four), mask))
                mstore(add(to, 64), and(shr(64, four), mask))
                mstore(add(to, 96), and(four, mask))
            }
            mstore(0x6c0, 0x0000000000000001)
            mstore(0x6e0, 0x0000000000008082)
            mstore(0x700, 0x800000000000808a)
            mstore(0x720, 0x8000000080008000)
            mstore(0x740, 0x000000000000808b)
            mstore(0x760, 0x0000000080000001)
            mstore(0x780, 0x8000000080008081)
            mstore(0x7a0, 0x8000000000008009)
            mstore(0x7c0, 0x000000000000008a)
            mstore(0x7e0, 0x0000000000000088)
            mstore(0x800, 0x0000000080008009)
            mstore(0x820, 0x000000008000000a)
            mstore(0x840, 0x000000008000808b)
            mstore(0x860, 0x800000000000008b)
            mstore(0x880, 0x8000000000008089)
            mstore(0x8a0, 0x8000000000008003)
            mstore(0x8c0, 0x8000000000008002)
            mstore(0x8e0, 0x8000000000000080)
            mstore(0x900, 0x000000000000800a)
            mstore(0x920, 0x800000008000000a)
            mstore(0x940, 0x8000000080008081)
            mstore(0x960, 0x8000000000008080)
            mstore(0x980, 0x0000000080000001)
            mstore(0x9a0, 0x8000000080008008)
            for { let round := 0x6c0 } lt(round, 0x9c0) { round := add(round, 32) } {
                let c0 := xor(xor(xor(mload(0x80), mload(0x120)), xor(mload(0x1c0), mload(0x260))), mload(0x300))
                let c1 := xor(xor(xor(mload(0xa0), mload(0x140)), xor(mload(0x1e0), mload(0x280))), mload(0x320))
                let c2 := xor(xor(xor(mload(0xc0), mload(0x160)), xor(mload(0x200), mload(0x2a0))), mload(0x340))
                let c3 := xor(xor(xor(mload(0xe0), mload(0x180)), xor(mload(0x220), mload(0x2c0))), mload(0x360))
                let c4 := xor(xor(xor(mload(0x100), mload(0x1a0)), xor(mload(0x240), mload(0x2e0))), mload(0x380))
                {
                    let d := xor(c4, and(shr(64, mul(c1, 0x20000000000000002)), mask))
                    mstore(0x3a0, xor(mload(0x80), d))
                    mstore(0x5a0, and(shr(64, mul(xor(mload(0x120), d), 0x10000000000000001000000000)), mask))
                    mstore(0x480, and(shr(64, mul(xor(mload(0x1c0), d), 0x80000000000000008)), mask))
                    mstore(0x680, and(shr(64, mul(xor(mload(0x260), d), 0x200000000000000020000000000)), mask))
                    mstore(0x560, and(shr(64, mul(xor(mload(0x300), d), 0x400000000000000040000)), mask))
                }
                {
                    let d := xor(c0, and(shr(64, mul(c2, 0x20000000000000002)), mask))
                    mstore(0x4e0, and(shr(64, mul(xor(mload(0xa0), d), 0x20000000000000002)), mask))
                    mstore(0x3c0, and(shr(64, mul(xor(mload(0x140), d), 0x1000000000000000100000000000)), mask))
                    mstore(0x5c0, and(shr(64, mul(xor(mload(0x1e0), d), 0x4000000000000000400)), mask))
                    mstore(0x4a0, and(shr(64, mul(xor(mload(0x280), d), 0x2000000000000000200000000000)), mask))
                    mstore(0x6a0, and(shr(64, mul(xor(mload(0x320), d), 0x40000000000000004)), mask))
                }
                {
                    let d := xor(c1, and(shr(64, mul(c3, 0x20000000000000002)), mask))
                    mstore(0x620, and(shr(64, mul(xor(mload(0xc0), d), 0x40000000000000004000000000000000)), mask))
                    mstore(0x500, and(shr(64, mul(xor(mload(0x160), d), 0x400000000000000040)), mask))
                    mstore(0x3e0, and(shr(64, mul(xor(mload(0x200), d), 0x800000000000000080000000000)), mask))
                    mstore(0x5e0, and(shr(64, mul(xor(mload(0x2a0), d), 0x80000000000000008000)), mask))
                    mstore(0x4c0, and(shr(64, mul(xor(mload(0x340), d), 0x20000000000000002000000000000000)), mask))
                }
                {
                    let d := xor(c2, and(shr(64, mul(c4, 0x20000000000000002)), mask))
                    mstore(0x440, and(shr(64, mul(xor(mload(0xe0), d), 0x100000000000000010000000)), mask))
                    mstore(0x640, and(shr(64, mul(xor(mload(0x180), d), 0x800000000000000080000000000000)), mask))
                    mstore(0x520, and(shr(64, mul(xor(mload(0x220), d), 0x20000000000000002000000)), mask))
                    mstore(0x400, and(shr(64, mul(xor(mload(0x2c0), d), 0x2000000000000000200000)), mask))
                    mstore(0x600, and(shr(64, mul(xor(mload(0x360), d), 0x1000000000000000100000000000000)), mask))
                }
                {
                    let d := xor(c3, and(shr(64, mul(c0, 0x20000000000000002)), mask))
                    mstore(0x580, and(shr(64, mul(xor(mload(0x100), d), 0x80000000000000008000000)), mask))
                    mstore(0x460, and(shr(64, mul(xor(mload(0x1a0), d), 0x1000000000000000100000)), mask))
                    mstore(0x660, and(shr(64, mul(xor(mload(0x240), d), 0x80000000000000008000000000)), mask))
                    mstore(0x540, and(shr(64, mul(xor(mload(0x2e0), d), 0x1000000000000000100)), mask))
                    mstore(0x420, and(shr(64, mul(xor(mload(0x380), d), 0x40000000000000004000)), mask))
                }
                {
                    let e0 := mload(0x3a0)
                    let e1 := mload(0x3c0)
                    let e2 := mload(0x3e0)
                    let e3 := mload(0x400)
                    let e4 := mload(0x420)
                    mstore(0x80, xor(e0, and(not(e1), e2)))
                    mstore(0xa0, xor(e1, and(not(e2), e3)))
                    mstore(0xc0, xor(e2, and(not(e3), e4)))
                    mstore(0xe0, xor(e3, and(not(e4), e0)))
                    mstore(0x100, xor(e4, and(not(e0), e1)))
                }
                {
                    let e0 := mload(0x440)
                    let e1 := mload(0x460)
                    let e2 := mload(0x480)
                    let e3 := mload(0x4a0)
                    let e4 := mload(0x4c0)
                    mstore(0x120, xor(e0, and(not(e1), e2)))
                    mstore(0x140, xor(e1, and(not(e2), e3)))
                    mstore(0x160, xor(e2, and(not(e3), e4)))
                    mstore(0x180, xor(e3, and(not(e4), e0)))
                    mstore(0x1a0, xor(e4, and(not(e0), e1)))
                }
                {
                    let e0 := mload(0x4e0)
                    let e1 := mload(0x500)
                    let e2 := mload(0x520)
                    let e3 := mload(0x540)
                    let e4 := mload(0x560)
                    mstore(0x1c0, xor(e0, and(not(e1), e2)))
                    mstore(0x1e0, xor(e1, and(not(e2), e3)))
                    mstore(0x200, xor(e2, and(not(e3), e4)))
                    mstore(0x220, xor(e3, and(not(e4), e0)))
                    mstore(0x240, xor(e4, and(not(e0), e1)))
                }
                {
                    let e0 := mload(0x580)
                    let e1 := mload(0x5a0)
                    let e2 := mload(0x5c0)
                    let e3 := mload(0x5e0)
                    let e4 := mload(0x600)
                    mstore(0x260, xor(e0, and(not(e1), e2)))
                    mstore(0x280, xor(e1, and(not(e2), e3)))
                    mstore(0x2a0, xor(e2, and(not(e3), e4)))
                    mstore(0x2c0, xor(e3, and(not(e4), e0)))
                    mstore(0x2e0, xor(e4, and(not(e0), e1)))
                }
                {
                    let e0 := mload(0x620)
                    let e1 := mload(0x640)
                    let e2 := mload(0x660)
                    let e3 := mload(0x680)
                    let e4 := mload(0x6a0)
                    mstore(0x300, xor(e0, and(not(e1), e2)))
                    mstore(0x320, xor(e1, and(not(e2), e3)))
                    mstore(0x340, xor(e2, and(not(e3), e4)))
                    mstore(0x360, xor(e3, and(not(e4), e0)))
                    mstore(0x380, xor(e4, and(not(e0), e1)))
                }
                mstore(0x80, xor(mload(0x80), mload(round)))
            }
            for { let i := 0 } lt(i, 7) { i := add(i, 1) } {
                let from := add(0x80, shl(7, i))
                let upper := or(shl(192, mload(from)), shl(128, mload(add(from, 32))))
                let lower := or(shl(64, mload(add(from, 64))), mload(add(from, 96)))
                mstore(add(0x6c0, shl(5, i)), reverseLanes(or(upper, lower)))
            }
            return(0x6c0, 200)
        }
    }
}
