// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {Tag} from "../libraries/Tag.sol";
import {Frame, Logs, Part, Rest} from "./Part.sol";
import {Step, Steps} from "./Steps.sol";

/// @title The transaction's logs: a chain of entries, their number, and the bloom over their addresses and topics
/// @notice Evidence: the record, and where the bloom changes its 256 bytes.
library LogRecord {
    using EvidenceReader for Evidence;
    using Part for bytes;

    uint256 internal constant BLOOM = 256;

    /// @notice Enters a log's address and topics into the bloom. `operands`: offset and length, then the topics.
    /// @return what `K(address ++ u8 topics ++ topics)`.
    function begin(Step memory s, uint256[] memory operands) internal pure returns (bytes32 what) {
        bytes memory record = open(s);
        bytes memory bloom = openBloom(s, record.get(Logs.BLOOM));
        bytes20 self = bytes20(uint160(s.frame.get(Frame.SELF)));
        _add(bloom, keccak256(abi.encodePacked(self)));
        uint256 topics = operands.length - 2;
        bytes memory preimage = abi.encodePacked(self, uint8(topics));
        for (uint256 i; i < topics; ++i) {
            _add(bloom, keccak256(abi.encodePacked(operands[2 + i])));
            preimage = abi.encodePacked(preimage, operands[2 + i]);
        }
        record.put(Logs.BLOOM, hashBloom(bloom));
        s.rest.put(Rest.LOGS, uint256(keccak256(record)));
        s.logs = record;
        return keccak256(preimage);
    }

    /// @notice Opens the bloom with this hash.
    function openBloom(Step memory s, uint256 hash) internal pure returns (bytes memory bloom) {
        bloom = s.unread.take(BLOOM);
        if (hashBloom(bloom) != hash) revert ILeafRules.BadEvidence();
    }

    function hashBloom(bytes memory bloom) internal pure returns (uint256) {
        return uint256(keccak256(abi.encodePacked(Tag.BLOOM, bloom)));
    }

    /// @notice Opens the record.
    function open(Step memory s) internal pure returns (bytes memory) {
        return Steps.part(s, bytes32(s.rest.get(Rest.LOGS)), Logs.SIZE, Tag.LOGS_RECORD);
    }

    /// @notice Appends an entry to the record that was opened; its address and topics are in the bloom.
    function complete(Step memory s, bytes32 what, uint256 length, bytes32 hash) internal pure {
        bytes memory record = s.logs;
        bytes32 entry = keccak256(abi.encodePacked(Tag.LOG_ENTRY, what, uint32(length), hash));
        record.put(Logs.CHAIN, uint256(keccak256(abi.encodePacked(Tag.LOGS_LINK, record.get(Logs.CHAIN), entry))));
        record.put(Logs.COUNT, record.get(Logs.COUNT) + 1);
        s.rest.put(Rest.LOGS, uint256(keccak256(record)));
    }

    /// @dev Sets three bits of 2,048, as Ethereum's filter has them.
    function _add(bytes memory bloom, bytes32 hash) private pure {
        for (uint256 i; i < 3; ++i) {
            uint256 bit = uint256(hash) >> (240 - 16 * i) & 2047;
            uint256 index = BLOOM - 1 - (bit >> 3);
            bloom[index] = bloom[index] | bytes1(uint8(1 << (bit & 7)));
        }
    }
}
