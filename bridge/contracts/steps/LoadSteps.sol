// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatchInbox, Record} from "../interfaces/IBatchInbox.sol";
import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {Tag} from "../libraries/Tag.sol";
import {Batch, Batches} from "./Batch.sol";
import {Memory} from "./Memory.sol";
import {Chain, Part, Phase, Registers, Rest, State} from "./Part.sol";
import {Step, Steps} from "./Steps.sol";
import {Window} from "./Words.sol";

/// @title An envelope comes into memory from its batch's blobs, one field element a step
/// @notice Evidence: registers, the chain state before the transaction, the blobs' hashes, the element, the words that it
/// fills.
contract LoadSteps is IStepVerifier {
    using Part for bytes;
    using Steps for Step;

    uint256 private constant LENGTH = 4;

    IBatchInbox public immutable INBOX;

    constructor(IBatchInbox inbox) {
        INBOX = inbox;
    }

    /// @inheritdoc IStepVerifier
    function step(bytes32 pre, bytes calldata evidence) external view returns (bytes32) {
        Step memory s = Steps.open(pre, evidence, Phase.LOAD);
        s.openRegisters();
        bytes memory chain = s.part(bytes32(s.rest.get(Rest.ENVIRONMENT)), Chain.SIZE, Tag.CHAIN_STATE);
        uint64 index = uint64(chain.get(Chain.BATCH));
        Record memory record = INBOX.recordAt(index);
        Batch memory batch = Batches.open(s.unread, INBOX, index, record);
        uint256 cursor = s.registers.get(Registers.CURSOR);
        uint256 length = s.registers.get(Registers.LENGTH);
        uint256 from = chain.get(Chain.CURSOR) + LENGTH + cursor;
        uint256 skipped = from % Batches.ELEMENT;
        uint256 size = Batches.ELEMENT - skipped;
        if (size > length - cursor) size = length - cursor;
        bytes31 element = Batches.element(s.unread, batch, from / Batches.ELEMENT);
        bytes memory piece = abi.encodePacked(element << (8 * skipped));
        assembly ("memory-safe") {
            mstore(piece, size)
        }
        Memory.write(s, cursor, piece);
        s.registers.put(Registers.CURSOR, cursor + size);
        s.setRegisters();
        if (cursor + size == length) s.state.put(State.PHASE, Phase.DECODE);
        return s.seal();
    }
}
