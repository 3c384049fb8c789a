// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Reference} from "../libraries/MachineState.sol";
import {Access} from "./Access.sol";
import {Account, Accounts} from "./Accounts.sol";
import {Delegation} from "./Delegation.sol";
import {Forks} from "./Forks.sol";
import {BlockEnvironment, Part, State} from "./Part.sol";
import {Item, Rlp} from "./Rlp.sol";
import {Signatures} from "./Signatures.sol";
import {Step} from "./Steps.sol";
import {Words} from "./Words.sol";

/// @title Authorizations `[chain id, address, nonce, y parity, r, s]`: that an account's code be another's (EIP-7702)
library Authorizations {
    using Part for bytes;

    /// @dev An authorization's list, header and all: six items of at most 33 bytes.
    uint256 private constant MOST_BYTES = 2 + 33 + 21 + 9 + 2 + 33 + 33;
    uint256 private constant MAX_NONCE = type(uint64).max;
    uint256 private constant REFUND = 12_500;
    bytes1 private constant MAGIC = 0x05;

    /// @notice Judges the authorization at byte `from` of the list and lets it take effect.
    /// Evidence: the words in which it lies; where it names an authority its mark and its account.
    /// @return size Bytes that it has.
    function take(Step memory s, Forks forks, Reference memory list, uint256 from) internal view returns (uint256 size) {
        uint256 there = list.length - from;
        bytes memory data = Words.read(s.unread, list, from, there < MOST_BYTES ? there : MOST_BYTES);
        // INVARIANT: DECODE has found the list to be canonical.
        Item memory item = Rlp.read(data, 0, data.length);
        size = item.end;
        uint256[6] memory fields;
        uint256 signed;
        uint256 next = item.start;
        for (uint256 i; i < 6; ++i) {
            Item memory field = Rlp.read(data, next, size);
            fields[i] = Rlp.number(data, field);
            next = field.end;
            if (i == 2) signed = next;
        }
        uint256 chainId = fields[0];
        if (chainId != 0 && chainId != s.blockEnvironment.get(BlockEnvironment.CHAIN_ID)) return size;
        if (fields[2] >= MAX_NONCE) return size;
        bytes32 digest = _digest(data, item.start, signed);
        uint256 authority = uint160(Signatures.signerOf(digest, fields[3], fields[4], fields[5]));
        if (authority != 0) _delegate(s, forks, authority, fields[1], fields[2]);
    }

    function _delegate(Step memory s, Forks forks, uint256 authority, uint256 to, uint256 nonce) private pure {
        Access.warm(s, Access.open(s, forks, authority));
        Account memory account = Accounts.open(s, authority);
        (bool delegated,) = Delegation.delegateOf(s, forks, account);
        if ((account.codeSize != 0 && !delegated) || account.nonce != nonce) return;
        if (!Accounts.isEmpty(account)) s.state.put(State.REFUND, s.state.get(State.REFUND) + REFUND);
        account.nonce = nonce + 1;
        (account.codeHash, account.codeSize, account.codeRoot) = Delegation.codeOf(to);
        Accounts.set(s, account);
    }

    /// @dev `K(0x05 ++ rlp([chain id, address, nonce]))`: the items from `start` to `end` behind a header of their own.
    function _digest(bytes memory data, uint256 start, uint256 end) private pure returns (bytes32) {
        bytes memory items = new bytes(end - start);
        assembly ("memory-safe") {
            mcopy(add(items, 32), add(add(data, 32), start), mload(items))
        }
        return keccak256(abi.encodePacked(MAGIC, Rlp.header(items.length, 0xc0), items));
    }
}
