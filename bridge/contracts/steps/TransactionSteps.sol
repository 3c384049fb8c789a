// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {MachineState, Reference} from "../libraries/MachineState.sol";
import {Tag} from "../libraries/Tag.sol";
import {Access, Touched} from "./Access.sol";
import {Account, Accounts} from "./Accounts.sol";
import {Authorizations} from "./Authorizations.sol";
import {Forks} from "./Forks.sol";
import {Frontier} from "./Frontier.sol";
import {LogRecord} from "./LogRecord.sol";
import {Marks} from "./Marks.sol";
import {BlockEnvironment, Chain, Environment, Frame, Logs, Part, Phase, Registers, Rest, Result, State} from "./Part.sol";
import {Item, Rlp} from "./Rlp.sol";
import {Path} from "./StateTree.sol";
import {Step, Steps} from "./Steps.sol";
import {Sweep} from "./Sweep.sol";
import {TopFrame} from "./TopFrame.sol";
import {Words} from "./Words.sol";

/// @title What a transaction does before and behind its frames: ACCESS, AUTHORIZE, TXEND, SWEEP, RECEIPT
/// @notice Evidence behind state and rest, in the order of its functions.
contract TransactionSteps is IStepVerifier {
    using EvidenceReader for Evidence;
    using Part for bytes;
    using Steps for Step;

    uint256 private constant KEY_ITEM = 33;
    /// @dev Bytes that the headers of an entry and of its keys have at most, its address between them.
    uint256 private constant ENTRY_BYTES = 32;
    uint256 private constant REFUND_QUOTIENT = 5;

    Forks public immutable FORKS;
    /// @notice Who gets the base fee; nobody: it is burned.
    address public immutable BASE_FEE_VAULT;

    constructor(Forks forks, address baseFeeVault) {
        FORKS = forks;
        BASE_FEE_VAULT = baseFeeVault;
    }

    /// @inheritdoc IStepVerifier
    function step(bytes32 pre, bytes calldata evidence) external view returns (bytes32) {
        // Not yet authenticated: the state is opened in this very phase.
        uint256 phase = evidence.length < 2 ? 0 : uint8(evidence[1]);
        Step memory s = Steps.open(pre, evidence, phase);
        if (phase == Phase.ACCESS) return _access(s);
        if (phase == Phase.AUTHORIZE) return _authorize(s);
        if (phase == Phase.TXEND) return _end(s);
        if (phase == Phase.SWEEP) return _sweep(s);
        if (phase == Phase.RECEIPT) return _receipt(s);
        revert ILeafRules.BadEvidence();
    }

    /// @dev Registers, environment, block; the words of the next slot or entry, its mark; behind the last one what follows
    /// the list.
    function _access(Step memory s) private view returns (bytes32) {
        s.openRegisters();
        s.openBlock();
        Reference memory list = MachineState.referenceAt(s.registers, Registers.SOURCE_AT);
        uint256 cursor = s.registers.get(Registers.CURSOR);
        if (cursor < s.registers.get(Registers.LENGTH)) {
            uint256 slot = uint256(bytes32(Words.read(s.unread, list, cursor + 1, 32)));
            Marks.set(s, Marks.openSlot(s, s.registers.get(Registers.ADDRESS), slot), 1);
            cursor += KEY_ITEM;
        } else {
            bytes memory head = Words.read(s.unread, list, cursor, ENTRY_BYTES);
            // INVARIANT: DECODE has found the list to be canonical.
            Item memory address20 = Rlp.read(head, Rlp.read(head, 0, type(uint256).max).start, ENTRY_BYTES);
            Item memory keys = Rlp.read(head, address20.end, type(uint256).max);
            uint256 address_ = Rlp.number(head, address20);
            Access.warm(s, Access.open(s, FORKS, address_));
            s.registers.put(Registers.ADDRESS, address_);
            s.registers.put(Registers.LENGTH, cursor + keys.end);
            cursor += keys.start;
        }
        s.registers.put(Registers.CURSOR, cursor);
        if (cursor == list.length) TopFrame.afterAccess(s, list);
        else s.setRegisters();
        return s.seal();
    }

    /// @dev Registers, environment, block; the words of the next authorization; where it names an authority its mark and its
    /// account.
    function _authorize(Step memory s) private view returns (bytes32) {
        s.openRegisters();
        s.openBlock();
        Reference memory list = MachineState.referenceAt(s.registers, Registers.SOURCE_AT);
        uint256 cursor = s.registers.get(Registers.CURSOR);
        cursor += Authorizations.take(s, FORKS, list, cursor);
        if (cursor == list.length) {
            TopFrame.begin(s);
        } else {
            s.registers.put(Registers.CURSOR, cursor);
            s.setRegisters();
        }
        return s.seal();
    }

    /// @dev Environment, block, sweep record; the accounts of sender, coinbase and vault, each where it gets something.
    function _end(Step memory s) private view returns (bytes32) {
        s.openBlock();
        bytes memory record = Sweep.open(s);
        unchecked {
            uint256 limit = s.environment.get(Environment.GAS_LIMIT);
            uint256 left = s.state.get(State.GAS);
            uint256 refund = s.state.get(State.REFUND);
            uint256 most = (limit - left) / REFUND_QUOTIENT;
            left += refund < most ? refund : most;
            uint256 dearest = limit - s.environment.get(Environment.FLOOR_GAS);
            if (left > dearest) left = dearest;
            uint256 price = s.environment.get(Environment.GAS_PRICE);
            if (price > 0) {
                // INVARIANT: no more than what the sender paid at first, which was below 2^256.
                uint256 used = limit - left;
                Accounts.credit(s, s.environment.get(Environment.ORIGIN), left * price);
                uint256 coinbase = s.blockEnvironment.get(BlockEnvironment.COINBASE);
                Accounts.credit(s, coinbase, used * s.environment.get(Environment.TIP));
                if (BASE_FEE_VAULT != address(0)) {
                    uint256 baseFee = s.blockEnvironment.get(BlockEnvironment.BASE_FEE);
                    Accounts.credit(s, uint160(BASE_FEE_VAULT), used * baseFee);
                }
            }
            s.state.put(State.GAS, left);
        }
        s.state.put(State.REFUND, 0);
        s.state.put(State.PHASE, record.get(Sweep.DESTROYED) == 0 ? Phase.RECEIPT : Phase.SWEEP);
        return s.seal();
    }

    /// @dev Sweep record, the chain's last link; of a slot its account's mark, and where that is destroyed the slot; of an
    /// account its leaf. What a removal takes.
    function _sweep(Step memory s) private pure returns (bytes32) {
        bytes memory record = Sweep.open(s);
        if (record.get(Sweep.FRESH) != 0) {
            (uint256 address_, uint256 slot) = Sweep.popFreshSlot(s, record);
            if (Marks.openAddress(s, address_).value & Marks.DESTROYED != 0) {
                Accounts.setSlot(s, Accounts.openSlot(s, bytes32(s.rest.get(Rest.STATE_ROOT)), address_, slot), 0);
            }
        } else {
            Accounts.remove(s, Sweep.popDestroyed(s, record));
        }
        if (record.get(Sweep.DESTROYED) == 0) s.state.put(State.PHASE, Phase.RECEIPT);
        return s.seal();
    }

    /// @dev Environment; of a creation that succeeded the frame; logs and their bloom; the chain state before, its bloom, its
    /// frontiers. The unit's end: a chain state.
    function _receipt(Step memory s) private pure returns (bytes32) {
        s.openEnvironment();
        uint256 result = s.state.get(State.RESULT);
        bool ok = result == Result.SUCCESS || result == Result.CREATED;
        uint256 created;
        if (ok && s.environment.get(Environment.KIND) & TopFrame.CREATION != 0) {
            s.openFrame();
            created = s.frame.get(Frame.SELF);
        }
        bytes memory logs = LogRecord.open(s);
        bytes memory bloom = LogRecord.openBloom(s, logs.get(Logs.BLOOM));
        bytes memory chain = s.part(bytes32(s.environment.get(Environment.CHAIN_PRE)), Chain.SIZE, Tag.CHAIN_STATE);
        bytes memory all = LogRecord.openBloom(s, chain.get(Chain.BLOOM));
        _join(all, bloom);
        uint256 used = s.environment.get(Environment.GAS_LIMIT) - s.state.get(State.GAS);
        uint256 cumulative = chain.get(Chain.GAS_USED) + used;
        uint256 budget = chain.get(Chain.BUDGET);
        bytes32 leaf = bytes32(s.environment.get(Environment.TX_LEAF));
        bytes32 receipt = keccak256(
            abi.encodePacked(
                abi.encodePacked(Tag.RECEIPT, leaf, ok, uint64(cumulative), uint64(used)),
                abi.encodePacked(logs.get(Logs.CHAIN), uint32(logs.get(Logs.COUNT)), logs.get(Logs.BLOOM)),
                uint160(created)
            )
        );
        chain.put(Chain.CURSOR, s.environment.get(Environment.CURSOR));
        chain.put(Chain.DELAYED, s.environment.get(Environment.DELAYED));
        chain.put(Chain.GAS_USED, cumulative);
        chain.put(Chain.BUDGET, budget > used ? budget - used : 0);
        chain.put(Chain.STATE_ROOT, s.rest.get(Rest.STATE_ROOT));
        chain.put(Chain.BLOOM, LogRecord.hashBloom(all));
        chain.put(Chain.TRANSACTIONS, uint256(Frontier.append(s.unread, bytes32(chain.get(Chain.TRANSACTIONS)), leaf)));
        chain.put(Chain.RECEIPTS, uint256(Frontier.append(s.unread, bytes32(chain.get(Chain.RECEIPTS)), receipt)));
        s.unread.close();
        return keccak256(chain);
    }

    /// @dev Sets the other's bits.
    function _join(bytes memory bloom, bytes memory other) private pure {
        assembly ("memory-safe") {
            for { let i := 32 } lt(i, 288) { i := add(i, 32) } {
                mstore(add(bloom, i), or(mload(add(bloom, i)), mload(add(other, i))))
            }
        }
    }
}
