// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Tag} from "../libraries/Tag.sol";
import {Field, Part, Rest} from "./Part.sol";
import {Path, StateTree} from "./StateTree.sol";
import {Step} from "./Steps.sol";

/// @notice One account, and where it is in the state.
struct Account {
    uint256 nonce;
    uint256 balance;
    uint256 codeHash;
    uint256 codeSize;
    uint256 codeRoot;
    Path path;
}

/// @title Accounts and slots of the state
/// @notice An account's leaf has the hash of `u64 nonce ++ u256 balance ++ code hash ++ u32 code size ++ root of the code's
/// chunks`, 108 bytes. An account without nonce, balance and code is no leaf, and one that becomes so is removed.
library Accounts {
    using Part for bytes;

    uint256 private constant SIZE = 108;
    Field private constant NONCE = Field.wrap(0 << 8 | 8);
    Field private constant BALANCE = Field.wrap(8 << 8 | 32);
    Field private constant CODE_HASH = Field.wrap(40 << 8 | 32);
    Field private constant CODE_SIZE = Field.wrap(72 << 8 | 4);
    Field private constant CODE_ROOT = Field.wrap(76 << 8 | 32);

    uint256 internal constant NO_CODE = uint256(keccak256(""));

    /// @notice Opens an account of the state as it is now; an empty one where there is none.
    function open(Step memory s, uint256 address_) internal pure returns (Account memory account) {
        bytes32 key = keccak256(abi.encodePacked(Tag.ACCOUNT_KEY, uint160(address_)));
        account.path = StateTree.open(s.unread, bytes32(s.rest.get(Rest.STATE_ROOT)), key, SIZE);
        if (!account.path.found) {
            account.codeHash = NO_CODE;
            return account;
        }
        bytes memory own = account.path.own;
        account.nonce = own.get(NONCE);
        account.balance = own.get(BALANCE);
        account.codeHash = own.get(CODE_HASH);
        account.codeSize = own.get(CODE_SIZE);
        account.codeRoot = own.get(CODE_ROOT);
    }

    /// @notice Puts the account as it is into the state. Its path must be the state's as it is now.
    function set(Step memory s, Account memory account) internal pure {
        bytes32 root = isEmpty(account)
            ? StateTree.remove(s.unread, account.path)
            : StateTree.put(account.path, uint256(keccak256(_encode(account))));
        s.rest.put(Rest.STATE_ROOT, uint256(root));
    }

    /// @notice Removes an account's leaf, if there is one; its slots stay. Evidence: the path to the leaf, what its removal takes.
    function remove(Step memory s, uint256 address_) internal pure {
        bytes32 key = keccak256(abi.encodePacked(Tag.ACCOUNT_KEY, uint160(address_)));
        Path memory path = StateTree.open(s.unread, bytes32(s.rest.get(Rest.STATE_ROOT)), key, 32);
        s.rest.put(Rest.STATE_ROOT, uint256(StateTree.remove(s.unread, path)));
    }

    function isEmpty(Account memory account) internal pure returns (bool) {
        return account.nonce == 0 && account.balance == 0 && account.codeSize == 0;
    }

    /// @notice Moves balance. Evidence: the payer's path, the payee's behind it; nothing where nothing changes.
    /// INVARIANT: the payer has so much.
    function transfer(Step memory s, uint256 from, uint256 to, uint256 value) internal pure {
        if (value == 0 || from == to) return;
        Account memory payer = open(s, from);
        debit(s, payer, value);
        credit(s, to, value);
    }

    function debit(Step memory s, Account memory payer, uint256 value) internal pure {
        payer.balance -= value;
        set(s, payer);
    }

    /// @notice Evidence: the account's path; nothing for a credit of nothing.
    function credit(Step memory s, uint256 to, uint256 value) internal pure {
        if (value == 0) return;
        Account memory payee = open(s, to);
        unchecked {
            payee.balance += value;
        }
        set(s, payee);
    }

    /// @notice Opens a slot in the tree with this root.
    function openSlot(Step memory s, bytes32 root, uint256 address_, uint256 slot) internal pure returns (Path memory) {
        return StateTree.open(s.unread, root, keccak256(abi.encodePacked(Tag.SLOT_KEY, uint160(address_), slot)), 32);
    }

    /// @notice Sets a slot of the state; zero removes it. Its path must be the state's as it is now.
    function setSlot(Step memory s, Path memory path, uint256 value) internal pure {
        bytes32 root = value == 0 ? StateTree.remove(s.unread, path) : StateTree.put(path, value);
        s.rest.put(Rest.STATE_ROOT, uint256(root));
    }

    function _encode(Account memory account) private pure returns (bytes memory own) {
        own = new bytes(SIZE);
        own.put(NONCE, account.nonce);
        own.put(BALANCE, account.balance);
        own.put(CODE_HASH, account.codeHash);
        own.put(CODE_SIZE, account.codeSize);
        own.put(CODE_ROOT, account.codeRoot);
    }
}
