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
}
