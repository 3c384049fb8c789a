// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Tag} from "../libraries/Tag.sol";
import {Field, Part, Rest} from "./Part.sol";
import {Step, Steps} from "./Steps.sol";

/// @title What is swept at the transaction's end: slots that fresh accounts filled, and accounts that were destroyed
/// @notice Two chains of links, `K(0x4c ++ previous ++ address ++ slot)` and `K(0x4d ++ previous ++ address)`. Evidence: the
/// record, 65 bytes.
library Sweep {
    using Part for bytes;

    uint256 internal constant SIZE = 65;
    Field internal constant FRESH = Field.wrap(1 << 8 | 32);
    Field internal constant DESTROYED = Field.wrap(33 << 8 | 32);

    uint256 private constant DESTROYED_LINK = 53;
    uint256 private constant FRESH_LINK = 85;
    Field private constant PREVIOUS = Field.wrap(1 << 8 | 32);
    Field private constant ADDRESS = Field.wrap(33 << 8 | 20);
    Field private constant SLOT = Field.wrap(53 << 8 | 32);

    function open(Step memory s) internal pure returns (bytes memory) {
        return Steps.part(s, bytes32(s.rest.get(Rest.SWEEP)), SIZE, Tag.SWEEP_RECORD);
    }

    function addFreshSlot(Step memory s, uint256 address_, uint256 slot) internal pure {
        bytes memory record = open(s);
        bytes memory link = abi.encodePacked(Tag.FRESH_SLOT, record.get(FRESH), uint160(address_), slot);
        record.put(FRESH, uint256(keccak256(link)));
        s.rest.put(Rest.SWEEP, uint256(keccak256(record)));
    }

    function addDestroyed(Step memory s, uint256 address_) internal pure {
        bytes memory record = open(s);
        bytes memory link = abi.encodePacked(Tag.DESTROYED_ACCOUNT, record.get(DESTROYED), uint160(address_));
        record.put(DESTROYED, uint256(keccak256(link)));
        s.rest.put(Rest.SWEEP, uint256(keccak256(record)));
    }

    /// @notice Takes the last link off the chain of fresh slots. Evidence: the link.
    function popFreshSlot(Step memory s, bytes memory record) internal pure returns (uint256 address_, uint256 slot) {
        bytes memory link = Steps.part(s, bytes32(record.get(FRESH)), FRESH_LINK, Tag.FRESH_SLOT);
        record.put(FRESH, link.get(PREVIOUS));
        s.rest.put(Rest.SWEEP, uint256(keccak256(record)));
        return (link.get(ADDRESS), link.get(SLOT));
    }

    /// @notice Takes the last link off the chain of destroyed accounts. Evidence: the link.
    function popDestroyed(Step memory s, bytes memory record) internal pure returns (uint256 address_) {
        bytes memory link = Steps.part(s, bytes32(record.get(DESTROYED)), DESTROYED_LINK, Tag.DESTROYED_ACCOUNT);
        record.put(DESTROYED, link.get(PREVIOUS));
        s.rest.put(Rest.SWEEP, uint256(keccak256(record)));
        return link.get(ADDRESS);
    }
}
