// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice A field of a part of the state: `offset << 8 | size`, in bytes. At most 32 bytes wide.
type Field is uint256;

/// @title A part of the state in memory, of fixed width, and its big-endian fields
library Part {
    function get(bytes memory part, Field field) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, and(field, 0xff))), mload(add(add(part, 32), shr(8, field))))
        }
    }

    /// @notice Writes a field. INVARIANT: the value fits.
    function put(bytes memory part, Field field, uint256 value) internal pure {
        assembly ("memory-safe") {
            let at := add(add(part, 32), shr(8, field))
            let behind := sub(256, shl(3, and(field, 0xff)))
            // Shifting all 256 bits out gives zero: a whole word keeps nothing of what was there.
            let kept := and(mload(at), sub(shl(behind, 1), 1))
            mstore(at, or(kept, shl(behind, value)))
        }
    }
}

/// @notice `0x10 ++ scalars ++ stack ++ memory ++ rest`, 128 bytes.
library State {
    uint256 internal constant SIZE = 128;
    Field internal constant PHASE = Field.wrap(1 << 8 | 1);
    Field internal constant RESULT = Field.wrap(2 << 8 | 1);
    Field internal constant ZERO = Field.wrap(3 << 8 | 1);
    Field internal constant PC = Field.wrap(4 << 8 | 4);
    Field internal constant SP = Field.wrap(8 << 8 | 2);
    Field internal constant DEPTH = Field.wrap(10 << 8 | 2);
    Field internal constant MEMORY_WORDS = Field.wrap(12 << 8 | 4);
    Field internal constant GAS = Field.wrap(16 << 8 | 8);
    Field internal constant REFUND = Field.wrap(24 << 8 | 8);
    Field internal constant STACK = Field.wrap(32 << 8 | 32);
    Field internal constant MEMORY = Field.wrap(64 << 8 | 32);
    Field internal constant REST = Field.wrap(96 << 8 | 32);
}

/// @notice Values of a state's phase.
library Phase {
    uint256 internal constant LOAD = 1;
    uint256 internal constant DECODE = 2;
    uint256 internal constant ACCESS = 3;
    uint256 internal constant INITCODE = 4;
    uint256 internal constant ENTER = 5;
    uint256 internal constant OP = 6;
    uint256 internal constant BULK = 7;
    uint256 internal constant PRECOMPILE = 8;
    uint256 internal constant INFER = 9;
    uint256 internal constant EXIT = 10;
    uint256 internal constant DEPOSIT = 11;
    uint256 internal constant TXEND = 12;
    uint256 internal constant SWEEP = 13;
    uint256 internal constant RECEIPT = 14;
    uint256 internal constant ADMIT = 15;
    uint256 internal constant AUTHORIZE = 16;
}

/// @notice Values of a state's result.
library Result {
    uint256 internal constant NONE = 0;
    uint256 internal constant SUCCESS = 1;
    uint256 internal constant REVERT = 2;
    uint256 internal constant HALT = 3;
    uint256 internal constant CREATED = 4;
}

/// @notice What a state has beside scalars, stack and memory, 301 bytes.
library Rest {
    uint256 internal constant SIZE = 301;
    Field internal constant FRAME = Field.wrap(1 << 8 | 32);
    Field internal constant STATE_ROOT = Field.wrap(33 << 8 | 32);
    Field internal constant TX_START_ROOT = Field.wrap(65 << 8 | 32);
    Field internal constant TX_TREE = Field.wrap(97 << 8 | 32);
    Field internal constant LOGS = Field.wrap(129 << 8 | 32);
    Field internal constant SWEEP = Field.wrap(161 << 8 | 32);
    uint256 internal constant RETURNDATA_AT = 193;
    Field internal constant RETURNDATA_LENGTH = Field.wrap(233 << 8 | 4);
    Field internal constant ENVIRONMENT = Field.wrap(237 << 8 | 32);
    Field internal constant REGISTERS = Field.wrap(269 << 8 | 32);
}

/// @notice A frame, 350 bytes.
library Frame {
    uint256 internal constant SIZE = 350;
    Field internal constant PARENT = Field.wrap(1 << 8 | 32);
    Field internal constant SELF = Field.wrap(33 << 8 | 20);
    Field internal constant CALLER = Field.wrap(53 << 8 | 20);
    Field internal constant CODE_ADDRESS = Field.wrap(73 << 8 | 20);
    Field internal constant VALUE = Field.wrap(93 << 8 | 32);
    Field internal constant CODE_ROOT = Field.wrap(125 << 8 | 32);
    Field internal constant CODE_SIZE = Field.wrap(157 << 8 | 4);
    Field internal constant FLAGS = Field.wrap(161 << 8 | 1);
    uint256 internal constant CALLDATA_AT = 162;
    Field internal constant CALLDATA_LENGTH = Field.wrap(202 << 8 | 4);
    Field internal constant OUT_OFFSET = Field.wrap(206 << 8 | 4);
    Field internal constant OUT_LENGTH = Field.wrap(210 << 8 | 4);
    Field internal constant ENTRY_STATE_ROOT = Field.wrap(214 << 8 | 32);
    Field internal constant ENTRY_TX_TREE = Field.wrap(246 << 8 | 32);
    Field internal constant ENTRY_LOGS = Field.wrap(278 << 8 | 32);
    Field internal constant ENTRY_SWEEP = Field.wrap(310 << 8 | 32);
    Field internal constant ENTRY_REFUND = Field.wrap(342 << 8 | 8);

    /// @notice Bits of FLAGS.
    uint256 internal constant STATIC = 1;
    uint256 internal constant CREATE = 2;
    uint256 internal constant FRESH = 4;
    uint256 internal constant DELEGATED = 8;
}

