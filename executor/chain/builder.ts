import type { BlockEnvironment, ChainMachine } from "../evm/engine.ts";
import { type Acceptance, applyTransaction, BASE_FEE_VAULT, tryTransaction } from "../evm/transition.ts";
import { type Bytes, toHex } from "../foundation/bytes.ts";
import { frontierRoot } from "../foundation/merkle.ts";
import { type Block, type BlockTally, encodeBlockHeader, type Header, hashBlockHeader } from "../protocol/block.ts";
import { bloomOf } from "../protocol/bloom.ts";
import { createAddress } from "../protocol/contract-address.ts";
import { DEPOSIT_TYPE, type DecodeResult, type EnvelopeDecoder, isRefusal } from "../protocol/envelope.ts";
import type { Origin } from "../protocol/origin.ts";
import type { Receipt } from "../protocol/receipt.ts";
import type { BlockRules } from "../protocol/rules.ts";
import type { ChainTransaction, InboxEnvelope, RefusalCode } from "../protocol/transaction.ts";
import type { AddResult, DeclinedCode } from "./chain.ts";
import { emptyTally, tallyAfter, tallyAfterRefusal } from "./tally.ts";

/** A block in the making, without its state root. */
export type Draft = {
  readonly transactions: readonly ChainTransaction[];
  readonly receipts: readonly Receipt[];
  /** As of now. */
  readonly tally: BlockTally;
  /** As derivation does: what was posted and is refused takes its price. */
  add(envelope: InboxEnvelope): Promise<AddResult>;
  /** As whoever orders does: what is refused is not posted, and costs nothing. */
  offer(envelope: Bytes, accept?: Acceptance): Promise<AddResult>;
  /** The block over this state root. */
  finish(stateRoot: Bytes): Block;
};

const refused = (code: RefusalCode | DeclinedCode, message: string): AddResult => ({ included: false, code, message });

/** A message of the delayed queue is what its kind says, and within the gas that was paid for on L1. */
const judgeDelayed = (envelope: InboxEnvelope, decoded: DecodeResult): AddResult | undefined => {
  const { bytes, delayed } = envelope;
  const isDeposit = bytes[0] === DEPOSIT_TYPE;
  if (isDeposit !== (delayed?.kind === "deposit"))
    return refused("TX_TYPE", "deposits come from the delayed queue alone, as deposits");
  if (isRefusal(decoded)) return refused(decoded.code, decoded.message);
  if (delayed?.kind === "raw" && decoded.transaction.gasLimit > delayed.gas)
    return refused("TX_DECLARED_GAS", `gas limit ${decoded.transaction.gasLimit}, but ${delayed.gas} was declared`);
  return undefined;
};

export const createDraft = (
  machine: ChainMachine,
  options: {
    readonly parent: Block;
    readonly environment: BlockEnvironment & { readonly budget: bigint; readonly rules: BlockRules };
    readonly origin: Origin;
    readonly decode: EnvelopeDecoder;
  },
): Draft => {
  const { parent, environment, origin, decode } = options;
  const { refusal } = environment.rules.budget;
  const transactions: ChainTransaction[] = [];
  const receipts: Receipt[] = [];
  let tally = emptyTally(environment.budget);
  let size = 0;

  const apply = async (envelope: InboxEnvelope, accept?: Acceptance): Promise<AddResult> => {
    const decoded = decode(envelope.bytes);
    const wrong = judgeDelayed(envelope, decoded);
    if (wrong !== undefined) return wrong;
    if (isRefusal(decoded)) return refused(decoded.code, decoded.message);
    const left = environment.gasLimit - tally.gasUsed;
    const context = {
      environment,
      available: envelope.delayed !== undefined || left < tally.budget ? left : tally.budget,
      baseFeeVault: BASE_FEE_VAULT,
    };
    const outcome = await (accept === undefined
      ? applyTransaction(machine, decoded, context)
      : tryTransaction(machine, decoded, { ...context, accept }));
    if (outcome === undefined) return refused("TX_DECLINED", "not accepted, seeing what it used");
    if (isRefusal(outcome)) return refused(outcome.code, outcome.message);
    const { deposit, to } = decoded.transaction;
    const transaction = deposit === undefined ? decoded.transaction : { ...decoded.transaction, nonce: outcome.nonce };
    const receipt: Receipt = {
      status: outcome.ok ? 1 : 0,
      gasUsed: outcome.gasUsed,
      cumulativeGasUsed: tally.gasUsed + outcome.gasUsed,
      effectiveGasPrice: outcome.effectiveGasPrice,
      logs: outcome.logs,
      logsBloom: toHex(bloomOf(outcome.logs)),
      contractAddress: to === undefined ? createAddress(decoded.sender.bytes, outcome.nonce) : undefined,
      ...(deposit === undefined ? {} : { depositNonce: outcome.nonce }),
    };
    transactions.push(transaction);
    receipts.push(receipt);
    tally = tallyAfter(tally, transaction, receipt);
    size += transaction.envelope.length;
    return { included: true, transaction, receipt };
  };

  return {
    transactions,
    receipts,
    get tally() {
      return tally;
    },
    async add(envelope) {
      const result = await apply(envelope);
      if (!result.included) tally = tallyAfterRefusal(tally, envelope.delayed !== undefined, refusal);
      return result;
    },
    offer: (bytes, accept) => apply({ bytes }, accept),
    finish(stateRoot) {
      const header: Header = {
        number: environment.number,
        parentHash: parent.hash,
        timestamp: environment.timestamp,
        coinbase: environment.coinbase.toString(),
        stateRoot: toHex(stateRoot),
        transactionsRoot: toHex(frontierRoot(tally.transactions)),
        receiptsRoot: toHex(frontierRoot(tally.receipts)),
        logsBloom: toHex(tally.bloom),
        gasLimit: environment.gasLimit,
        gasUsed: tally.gasUsed,
        budget: tally.budget,
        baseFeePerGas: environment.baseFee,
        prevRandao: toHex(environment.prevRandao),
      };
      const encoded = encodeBlockHeader(header);
      return { hash: hashBlockHeader(header), header, origin, transactions, size: encoded.length + size };
    },
  };
};
