import { formatEther, type PublicClient } from "viem";
import { estimateGas, gasLimitOf, type L1Call, type Transactor, withdrawCreditCall } from "../bridge/index.ts";
import { CodedError, type Hex, type Telemetry } from "../executor/index.ts";
import { reasonOf } from "./background.ts";
import type { ChallengerMetrics } from "./challenger-metrics.ts";
import { encodeCall } from "./game/moves.ts";
import type { Move } from "./game/solver.ts";
import type { Grounds, L1Sources } from "./l1-sources.ts";
import { type Attempt, createAttempts, NO_FUNDS, type Refusal } from "./sending.ts";
import type { Spending } from "./spending.ts";

export type SenderErrorCode =
  /** The account cannot pay the stake and gas of what it would send. Send it ether: the clocks run. */
  | "CHALLENGER_FUNDS"
  /**
   * What it would send is more than may be spent in 24 hours. Raise --max-spend-per-day, or wait until the spending is a
   * day old: the clocks run.
   */
  | "CHALLENGER_SPEND_CAP";

export type SenderComponents = Pick<Telemetry, "logger"> & {
  readonly client: PublicClient;
  readonly transactor: Transactor;
  readonly sources: L1Sources;
  readonly spending: Spending;
  readonly metrics: ChallengerMetrics;
  readonly signal: AbortSignal;
  /** Is called when a transaction has come to its end. */
  readonly onDone: () => void;
};

export type SenderOptions = {
  /** The contract. */
  readonly registry: Hex;
  readonly stakes: readonly [bigint, bigint, bigint];
  /** Nothing is sent: what would be is told. */
  readonly isRehearsal: boolean;
};

/** What was sent last, or would have been. */
export type Plan = Pick<Attempt, "moves" | "value" | "gas"> & { readonly l1Block: bigint };

export type SendOutcome = {
  readonly refusals: readonly Refusal[];
  /** Why nothing was sent of what L1 would take. */
  readonly lack?: string | undefined;
};

type Instant = Grounds & { readonly timestamp: bigint };

/** Base fees may double before a transaction is mined. */
const MARGIN = 2n;

