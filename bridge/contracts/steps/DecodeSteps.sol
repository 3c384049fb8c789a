// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatchInbox, Message, Record} from "../interfaces/IBatchInbox.sol";
import {ILeafRules} from "../interfaces/ILeafRules.sol";
import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {Evidence, EvidenceReader} from "../libraries/Evidence.sol";
import {MachineState, Reference} from "../libraries/MachineState.sol";
import {Tag} from "../libraries/Tag.sol";
import {WordRoots} from "../libraries/WordRoots.sol";
import {Access} from "./Access.sol";
import {Account, Accounts} from "./Accounts.sol";
import {Delegation} from "./Delegation.sol";
import {Envelope, Transaction} from "./Envelope.sol";
import {Forks} from "./Forks.sol";
import {BlockEnvironment, Chain, Environment, Frame, Part, Phase, Registers, Rest, Result, State} from "./Part.sol";
import {Step, Steps} from "./Steps.sol";
import {TopFrame} from "./TopFrame.sol";

/// @notice Constants of the chain by which its transactions are judged.
/// @param gasCap Gas limit of a transaction, at most (EIP-7825).
/// @param refusalPrice What an envelope that is none takes from the budget.
/// @param coinbase Of every block.
struct ChainConstants {
    IBatchInbox inbox;
    uint64 chainId;
    uint64 gasCap;
    uint64 refusalPrice;
    address coinbase;
}

/// @notice The envelope, and where it comes from.
/// @param chain State of the chain before.
/// @param hash Of the envelope.
/// @param kind Of a delayed message: 0 deposit, 1 raw.
/// @param gas What the message declared.
struct Posted {
    bytes chain;
    bytes envelope;
    bytes32 hash;
    uint64 originNumber;
    bool delayed;
    uint256 kind;
    uint256 gas;
}

