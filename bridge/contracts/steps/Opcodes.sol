// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {Code} from "./Code.sol";
import {Forks} from "./Forks.sol";
import {Part, State} from "./Part.sol";
import {Stack} from "./Stack.sol";
import {Step, Steps} from "./Steps.sol";

/// @notice An instruction that is about to take effect.
/// @param opcode STOP behind the code's end.
/// @param immediate What a PUSH pushes.
/// @param gas Its static gas.
/// @param operands The words that it takes, the top first; they are off the stack.
struct Instruction {
    uint256 opcode;
    uint256 immediate;
    uint256 gas;
    uint256[] operands;
}

/// @title What every instruction begins with, and the table of all of them
library Opcodes {
    using Part for bytes;
    using Stack for Step;

    /// @notice Families, by the contract that has their instructions.
    uint256 internal constant STACK = 1;
    uint256 internal constant STATE = 2;
    uint256 internal constant CALLS = 3;

    uint256 internal constant CLZ = 0x1e;

    /// @dev Of each opcode: u8 family (0: undefined), u8 words popped, u8 words pushed, u8 static gas.
    bytes private constant TABLE =
        hex"0100000001020103010201050102010301020105010201050102010501020105" // 0x00
        hex"01030108010301080102010a0102010500000000000000000000000000000000"
        hex"0102010301020103010201030102010301020103010101030102010301020103" // 0x10
        hex"0102010301010103010201030102010301020103010201030101010500000000"
        hex"0102011e00000000000000000000000000000000000000000000000000000000" // 0x20
        hex"0000000000000000000000000000000000000000000000000000000000000000"
        hex"0100010202010100010001020100010201000102010101030100010201030003" // 0x30
        hex"0100010201030003010001020201010002040000010001020103000302010100"
        hex"0201011401000102010001020100010201000102010001020100010202000105" // 0x40
        hex"0100010201010103010001020000000000000000000000000000000000000000"
        hex"010100020101010301020003010200030201010002020000010100080102000a" // 0x50
        hex"0100010201000102010001020100000102010164020200640103000301000102"
        hex"0100010301000103010001030100010301000103010001030100010301000103" // 0x60
        hex"0100010301000103010001030100010301000103010001030100010301000103"
        hex"0100010301000103010001030100010301000103010001030100010301000103" // 0x70
        hex"0100010301000103010001030100010301000103010001030100010301000103"
        hex"0101020301020303010304030104050301050603010607030107080301080903" // 0x80
        hex"01090a03010a0b03010b0c03010c0d03010d0e03010e0f03010f100301101103"
        hex"0102020301030303010404030105050301060603010707030108080301090903" // 0x90
        hex"010a0a03010b0b03010c0c03010d0d03010e0e03010f0f030110100301111103"
        hex"0102000001030000010400000105000001060000000000000000000000000000" // 0xa0
        hex"0000000000000000000000000000000000000000000000000000000000000000"
        hex"0000000000000000000000000000000000000000000000000000000000000000" // 0xb0
        hex"0000000000000000000000000000000000000000000000000000000000000000"
        hex"0000000000000000000000000000000000000000000000000000000000000000" // 0xc0
        hex"0000000000000000000000000000000000000000000000000000000000000000"
        hex"0000000000000000000000000000000000000000000000000000000000000000" // 0xd0
        hex"0000000000000000000000000000000000000000000000000000000000000000"
        hex"0000000000000000000000000000000000000000000000000000000000000000" // 0xe0
        hex"0000000000000000000000000000000000000000000000000000000000000000"
        hex"0303010003070100030701000102000003060100030401000000000000000000" // 0xf0
        hex"0000000000000000030601000000000000000000010200000000000002010000";

    /// @notice Opens the instruction. Not `going`: undefined, or a stack that is too small or would be too large: the
    /// frame halts. An instruction of another family is not this contract's to judge.
    /// Evidence: the instruction's chunks, for CLZ environment and block, the operands.
    function begin(Step memory s, uint256 family, Forks forks)
        internal
        pure
        returns (bool going, Instruction memory instruction)
    {
        (instruction.opcode, instruction.immediate) = Code.instruction(s);
        bytes memory table = TABLE;
        uint256 entry;
        uint256 opcode = instruction.opcode;
        assembly ("memory-safe") {
            entry := shr(224, mload(add(add(table, 32), shl(2, opcode))))
        }
        uint256 own = entry >> 24;
        if ((own == 0 ? STACK : own) != family) revert ILeafRules.BadEvidence();
        if (own == 0) return (false, instruction);
        if (opcode == CLZ) {
            Steps.openBlock(s);
            if (!forks.isOsaka(s)) return (false, instruction);
        }
        uint256 pops = entry >> 16 & 0xff;
        uint256 pushes = entry >> 8 & 0xff;
        uint256 size = s.state.get(State.SP);
        if (size < pops || size - pops + pushes > Stack.LIMIT) return (false, instruction);
        instruction.gas = entry & 0xff;
        instruction.operands = s.pop(pops);
        return (true, instruction);
    }
}
