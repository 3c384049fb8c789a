import { createTestClient, formatEther, http, parseEther, parseEventLogs, type TransactionReceipt } from "viem";
import { getL2TransactionHashes } from "viem/op-stack";
import { CodedError, digitClassifier, type Hex } from "../../executor/index.ts";
import { type OpStackOptions, opStackClients } from "./op-stack.ts";
import { poll } from "./poll.ts";
import { sampleScans } from "./sample.ts";

export type SettlementErrorCode =
  /** The devnet's deposit or withdrawal failed, or L1 paid another amount. See the logs in its directory. */
  "SETTLEMENT_FAILED";

const DEPOSIT = parseEther("1");
const WITHDRAWAL = parseEther("0.5");
/** L1 blocks that are mined each time something is looked for that L1 has to bring. */
const STEP = 2;
const LOOK_MS = 150;

/** L1's clock in the devnet's hands: what would take minutes is there at once. One block is one second. */
const createClock = (rpc: string, signal: AbortSignal) => {
  const miner = createTestClient({ mode: "anvil", transport: http(rpc) });
  let moved = 0;
  const pass = async (blocks: number): Promise<void> => {
    await miner.mine({ blocks, interval: 1 });
    moved += blocks;
  };
  return {
    pass,
    /** Mines until there is an answer. */
    until: <T>(what: string, attempt: () => Promise<T | undefined>): Promise<T> =>
      poll({ what, signal, everyMs: LOOK_MS }, async () => {
        const answer = await attempt().catch(async (error: unknown) => {
          await pass(STEP);
          throw error;
        });
        if (answer === undefined) await pass(STEP);
        return answer;
      }),
    /** Seconds since the last time that this was asked. */
    taken(): number {
      const seconds = moved;
      moved = 0;
      return seconds;
    },
  };
};

const requireSuccess = ({ status, transactionHash }: TransactionReceipt, what: string): void => {
  if (status !== "success")
    throw new CodedError<SettlementErrorCode>("SETTLEMENT_FAILED", `${what} failed`, { transaction: transactionHash });
};

export type SettlementShow = OpStackOptions & {
  /** The contract that classifies digits on L2. */
  readonly classifier: Hex;
  /** L1 blocks until a claim is confirmed. */
  readonly period: number;
  /** Is told each step when it is done. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
};

/**
 * Brings ether to the chain, pays an inference with it, and takes ether back, by viem's actions for the OP Stack. The
 * account has ether on L1 and none on L2. L1's clock is moved for what has to wait. SETTLEMENT_FAILED, DEVNET_TIMEOUT, DEVNET_INTERRUPTED.
 */
export const showSettlement = async (options: SettlementShow): Promise<void> => {
  const { classifier, period, say, signal } = options;
  const { chain, account, publicL1, publicL2, walletL1, walletL2 } = opStackClients(options);
  const { address } = account;
  const clock = createClock(options.l1.rpc, signal);
  const tell = (step: string, text: string) => {
    const moved = clock.taken();
    say(`  ${step.padEnd(11)}${text}${moved === 0 ? "" : `   L1's clock moved by ${moved} s`}`);
  };
  const minedOnL1 = async (hash: Hex, what: string) => {
    const receipt = await clock.until(what, () => publicL1.getTransactionReceipt({ hash }));
    requireSuccess(receipt, what);
    return receipt;
  };
  const builtOnL2 = async (hash: Hex, what: string) => {
    const receipt = await poll({ what, signal }, () => publicL2.getTransactionReceipt({ hash }));
    requireSuccess(receipt, what);
    return receipt;
  };

  const request = await publicL2.buildDepositTransaction({ account, mint: DEPOSIT, to: address });
  const deposit = await minedOnL1(await walletL1.depositTransaction(request), "the deposit");
  const [arrival] = getL2TransactionHashes(deposit) as [Hex];
  const arrived = await clock.until("the deposit to arrive on L2", () =>
    publicL2.getTransactionReceipt({ hash: arrival }),
  );
  requireSuccess(arrived, "the deposit on L2");
  tell("deposited", `${formatEther(DEPOSIT)} ETH on L1 for ${address}, which had none on L2`);

  const [scan] = sampleScans();
  const inference = await walletL2.writeContract({
    address: classifier,
    abi: digitClassifier.abi,
    functionName: "classify",
    args: [scan?.pixels ?? "0x"],
  });
  const inferred = await builtOnL2(inference, "the inference");
  const [answer] = parseEventLogs({ abi: digitClassifier.abi, eventName: "Classified", logs: inferred.logs });
  const fee = formatEther(inferred.gasUsed * inferred.effectiveGasPrice);
  tell("inferred", `a contract read a ${answer?.args.digit}; ${fee} ETH of the deposit paid for it`);

  const asked = await walletL2.initiateWithdrawal({ request: { gas: 21_000n, to: address, value: WITHDRAWAL } });
  const receipt = await builtOnL2(asked, "the withdrawal");
  tell("withdrawn", `${formatEther(WITHDRAWAL)} ETH on L2, in block ${receipt.blockNumber}`);

  const status = (wanted: string) => async () =>
    (await publicL1.getWithdrawalStatus({ receipt, targetChain: chain })) === wanted ? true : undefined;
  await clock.until("a claim on L1 that has the withdrawal", status("ready-to-prove"));
  const { game, withdrawal } = await publicL1.waitToProve({ receipt, targetChain: chain });
  tell("claimed", `by the executor, up to block ${game.l2BlockNumber}, with a bond behind it`);

  const proof = await publicL2.buildProveWithdrawal({ account, game, withdrawal });
  await minedOnL1(await walletL1.proveWithdrawal(proof), "the proof");
  tell("proven", "on L1, against the claimed state root");

  await clock.pass(period);
  await clock.until("the withdrawal to be ready", status("ready-to-finalize"));
  tell("confirmed", `nobody claimed otherwise for ${period} L1 blocks`);

  const before = await publicL1.getBalance({ address });
  const finalization = await walletL1.finalizeWithdrawal({ targetChain: chain, withdrawal });
  const { gasUsed, effectiveGasPrice } = await minedOnL1(finalization, "the finalization");
  const paid = (await publicL1.getBalance({ address })) - before + gasUsed * effectiveGasPrice;
  if (paid !== WITHDRAWAL)
    throw new CodedError<SettlementErrorCode>("SETTLEMENT_FAILED", `L1 paid ${formatEther(paid)} ETH`, {
      transaction: finalization,
    });
  tell("finalized", `${formatEther(paid)} ETH are back on L1`);
};