/// @title DECODE: whether an envelope is a transaction of the block, and what it pays first
/// @notice Evidence behind state and rest: registers, the chain state before, the envelope, of a delayed message its kind; of
/// a well-formed transaction the sender's account; of a valid one the marks of sender, target and coinbase. A refusal ends
/// the unit, in a chain state.
contract DecodeSteps is IStepVerifier {
    using EvidenceReader for Evidence;
    using Part for bytes;
    using Steps for Step;

    uint256 private constant MAX_NONCE = type(uint64).max;
    uint256 private constant DEPOSIT_MESSAGE = 0;
    uint256 private constant LENGTH_BYTES = 4;

    Forks public immutable FORKS;
    IBatchInbox public immutable INBOX;
    uint64 public immutable CHAIN_ID;
    uint64 public immutable GAS_CAP;
    uint64 public immutable REFUSAL_PRICE;
    address public immutable COINBASE;

    constructor(Forks forks, ChainConstants memory constants) {
        FORKS = forks;
        INBOX = constants.inbox;
        CHAIN_ID = constants.chainId;
        GAS_CAP = constants.gasCap;
        REFUSAL_PRICE = constants.refusalPrice;
        COINBASE = constants.coinbase;
    }

    /// @inheritdoc IStepVerifier
    function step(bytes32 pre, bytes calldata evidence) external view returns (bytes32) {
        Step memory s = Steps.open(pre, evidence, Phase.DECODE);
        Posted memory posted = _open(s);
        (bool ok, Transaction memory t) = Envelope.decode(posted.envelope, CHAIN_ID, GAS_CAP);
        if (!ok || !_belongs(posted, t)) return _refuse(s, posted);
        _setBlock(s, posted);
        Account memory sender = Accounts.open(s, uint160(t.sender));
        if (t.kind != Envelope.DEPOSIT && !_isValid(s, posted, t, sender)) return _refuse(s, posted);
        return _start(s, posted, t, sender);
    }

    /// @dev The envelope is memory as a whole; a delayed message is what the inbox has under the chain state's index.
    function _open(Step memory s) private view returns (Posted memory posted) {
        s.openRegisters();
        bytes memory chain = s.part(bytes32(s.rest.get(Rest.ENVIRONMENT)), Chain.SIZE, Tag.CHAIN_STATE);
        posted.chain = chain;
        posted.envelope = _openEnvelope(s);
        posted.hash = keccak256(posted.envelope);
        Record memory record = INBOX.recordAt(uint64(chain.get(Chain.BATCH)));
        posted.originNumber = record.l1Number;
        uint64 index = uint64(chain.get(Chain.DELAYED));
        posted.delayed = index < record.delayedEnd;
        if (!posted.delayed) return posted;
        Message memory message = INBOX.messageAt(index);
        posted.kind = s.unread.number(1);
        posted.gas = message.gas;
        bytes32 before = INBOX.accumulatorAt(index);
        bytes memory link = abi.encodePacked(before, uint8(posted.kind), message.gas, posted.hash);
        if (keccak256(link) != message.accumulator) revert ILeafRules.BadEvidence();
    }

    function _openEnvelope(Step memory s) private pure returns (bytes memory envelope) {
        uint256 length = s.registers.get(Registers.LENGTH);
        uint256 count = s.state.get(State.MEMORY_WORDS);
        if ((length + 31) / 32 != count) revert ILeafRules.BadEvidence();
        bytes32[] memory words = new bytes32[](count);
        bytes calldata given = s.unread.take(length);
        assembly ("memory-safe") {
            calldatacopy(add(words, 32), given.offset, length)
        }
        if (uint256(WordRoots.memoryRoot(words)) != s.state.get(State.MEMORY)) revert ILeafRules.BadEvidence();
        assembly ("memory-safe") {
            // From now on bytes, with zeros behind.
            mstore(words, length)
            envelope := words
        }
    }

    /// @dev Deposits come from the inbox alone; a raw message asks for no more than it declared.
    function _belongs(Posted memory posted, Transaction memory t) private pure returns (bool) {
        bool isDeposit = posted.delayed && posted.kind == DEPOSIT_MESSAGE;
        if ((t.kind == Envelope.DEPOSIT) != isDeposit) return false;
        return !posted.delayed || isDeposit || t.gasLimit <= posted.gas;
    }

    /// @dev What a transaction sees of the open block.
    function _setBlock(Step memory s, Posted memory posted) private view {
        bytes memory chain = posted.chain;
        bytes memory environment = new bytes(BlockEnvironment.SIZE);
        environment[0] = Tag.BLOCK_ENVIRONMENT;
        environment.put(BlockEnvironment.NUMBER, chain.get(Chain.NUMBER));
        environment.put(BlockEnvironment.TIMESTAMP, chain.get(Chain.TIMESTAMP));
        environment.put(BlockEnvironment.GAS_LIMIT, chain.get(Chain.GAS_LIMIT));
        environment.put(BlockEnvironment.BASE_FEE, chain.get(Chain.BASE_FEE));
        environment.put(BlockEnvironment.COINBASE, uint160(COINBASE));
        bytes memory seed = abi.encodePacked(Tag.PREV_RANDAO, chain.get(Chain.PARENT_HASH), posted.originNumber);
        environment.put(BlockEnvironment.PREV_RANDAO, uint256(keccak256(seed)));
        environment.put(BlockEnvironment.CHAIN_ID, CHAIN_ID);
        s.blockEnvironment = environment;
    }

    /// @dev Rules 7 to 12, against the block and the sender's account.
    function _isValid(Step memory s, Posted memory posted, Transaction memory t, Account memory sender)
        private
        view
        returns (bool)
    {
        bytes memory chain = posted.chain;
        if (FORKS.isPrague(s) ? t.gasLimit < t.floorGas : t.kind == Envelope.SET_CODE) return false;
        if (t.feeCap < chain.get(Chain.BASE_FEE)) return false;
        if (t.gasLimit + chain.get(Chain.GAS_USED) > chain.get(Chain.GAS_LIMIT)) return false;
        // L1 metered the messages of its queue.
        if (!posted.delayed && t.gasLimit > chain.get(Chain.BUDGET)) return false;
        if (sender.codeSize != 0) {
            (bool delegated,) = Delegation.delegateOf(s, FORKS, sender);
            if (!delegated) return false;
        }
        if (t.nonce != sender.nonce || t.nonce == MAX_NONCE) return false;
        // INVARIANT: without overflow. The quotient's floor is above or at the cap exactly where the product is not too much.
        return t.value <= sender.balance && t.feeCap <= (sender.balance - t.value) / t.gasLimit;
    }

    /// @dev The chain state behind an envelope that is no transaction: the position, and where it was posted the budget.
    function _refuse(Step memory s, Posted memory posted) private view returns (bytes32) {
        bytes memory chain = posted.chain;
        (uint256 cursor, uint256 delayed) = _behind(posted);
        chain.put(Chain.CURSOR, cursor);
        chain.put(Chain.DELAYED, delayed);
        if (!posted.delayed) {
            uint256 budget = chain.get(Chain.BUDGET);
            chain.put(Chain.BUDGET, budget > REFUSAL_PRICE ? budget - REFUSAL_PRICE : 0);
        }
        s.unread.close();
        return keccak256(chain);
    }

    /// @dev Where derivation goes on.
    function _behind(Posted memory posted) private pure returns (uint256 cursor, uint256 delayed) {
        (cursor, delayed) = (posted.chain.get(Chain.CURSOR), posted.chain.get(Chain.DELAYED));
        if (posted.delayed) ++delayed;
        else cursor += LENGTH_BYTES + posted.envelope.length;
    }

    /// @dev Debit, nonce, marks, environment, top frame.
    function _start(Step memory s, Posted memory posted, Transaction memory t, Account memory sender)
        private
        view
        returns (bytes32)
    {
        bool isDeposit = t.kind == Envelope.DEPOSIT;
        (uint256 price, uint256 tip) = isDeposit ? (uint256(0), uint256(0)) : _prices(s, t);
        unchecked {
            // INVARIANT: there is not so much ether that a mint overflows.
            sender.balance = sender.balance + t.mint - t.gasLimit * price;
            ++sender.nonce;
        }
        Accounts.set(s, sender);
        s.rest.put(Rest.TX_START_ROOT, s.rest.get(Rest.STATE_ROOT));
        _warm(s, uint160(t.sender));
        if (!t.creation) _warm(s, t.to);
        _warm(s, uint160(COINBASE));
        Reference memory envelope = Reference(
            bytes32(s.state.get(State.MEMORY)), uint32(s.state.get(State.MEMORY_WORDS)), 0, uint32(posted.envelope.length)
        );
        _setEnvironment(s, posted, t, envelope, price, tip);
        s.state.put(State.MEMORY, 0);
        s.state.put(State.MEMORY_WORDS, 0);
        bool fits = t.gasLimit >= t.intrinsicGas && !(t.creation && t.data.end - t.data.start > Envelope.MAX_INITCODE);
        if (isDeposit && (!fits || sender.balance < t.value)) {
            // It cannot start, and takes all its gas.
            s.state.put(State.RESULT, Result.HALT);
            s.clearRegisters();
            s.state.put(State.PHASE, Phase.TXEND);
            return s.seal();
        }
        s.state.put(State.GAS, t.gasLimit - t.intrinsicGas);
        _setFrame(s, t);
        if (t.accessList.start != t.accessList.end) {
            TopFrame.beginList(s, Phase.ACCESS, Registers.ACCESS, envelope, t.accessList);
        } else if (t.kind == Envelope.SET_CODE) {
            TopFrame.beginList(s, Phase.AUTHORIZE, Registers.AUTHORIZE, envelope, t.authorizations);
        } else {
            TopFrame.begin(s);
        }
        return s.seal();
    }

    /// @dev What a unit of gas costs, and what of it the coinbase gets. The cap is not below the base fee.
    function _prices(Step memory s, Transaction memory t) private pure returns (uint256 price, uint256 tip) {
        uint256 baseFee = s.blockEnvironment.get(BlockEnvironment.BASE_FEE);
        unchecked {
            uint256 most = t.feeCap - baseFee;
            tip = t.tipCap < most ? t.tipCap : most;
            price = baseFee + tip;
        }
    }

    function _warm(Step memory s, uint256 address_) private view {
        Access.warm(s, Access.open(s, FORKS, address_));
    }

    function _setEnvironment(
        Step memory s,
        Posted memory posted,
        Transaction memory t,
        Reference memory envelope,
        uint256 price,
        uint256 tip
    ) private view {
        bytes memory environment = new bytes(Environment.SIZE);
        environment[0] = Tag.ENVIRONMENT;
        environment.put(Environment.BLOCK, uint256(keccak256(s.blockEnvironment)));
        environment.put(Environment.CHAIN_PRE, s.rest.get(Rest.ENVIRONMENT));
        environment.put(Environment.TX_LEAF, uint256(keccak256(abi.encodePacked(Tag.TRANSACTION, posted.hash))));
        environment.put(Environment.ORIGIN, uint160(t.sender));
        environment.put(Environment.TO, t.to);
        environment.put(Environment.KIND, t.creation ? t.kind | TopFrame.CREATION : t.kind);
        environment.put(Environment.GAS_LIMIT, t.gasLimit);
        environment.put(Environment.GAS_PRICE, price);
        environment.put(Environment.TIP, tip);
        environment.put(Environment.VALUE, t.value);
        Steps.writeReference(environment, Environment.DATA_AT, TopFrame.within(envelope, t.data));
        if (t.accessList.start != t.accessList.end) {
            environment.put(Environment.ACCESS_OFFSET, t.accessList.start);
        }
        environment.put(Environment.AUTHORIZATION_OFFSET, t.authorizationOffset);
        if (FORKS.isPrague(s)) environment.put(Environment.FLOOR_GAS, t.floorGas);
        (uint256 cursor, uint256 delayed) = _behind(posted);
        environment.put(Environment.CURSOR, cursor);
        environment.put(Environment.DELAYED, delayed);
        s.environment = environment;
        s.rest.put(Rest.ENVIRONMENT, uint256(keccak256(environment)));
    }

    /// @dev The frame of a creation has no address yet, and no calldata.
    function _setFrame(Step memory s, Transaction memory t) private pure {
        bytes memory frame = new bytes(Frame.SIZE);
        frame[0] = Tag.FRAME;
        frame.put(Frame.CALLER, uint160(t.sender));
        frame.put(Frame.VALUE, t.value);
        if (t.creation) {
            frame.put(Frame.FLAGS, Frame.CREATE | Frame.FRESH);
        } else {
            frame.put(Frame.SELF, t.to);
            frame.put(Frame.CODE_ADDRESS, t.to);
            Reference memory data = MachineState.referenceAt(s.environment, Environment.DATA_AT);
            Steps.writeReference(frame, Frame.CALLDATA_AT, data);
        }
        s.frame = frame;
        s.setFrame();
    }
}
