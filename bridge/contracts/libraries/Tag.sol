// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title First byte of every tagged hash preimage
/// @notice Twin of executor/foundation/tags.ts: no value occurs twice there.
library Tag {
    bytes1 internal constant INNER = 0x01;
    bytes1 internal constant STATE_LEAF = 0x08;
    bytes1 internal constant ACCOUNT_KEY = 0x09;
    bytes1 internal constant SLOT_KEY = 0x0a;
    bytes1 internal constant MACHINE_STATE = 0x10;
    bytes1 internal constant CHAIN_STATE = 0x11;
    bytes1 internal constant OPERATOR_LEAF = 0x12;
    bytes1 internal constant TENSOR_WORD = 0x13;
    bytes1 internal constant TENSOR_PART = 0x14;
    bytes1 internal constant ADMISSION = 0x15;
    bytes1 internal constant PROGRAM_ID = 0x16;
    bytes1 internal constant OPERATOR_RECORD = 0x17;
    bytes1 internal constant CONSTANT_RECORD = 0x18;
    bytes1 internal constant PROGRAM_META = 0x19;
    bytes1 internal constant CONTENT_CHUNK = 0x1a;
    bytes1 internal constant GAME = 0x20;
    bytes1 internal constant LEVEL_BASE = 0x21;
    bytes1 internal constant RIGHT_BASE = 0x22;
    bytes1 internal constant CONTEXT = 0x23;
    bytes1 internal constant EDGE = 0x24;
    bytes1 internal constant REST = 0x40;
    bytes1 internal constant FRAME = 0x41;
    bytes1 internal constant ENVIRONMENT = 0x42;
    bytes1 internal constant BLOCK_ENVIRONMENT = 0x43;
    bytes1 internal constant REGISTERS = 0x44;
    bytes1 internal constant SUSPENDED = 0x45;
    bytes1 internal constant LOGS_RECORD = 0x46;
    bytes1 internal constant LOGS_LINK = 0x47;
    bytes1 internal constant LOG_ENTRY = 0x48;
    bytes1 internal constant RECEIPT = 0x49;
    bytes1 internal constant FRONTIER = 0x4a;
    bytes1 internal constant SWEEP_RECORD = 0x4b;
    bytes1 internal constant FRESH_SLOT = 0x4c;
    bytes1 internal constant DESTROYED_ACCOUNT = 0x4d;
    bytes1 internal constant ADDRESS_MARK = 0x4e;
    bytes1 internal constant SLOT_MARK = 0x4f;
    bytes1 internal constant TRANSIENT_SLOT = 0x50;
    bytes1 internal constant BLOOM = 0x51;
    bytes1 internal constant PREV_RANDAO = 0x52;
    bytes1 internal constant TRANSACTION = 0x53;
}