/** Signs what a look found, if the account can and may pay it, and every source of L1 says the same. */
export const createSender = (components: SenderComponents, { registry, stakes, isRehearsal }: SenderOptions) => {
  const { client, transactor, sources, spending, metrics, signal, onDone, logger } = components;
  const attempts = createAttempts(client, { registry, account: transactor.address, stakes });
  let sending: Promise<void> | undefined;
  let plan: Plan | undefined;
  let told = "";

  /** Once for the same thing. */
  const tell = (level: "info" | "error", data: object, message: string): void => {
    const key = `${message} ${JSON.stringify(data)}`;
    if (key !== told) logger[level](data, message);
    told = key;
  };

  const priceOf = async ({ value, gas }: Pick<Attempt, "value" | "gas">): Promise<bigint> =>
    value + gasLimitOf(gas) * MARGIN * (await client.getGasPrice());

  /** What came of it is read from L1, by the next look. */
  const submit = async (call: L1Call, rules: readonly string[], { most, now }: { most: bigint; now: bigint }) => {
    const paid = await spending.reserve(most, now);
    if (signal.aborted) return;
    logger.info({ rules, value: call.value }, "sending moves");
    const done = (outcome: string) => {
      for (const rule of rules) metrics.moves.inc({ rule, outcome });
      sending = undefined;
      onDone();
    };
    sending = transactor.send(call).then(
      async ({ gasUsed, effectiveGasPrice }) => {
        metrics.gas.inc(Number(gasUsed));
        await paid.settle((call.value ?? 0n) + gasUsed * effectiveGasPrice);
        done("mined");
      },
      async (error) => {
        const isUnsent =
          error instanceof CodedError && error.code !== "TRANSACTOR_STOPPED" && error.data["hash"] === undefined;
        if (isUnsent) await paid.settle(0n);
        done("failed");
        if (!signal.aborted) logger.warn({ err: error, rules }, "L1 did not take the moves");
      },
    );
  };

  /** What stands before an attempt. CHALLENGER_SPEND_CAP, CHALLENGER_FUNDS, the codes of sources. */
  const permit = async ({ moves, value, gas }: Attempt, at: Instant): Promise<bigint> => {
    const [balance, most] = await Promise.all([
      client.getBalance({ address: transactor.address }),
      priceOf({ value, gas }),
    ]);
    if (moves.length > 0 && balance < value + (most - value) / MARGIN) throw poor(balance);
    const left = spending.left(at.timestamp);
    if (left !== undefined && most > left)
      throw new CodedError<SenderErrorCode>(
        "CHALLENGER_SPEND_CAP",
        `the next moves take up to ${formatEther(most)} ether, and ${formatEther(left)} of ${formatEther(spending.cap ?? 0n)} a day are left`,
        { most, left },
      );
    await sources.check(at);
    return most;
  };
  const poor = (balance: bigint) =>
    new CodedError<SenderErrorCode>(
      "CHALLENGER_FUNDS",
      `${transactor.address} has ${formatEther(balance)} ether, which does not pay for the moves`,
    );

  const holdBack = (error: CodedError): string => {
    const lack = reasonOf(error);
    metrics.heldBack.set({ error: error.code }, 1);
    tell("error", { lack }, "a dispute stands still: moves are held back");
    return lack;
  };

  /** As much of it as the cap allows. */
  const fitting = async (moves: readonly Move[], at: Instant): Promise<{ attempt: Attempt; most: bigint }> => {
    const attempt = await attempts(moves);
    try {
      return { attempt, most: attempt.moves.length === 0 ? 0n : await permit(attempt, at) };
    } catch (error) {
      const isCap = error instanceof CodedError && error.code === "CHALLENGER_SPEND_CAP";
      if (!isCap || attempt.moves.length < 2) throw error;
      const { attempt: part, most } = await fitting(attempt.moves.slice(0, Math.ceil(attempt.moves.length / 2)), at);
      return { attempt: { ...part, refusals: [...attempt.refusals, ...part.refusals] }, most };
    }
  };

  return {
    /** INVARIANT: one transaction at a time, so that each is decided on what the one before came to. */
    get isBusy() {
      return sending !== undefined || transactor.pending > 0;
    },
    get plan() {
      return plan;
    },
    async send(found: readonly Move[], at: Instant): Promise<SendOutcome> {
      const wanted = [...new Map(found.map((move) => [encodeCall(move.call), move] as const)).values()];
      if (wanted.length === 0) return { refusals: [] };
      let refusals: readonly Refusal[] = [];
      try {
        const { attempt, most } = await fitting(wanted, at);
        refusals = attempt.refusals;
        for (const { error } of refusals) metrics.refusals.inc({ error });
        const { moves, data, value, gas } = attempt;
        if (moves.length === 0) {
          if (refusals.some(({ error }) => error === NO_FUNDS))
            throw poor(await client.getBalance({ address: transactor.address }));
          return { refusals };
        }
        plan = { moves, value, gas, l1Block: at.head.number };
        const rules = moves.map(({ rule }) => rule);
        if (isRehearsal) tell("info", { rules, value, gas, data }, "rehearsal: these moves would be sent");
        else if (!signal.aborted) await submit({ to: registry, data, value }, rules, { most, now: at.timestamp });
        return { refusals };
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        return { refusals, lack: holdBack(error) };
      }
    },
    /** Takes home what the account is credited with. */
    async withdraw(at: Instant): Promise<void> {
      if (isRehearsal || this.isBusy || signal.aborted) return;
      const call = withdrawCreditCall(registry);
      const gas = await estimateGas(client, { from: transactor.address, call });
      await submit(call, ["withdraw"], { most: await priceOf({ value: 0n, gas }), now: at.timestamp });
    },
  };
};
export type Sender = ReturnType<typeof createSender>;