/// @notice What a phase of several steps works with, 342 bytes.
library Registers {
    uint256 internal constant SIZE = 342;
    Field internal constant KIND = Field.wrap(1 << 8 | 1);
    uint256 internal constant SOURCE_AT = 2;
    Field internal constant SOURCE_LENGTH = Field.wrap(42 << 8 | 4);
    Field internal constant DESTINATION = Field.wrap(46 << 8 | 4);
    Field internal constant CURSOR = Field.wrap(50 << 8 | 4);
    Field internal constant LENGTH = Field.wrap(54 << 8 | 4);
    Field internal constant ADDRESS = Field.wrap(58 << 8 | 20);
    Field internal constant X = Field.wrap(78 << 8 | 32);
    Field internal constant Y = Field.wrap(110 << 8 | 32);
    uint256 internal constant SPONGE_AT = 142;

    /// @notice Values of KIND.
    uint256 internal constant LOAD = 1;
    uint256 internal constant ACCESS = 2;
    uint256 internal constant INITCODE = 3;
    uint256 internal constant COPY = 4;
    uint256 internal constant COPY_CODE = 5;
    uint256 internal constant WRITE_BACK = 6;
    uint256 internal constant HASH = 7;
    uint256 internal constant HASH_LOG = 8;
    uint256 internal constant OUTPUT = 9;
    uint256 internal constant ADMIT = 10;
    uint256 internal constant INFER = 11;
    uint256 internal constant INITCODE2 = 12;
    uint256 internal constant AUTHORIZE = 13;
}

/// @notice The transaction, 314 bytes.
library Environment {
    uint256 internal constant SIZE = 314;
    Field internal constant BLOCK = Field.wrap(1 << 8 | 32);
    Field internal constant CHAIN_PRE = Field.wrap(33 << 8 | 32);
    Field internal constant TX_LEAF = Field.wrap(65 << 8 | 32);
    Field internal constant ORIGIN = Field.wrap(97 << 8 | 20);
    Field internal constant TO = Field.wrap(117 << 8 | 20);
    Field internal constant KIND = Field.wrap(137 << 8 | 1);
    Field internal constant GAS_LIMIT = Field.wrap(138 << 8 | 8);
    Field internal constant GAS_PRICE = Field.wrap(146 << 8 | 32);
    Field internal constant TIP = Field.wrap(178 << 8 | 32);
    Field internal constant VALUE = Field.wrap(210 << 8 | 32);
    uint256 internal constant DATA_AT = 242;
    Field internal constant ACCESS_OFFSET = Field.wrap(286 << 8 | 4);
    Field internal constant AUTHORIZATION_OFFSET = Field.wrap(290 << 8 | 4);
    Field internal constant FLOOR_GAS = Field.wrap(294 << 8 | 8);
    Field internal constant CURSOR = Field.wrap(302 << 8 | 4);
    Field internal constant DELAYED = Field.wrap(306 << 8 | 8);
}

/// @notice What a transaction sees of its block, 117 bytes.
library BlockEnvironment {
    uint256 internal constant SIZE = 117;
    Field internal constant NUMBER = Field.wrap(1 << 8 | 8);
    Field internal constant TIMESTAMP = Field.wrap(9 << 8 | 8);
    Field internal constant GAS_LIMIT = Field.wrap(17 << 8 | 8);
    Field internal constant BASE_FEE = Field.wrap(25 << 8 | 32);
    Field internal constant COINBASE = Field.wrap(57 << 8 | 20);
    Field internal constant PREV_RANDAO = Field.wrap(77 << 8 | 32);
    Field internal constant CHAIN_ID = Field.wrap(109 << 8 | 8);
}

/// @notice Logs of the transaction so far, 69 bytes.
library Logs {
    uint256 internal constant SIZE = 69;
    Field internal constant CHAIN = Field.wrap(1 << 8 | 32);
    Field internal constant COUNT = Field.wrap(33 << 8 | 4);
    Field internal constant BLOOM = Field.wrap(37 << 8 | 32);
}

/// @notice The chain between two units, 254 bytes.
library Chain {
    uint256 internal constant SIZE = 254;
    Field internal constant PHASE = Field.wrap(1 << 8 | 1);
    Field internal constant BATCH = Field.wrap(2 << 8 | 8);
    Field internal constant CURSOR = Field.wrap(10 << 8 | 4);
    Field internal constant DELAYED = Field.wrap(14 << 8 | 8);
    Field internal constant NUMBER = Field.wrap(22 << 8 | 8);
    Field internal constant TIMESTAMP = Field.wrap(30 << 8 | 8);
    Field internal constant GAS_USED = Field.wrap(38 << 8 | 8);
    Field internal constant GAS_LIMIT = Field.wrap(46 << 8 | 8);
    Field internal constant BUDGET = Field.wrap(54 << 8 | 8);
    Field internal constant BASE_FEE = Field.wrap(62 << 8 | 32);
    Field internal constant PARENT_HASH = Field.wrap(94 << 8 | 32);
    Field internal constant STATE_ROOT = Field.wrap(126 << 8 | 32);
    Field internal constant BLOOM = Field.wrap(158 << 8 | 32);
    Field internal constant TRANSACTIONS = Field.wrap(190 << 8 | 32);
    Field internal constant RECEIPTS = Field.wrap(222 << 8 | 32);

    /// @notice Values of PHASE.
    uint256 internal constant BETWEEN = 0;
    uint256 internal constant OPEN = 1;
}
