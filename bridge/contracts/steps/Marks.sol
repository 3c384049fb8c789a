// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Tag} from "../libraries/Tag.sol";
import {Forks} from "./Forks.sol";
import {Part, Rest} from "./Part.sol";
import {Path, StateTree} from "./StateTree.sol";
import {Step} from "./Steps.sol";

/// @title The transaction's own tree: which addresses are warm, created, destroyed; which slots are warm; transient storage
library Marks {
    using Part for bytes;

    /// @notice Bits of an address's mark.
    uint256 internal constant WARM = 1;
    uint256 internal constant CREATED = 2;
    uint256 internal constant DESTROYED = 4;

    uint256 internal constant INFER = 0xa1 | 0x42 << 152;
    uint256 internal constant ADMIT = 0xa3 | 0x42 << 152;
    uint256 private constant P256_VERIFY = 0x100;

    /// @notice Precompiles of the block's fork are warm by rule, only these: no mark of theirs is read or written. The block
    /// is opened before.
    function isPrecompile(Step memory s, Forks forks, uint256 address_) internal pure returns (bool) {
        if (address_ == INFER || address_ == ADMIT) return true;
        if (address_ == P256_VERIFY) return forks.isOsaka(s);
        return address_ > 0 && (address_ <= 0x0a || (address_ <= 0x11 && forks.isPrague(s)));
    }

    function openAddress(Step memory s, uint256 address_) internal pure returns (Path memory) {
        return _open(s, keccak256(abi.encodePacked(Tag.ADDRESS_MARK, uint160(address_))));
    }

    function openSlot(Step memory s, uint256 address_, uint256 slot) internal pure returns (Path memory) {
        return _open(s, keccak256(abi.encodePacked(Tag.SLOT_MARK, uint160(address_), slot)));
    }

    function openTransient(Step memory s, uint256 address_, uint256 slot) internal pure returns (Path memory) {
        return _open(s, keccak256(abi.encodePacked(Tag.TRANSIENT_SLOT, uint160(address_), slot)));
    }

    /// @notice Writes under a path of the tree as it is now; zero removes.
    function set(Step memory s, Path memory path, uint256 value) internal pure {
        bytes32 root = value == 0 ? StateTree.remove(s.unread, path) : StateTree.put(path, value);
        s.rest.put(Rest.TX_TREE, uint256(root));
    }

    /// @notice Adds bits to an address's mark, unless it has them.
    function add(Step memory s, Path memory path, uint256 bits) internal pure {
        if (path.value & bits != bits) set(s, path, path.value | bits);
    }

    function _open(Step memory s, bytes32 key) private pure returns (Path memory) {
        return StateTree.open(s.unread, bytes32(s.rest.get(Rest.TX_TREE)), key, 32);
    }
}
